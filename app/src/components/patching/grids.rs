use super::heatmap::choose;
use crate::cells::{self, number, place};
use crate::components::fields::{Check, Choose, Entry};
use crate::components::shared::{live, passing, whether};
use crate::grid::Grid;
use crate::state::{State, use_state};
use crate::svg;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{MetricKind, Mode, Site, Sweep};

/// The block sites and head sites that one button sweeps.
const ALL: [Site; 8] = [
    Site::ResidPre,
    Site::AttnOut,
    Site::MlpOut,
    Site::Z,
    Site::Q,
    Site::K,
    Site::V,
    Site::Pattern,
];

/// How many of the strongest cells are listed.
const LISTED: usize = 10;

/// The sweeps side by side, each a small map; one of them is looked at.
#[component]
pub fn Grids() -> impl IntoView {
    let state = use_state();
    let t = &text().grids;
    let sweeps = Memo::new(move |_| state.experiment.with(|e| e.sweeps.clone()));
    let several = move || sweeps.with(|s| s.len() > 1);
    let tabs = move || sweeps.get().into_iter().enumerate().map(tab).collect_view();
    view! {
        <div class="grids" role="group" aria-label=t.title hidden=whether(move || !several())>
            {tabs}
        </div>
    }
}

/// What puts further sweeps beside the one looked at.
#[component]
pub fn AddButtons() -> impl IntoView {
    let state = use_state();
    let t = &text().grids;
    let all = move |_| {
        let mode = untrack(|| state.sweep()).mode;
        state.set_sweeps(ALL.map(|site| Sweep::of(site, mode)).to_vec(), 0);
    };
    let add = move |other_way: bool| {
        let mut sweep = untrack(|| state.sweep());
        if other_way {
            sweep.mode = match sweep.mode {
                Mode::Denoising => Mode::Noising,
                Mode::Noising => Mode::Denoising,
            };
        }
        let mut sweeps = state.experiment.with_untracked(|e| e.sweeps.clone());
        sweeps.push(sweep);
        let last = sweeps.len() - 1;
        state.set_sweeps(sweeps, last);
    };
    view! {
        <div class="buttons">
            <button type="button" class="quiet" data-testid="add-sweep" on:click=move |_| add(false)>
                {t.add}
            </button>
            <button type="button" class="quiet" data-testid="both-ways" on:click=move |_| add(true)>
                {t.both}
            </button>
            <button type="button" class="quiet" data-testid="all-sweeps" on:click=all>
                {t.all}
            </button>
        </div>
    }
}

fn tab((i, sweep): (usize, Sweep)) -> impl IntoView {
    let state = use_state();
    let t = &text().grids;
    let name = cells::sweep(&sweep);
    let small = passing(move || {
        state.results.with(|r| {
            let mut grid = r.grids.get(i)?.clone();
            grid.shown = state.shown.get();
            Some(svg::squares(&svg::places(&grid), |_, _| String::new()))
        })
    });
    let remove = move |_| {
        let mut sweeps = state.experiment.with_untracked(|e| e.sweeps.clone());
        if i < sweeps.len() {
            sweeps.remove(i);
        }
        state.set_sweeps(sweeps, i.saturating_sub(1));
        state.edit(|e| e.cell = None);
    };
    let active = passing(move || state.active.get() == i);
    view! {
        <div class="grid-tab" class:active=move || active.get()>
            <button
                type="button"
                aria-pressed=live(move || active.get().to_string())
                data-testid=format!("grid-{i}")
                on:click=move |_| state.active.set(i)
            >
                <span class="small-map" inner_html=move || small.get().unwrap_or_default()></span>
                <span>{name.clone()}</span>
            </button>
            <button type="button" class="quiet" aria-label=(t.remove)(&name) on:click=remove>"×"</button>
        </div>
    }
}

