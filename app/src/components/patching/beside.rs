use super::heatmap::At;
use crate::cells::{self, number, place};
use crate::components::fields::{Choose, Entry};
use crate::components::shared::{live, target, whether};
use crate::grid::Grid;
use crate::later;
use crate::state::{State, use_state};
use crate::svg;
use crate::text::text;
use leptos::prelude::*;

/// Numbers that a map beside another one is drawn with at most.
const MOST_CELLS: usize = 1_200;

/// What is looked at beside the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beside {
    #[default]
    Nothing,
    /// Another of the experiment's sweeps.
    Sweep(usize),
    /// The same sweep by another of its metrics.
    Metric(usize),
    /// The same sweep's estimate, or what was patched where that is shown.
    Estimate,
    /// The map that was pinned.
    Pinned,
}

impl Beside {
    fn name(self) -> String {
        match self {
            Self::Nothing => "nothing".into(),
            Self::Sweep(i) => format!("sweep-{i}"),
            Self::Metric(i) => format!("metric-{i}"),
            Self::Estimate => "estimate".into(),
            Self::Pinned => "pinned".into(),
        }
    }
}

/// Everything that can be looked at beside a map, to choose from; what is of other cells
/// is barred.
fn offered(state: State, of: &Grid) -> Vec<(Beside, Entry)> {
    let t = &text().grids;
    let entry = |which: Beside, label: String, other: &Grid| {
        let entry = Entry {
            value: which.name(),
            label,
            barred: !other.is_like(of),
        };
        (which, entry)
    };
    let mut all: Vec<_> = state.results.with(|r| {
        let others = r.grids.iter().filter(|g| g.index != of.index);
        let one = |g: &Grid| entry(Beside::Sweep(g.index), name(g, metric_of(g, of)), g);
        others.map(one).collect()
    });
    let metrics = (0..of.metrics.len()).filter(|i| *i != of.shown);
    all.extend(metrics.map(|i| entry(Beside::Metric(i), name(of, i), of)));
    if let Some(other) = other_way(of) {
        all.push(entry(Beside::Estimate, name(&other, of.shown), of));
    }
    state.pinned.with(|pinned| {
        let one = |g: &Grid| entry(Beside::Pinned, (t.beside_pinned)(&name(g, g.shown)), g);
        all.extend(pinned.as_ref().map(one));
    });
    all
}

/// The metric that another sweep is shown by: the same, where it has that.
fn metric_of(other: &Grid, of: &Grid) -> usize {
    of.shown.min(other.metrics.len().saturating_sub(1))
}

/// A map by one of its metrics.
fn name(grid: &Grid, metric: usize) -> String {
    let (t, kind) = (&text().grids, (text().answer.kind)(grid.kind_of(metric)));
    (t.beside_name)(&cells::map(grid), kind, &grid.experiment.model)
}

/// What was patched for an estimate, and the estimate for what was patched.
fn other_way(of: &Grid) -> Option<Grid> {
    (!of.estimates.is_empty()).then(|| Grid {
        estimated: !of.estimated,
        ..of.clone()
    })
}

/// The map that was chosen to be beside another one; `None` where it is not there any
/// more, or is of other cells.
pub fn chosen(state: State, beside: Beside, of: &Grid) -> Option<Grid> {
    if of.difference {
        return None;
    }
    let found = match beside {
        Beside::Nothing => None,
        Beside::Sweep(i) => state.results.with(|r| {
            let other = r.grids.iter().find(|g| g.index == i && i != of.index)?;
            Some(Grid {
                shown: metric_of(other, of),
                ..other.clone()
            })
        }),
        Beside::Metric(i) => (i != of.shown && i < of.metrics.len()).then(|| Grid {
            shown: i,
            ..of.clone()
        }),
        Beside::Estimate => other_way(of),
        Beside::Pinned => state.pinned.get(),
    };
    found.filter(|other| other.is_like(of))
}

/// What the map and the one beside it have in common.
#[derive(Clone, Copy)]
pub struct Together {
    pub beside: RwSignal<Beside>,
    pub other: Memo<Option<Grid>>,
    pub pointed: Signal<Option<At>>,
    pub hovered: RwSignal<Option<At>>,
}