/// Which metric the map shows, and whether the metrics agree.
#[component]
pub fn MetricChoice() -> impl IntoView {
    let state = use_state();
    let t = &text().grids;
    let kinds = Memo::new(move |_| {
        let grid = state.derived.grid;
        let list = |g: &Grid| {
            g.experiment
                .metrics
                .iter()
                .map(|m| m.kind)
                .collect::<Vec<_>>()
        };
        grid.with(|g| g.as_ref().map(list).unwrap_or_default())
    });
    let options = Signal::derive(move || {
        let entry = |(i, kind): (usize, MetricKind)| Entry {
            value: i.to_string(),
            label: (text().answer.kind)(kind).into(),
            barred: false,
        };
        kinds.get().into_iter().enumerate().map(entry).collect()
    });
    let several = move || kinds.with(|k| k.len() > 1);
    view! {
        <div hidden=whether(move || !several())>
            <Choose
                id="shown-metric"
                label=t.metric
                options
                value=live(move || state.shown.get().to_string())
                set=move |chosen: String| state.shown.set(chosen.parse().unwrap_or(0))
            />
            <small data-testid="agreement">{live(move || agreement(state).unwrap_or_default())}</small>
        </div>
    }
}

/// Where the metrics disagree about the strongest cell, what each says.
fn agreement(state: State) -> Option<String> {
    let t = &text().grids;
    let mut grid = state.derived.grid.get().filter(Grid::is_complete)?;
    let mut says = Vec::new();
    for metric in 0..grid.metrics.len() {
        grid.shown = metric;
        says.push((grid.kind(), grid.strongest()?));
    }
    if says.iter().all(|s| s.1 == says[0].1) {
        return Some(t.agree.into());
    }
    let one = |(kind, at)| format!("{}: {}", (text().answer.kind)(kind), place(&grid, at));
    let says: Vec<String> = says.into_iter().map(one).collect();
    Some(format!("{} {}.", t.disagree, says.join("; ")))
}

/// A map kept to compare others with: another direction, metric, prompt or model.
#[component]
pub fn Pin() -> impl IntoView {
    let state = use_state();
    let t = &text().grids;
    // A map of other cells cannot be compared: nothing is offered.
    let is_like = move |pinned: &Grid| {
        state
            .derived
            .grid
            .with(|g| g.as_ref().is_some_and(|g| g.is_like(pinned)))
    };
    let pinned = move || {
        state
            .pinned
            .with(|p| p.as_ref().filter(|g| is_like(g)).map(cells::map))
    };
    let pin = move |_| {
        let shown = state.derived.grid.get_untracked().filter(|g| !g.difference);
        state.pinned.set(shown);
    };
    view! {
        <div class="stack">
            <button
                type="button"
                class="quiet"
                data-testid="pin"
                disabled=whether(move || state.compares.get())
                on:click=pin
            >
                {t.pin}
            </button>
            <Check
                testid="compare"
                label=live(move || pinned().map(|name| (t.compare)(&name)).unwrap_or_default())
                checked=whether(move || state.compares.get())
                set=move |compares| state.compares.set(compares)
                hidden=whether(move || pinned().is_none())
            />
        </div>
    }
}

/// The strongest cells, sorted.
#[component]
pub fn Strongest() -> impl IntoView {
    let state = use_state();
    let t = &text().grids;
    let list = move || {
        let raw = state.preferences.with(|p| p.raw);
        state.derived.grid.with(|g| {
            let grid = g.as_ref()?;
            let item = |at| {
                let name = place(grid, at);
                let value = number(grid, at, raw).unwrap_or_default();
                view! {
                    <li>
                        <button type="button" class="quiet" on:click=move |_| choose(state, at)>
                            {name}
                        </button>
                        <span class="num">{value}</span>
                    </li>
                }
            };
            Some(grid.ranked(LISTED).into_iter().map(item).collect_view())
        })
    };
    let title = live(move || {
        match state
            .derived
            .grid
            .with(|g| g.as_ref().is_some_and(|g| g.estimated))
        {
            true => (text().map.estimate)(t.strongest),
            false => t.strongest.into(),
        }
    });
    view! {
        <details class="more">
            <summary>{title}</summary>
            <ol class="strongest" data-testid="strongest-cells">{list}</ol>
        </details>
    }
}