later! {
    /// The choice of what is beside the map, loaded where there is something to choose.
    pub BESIDE: more, beside_map, load_beside => view! { <BesideMap /> }
}

/// Whether anything could stand beside the map.
pub fn has_others(state: State) -> bool {
    let several = |g: &Grid| g.metrics.len() > 1 || !g.estimates.is_empty();
    state.results.with(|r| r.grids.len() > 1)
        || state.derived.grid.with(|g| g.as_ref().is_some_and(several))
        || state.pinned.with(Option::is_some)
}

/// The choice of what is beside the map, and its own map under it: the same cell is
/// marked in both, and both have one scale.
#[component]
fn BesideMap() -> impl IntoView {
    let Together {
        beside,
        other,
        pointed,
        hovered,
    } = expect_context();
    let state = use_state();
    let t = &text().grids;
    let grid = state.derived.grid;
    let options = Signal::derive(move || {
        let nothing = Entry {
            value: Beside::Nothing.name(),
            label: t.beside_nothing.into(),
            barred: false,
        };
        let others = grid.with(|g| {
            let Some(of) = g.as_ref().filter(|g| !g.difference) else {
                return Vec::new();
            };
            let entries = offered(state, of).into_iter();
            entries.map(|(_, entry)| entry).collect()
        });
        std::iter::once(nothing)
            .chain(others)
            .collect::<Vec<Entry>>()
    });
    let take = move |chosen: String| {
        let found = grid.with_untracked(|g| {
            let of = g.as_ref()?;
            let mut all = untrack(|| offered(state, of)).into_iter();
            Some(all.find(|(_, entry)| entry.value == chosen)?.0)
        });
        beside.set(found.unwrap_or_default());
    };
    let drawn = move || {
        let own = grid.get();
        let raw = state.preferences.with(|p| p.raw);
        other.with(|o| {
            let other = o.as_ref()?;
            let range = other.range_beside(own.as_ref());
            let many = other.rows.len() * other.columns.len() > MOST_CELLS;
            let said = |at| {
                let value = number(other, at, raw).unwrap_or_default();
                let told = format!("{}: {value}", place(other, at));
                (if many { String::new() } else { value }, told)
            };
            Some(svg::beside(
                other,
                &range,
                pointed.get().filter(|_| !many),
                said,
            ))
        })
    };
    let title =
        live(move || other.with(|o| o.as_ref().map(|g| name(g, g.shown)).unwrap_or_default()));
    let scale = live(move || {
        let mode = other.with(|o| o.as_ref().map(|g| g.sweep().mode));
        mode.map_or_else(String::new, |mode| {
            (t.beside_scale)((text().map.unpatched)(mode))
        })
    });
    let detail = move || {
        let at = pointed.get()?;
        let raw = state.preferences.with(|p| p.raw);
        other.with(|o| {
            let other = o.as_ref()?;
            let value = number(other, at, raw)?;
            Some(format!("{}: {value}", place(other, at)))
        })
    };
    let told = live(move || detail().unwrap_or_default());
    view! {
        <div hidden=whether(move || options.with(|o| o.len() < 2))>
            <Choose
                id="beside"
                label=t.beside
                class="small"
                options
                value=live(move || match other.with(Option::is_some) {
                    true => beside.get().name(),
                    // What was chosen is not there, or of other cells.
                    false => Beside::Nothing.name(),
                })
                set=take
            />
        </div>
        <figure class="beside" data-testid="beside-map" hidden=whether(move || other.with(Option::is_none))>
            <figcaption>{title}" "<small>{scale}</small></figcaption>
            <div
                class="map-scroll"
                inner_html=move || drawn().unwrap_or_default()
                on:mouseover=move |event| hovered.set(cell_of(&event))
                on:mouseleave=move |_| hovered.set(None)
            ></div>
            <p class="detail" data-testid="beside-detail">{told}</p>
        </figure>
    }
}

/// The cell of the drawn map in which something happened.
fn cell_of(event: &web_sys::Event) -> Option<At> {
    let cell = target(event)?.closest("[data-cell]").ok()??;
    let name = cell.get_attribute("data-cell")?;
    let (row, column) = name.split_once('-')?;
    Some((row.parse().ok()?, column.parse().ok()?))
}
