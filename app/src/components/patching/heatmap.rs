use super::overview::Overview;
use crate::cells::{both, number, place};
use crate::colour;
use crate::components::shared::{focus, live, passing, target, whether};
use crate::format;
use crate::grid::{Column, Grid};
use crate::nothing::{itself, nothing};
use crate::state::{State, use_state};
use crate::text::text;
use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use patchbay_engine::experiment::{AxisKind, Frame};

/// What of a grid decides which cells there are.
#[derive(Clone, PartialEq)]
struct Shape {
    frame: Frame,
    rows: Vec<Column>,
    columns: Vec<Column>,
}

/// Row and column that a person points at or is at.
pub use crate::cells::At;

/// The sweep as a table of coloured cells, walked with the arrow keys.
#[component]
pub fn HeatMap(
    /// Takes the cell that is pointed at, else the one that is chosen.
    pointed: WriteSignal<Option<At>>,
    /// The cell under the pointer, here or in a map beside this one.
    hovered: RwSignal<Option<At>>,
    range: Memo<Option<colour::Range>>,
) -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let grid = state.derived.grid;
    let shape = Memo::new(move |_| {
        grid.with(|g| {
            g.as_ref().map(|g| Shape {
                frame: g.frame.clone(),
                rows: g.rows.clone(),
                columns: g.columns.clone(),
            })
        })
    });
    // The one cell that the Tab key reaches.
    let stop = RwSignal::new((0, 0));
    let focused = RwSignal::new(None::<At>);
    let at = Memo::new(move |_| {
        let index = grid.with(|g| g.as_ref().map(|g| g.index));
        let chosen = state.experiment.with(|e| {
            let cell = e.cell.filter(|c| Some(c.sweep) == index);
            cell.map(|c| (c.row, c.column))
        });
        hovered.get().or(focused.get()).or(chosen)
    });
    Effect::new(move |_| pointed.set(at.get()));
    let detail = live(move || {
        at.get()
            .and_then(|at| {
                let detail = grid.with(|g| detail(state, g.as_ref()?, at))?;
                Some(match unchanged(state, at) {
                    Some(why) => format!("{detail}. {why}"),
                    None => detail,
                })
            })
            .unwrap_or_else(|| t.point.into())
    });
    let table = move || {
        shape
            .get()
            .map(|shape| table(state, shape, stop, hovered, focused, range))
    };
    let covered = whether(move || state.is_covered());
    let scrolls = NodeRef::<Div>::new();
    let turned = RwSignal::new(0);
    let strongest = Memo::new(move |_| {
        let complete = |g: &&Grid| g.is_complete();
        grid.with(|g| g.as_ref().filter(complete).and_then(Grid::strongest))
    });
    // A wide map begins where there is something to see.
    Effect::new(move |_| {
        if let Some(at) = strongest.get() {
            request_animation_frame(move || {
                show(at);
                turned.update(|n| *n += 1);
            });
        }
    });
    view! {
        <p class="hidden" id="map-keys">{t.keys}</p>
        <Overview scrolls turned />
        <div
            class="map-scroll"
            class:stale=state.derived.stale
            node_ref=scrolls
            on:scroll=move |_| turned.update(|n| *n += 1)
            on:mouseleave=move |_| hovered.set(None)
            on:focusout=move |_| focused.set(None)
        >
            {table}
        </div>
        <p class="detail" data-testid="detail" hidden=covered>{detail}</p>
    }
}

fn table(
    state: State,
    shape: Shape,
    stop: RwSignal<At>,
    hovered: RwSignal<Option<At>>,
    focused: RwSignal<Option<At>>,
    range: Memo<Option<colour::Range>>,
) -> impl IntoView {
    let t = &text().map;
    let size = (shape.rows.len(), shape.columns.len());
    let sweep = &shape.frame.sweep;
    let axis = match shape.frame.columns.kind() {
        AxisKind::Position => (t.position_axis)(sweep.mode),
        kind => (t.axis)(kind),
    };
    // What the cells follow goes with this table: what outlives them keeps a note of
    // each. A smaller map keeps a cell that the Tab key reaches.
    let index = move |at: At| at.0 * size.1 + at.1;
    let reachable = passing(move || {
        let (layer, column) = stop.get();
        let layer = layer.min(size.0.saturating_sub(1));
        Some(index((layer, column.min(size.1.saturating_sub(1)))))
    });
    let raw = passing(move || state.preferences.with(|p| p.raw));
    let chosen = passing(move || {
        let cell = state.experiment.with(|e| e.cell)?;
        let at = (cell.row, cell.column);
        (state.cell(at.0, at.1) == cell).then(|| index(at))
    });
    let range = passing(move || range.get());
    let estimated = passing(move || {
        let estimated = |g: &Grid| g.estimated;
        Some(
            state
                .derived
                .grid
                .with(|g| g.as_ref().is_some_and(estimated)),
        )
    });
    let name = (t.label)(sweep.site, sweep.mode);
    // All cells follow this one, which goes with them.
    let grid = passing(move || state.derived.grid.get());
    let heads = shape.columns.iter().enumerate().map(head).collect_view();
    let row_axis = (t.axis)(shape.frame.rows.kind());
    let rows = shape
        .rows
        .iter()
        .enumerate()
        .map(|(row, head)| {
            let cells = (0..size.1)
                .map(|column| view! { <MapCell at=(row, column) index=index((row, column)) grid range raw chosen reachable /> })
                .collect_view();
            view! {
                <tr>
                    <th scope="row" class:differs=head.differs data-testid=format!("row-{row}")>
                        <span class="hidden">{row_axis}" "</span>
                        {head.label.clone()}
                        {head.token.as_deref().map(|t| view! { <span class="tok">{format::token(t)}</span> })}
                    </th>
                    {cells}
                </tr>
            }
        })
        .collect_view();
    view! {
        <table
            class="map"
            role="grid"
            data-testid="heatmap"
            class:estimated=move || estimated.get() == Some(true)
            aria-label=move || match estimated.get() {
                Some(true) => (t.estimate)(&name),
                _ => name.clone(),
            }
            aria-describedby="map-keys"
            on:keydown=move |event| walk(state, &event, reachable, size)
            on:mouseover=move |event| hovered.set(cell_of(&event))
            on:focusin=move |event| {
                if let Some(at) = cell_of(&event) {
                    stop.set(at);
                    focused.set(Some(at));
                }
            }
            on:click=move |event| {
                if let Some(at) = cell_of(&event) {
                    choose(state, at);
                }
            }
        >
            <caption>{axis}</caption>
            <thead>
                <tr>
                    <th scope="col" class="corner">{row_axis}</th>
                    {heads}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn head((index, column): (usize, &Column)) -> impl IntoView + use<> {
    let t = &text().map;
    let token = column.token.as_deref().map(format::token);
    let differs = column.differs;
    let title = match &token {
        Some(token) => (t.column)(index, token),
        None => column.label.clone(),
    };
    view! {
        <th scope="col" class:differs=differs title=title data-testid=format!("column-{index}")>
            {token.map(|token| view! { <span class="tok">{token}</span> })}
            <span class="position">{column.label.clone()}</span>
            {differs.then(|| view! { <span class="hidden">", "{t.differs}</span> })}
        </th>
    }
}

#[component]
fn MapCell(
    at: At,
    grid: Memo<Option<Grid>>,
    range: Memo<Option<colour::Range>>,
    /// Counted over the whole map, as in the next two.
    index: usize,
    raw: Memo<bool>,
    chosen: Memo<Option<usize>>,
    reachable: Memo<Option<usize>>,
) -> impl IntoView {
    let t = &text().map;
    let (row, column) = at;
    let value = Memo::new(move |_| grid.with(|g| g.as_ref()?.value(row, column)));
    let place_on_scale = move || Some(range.get()?.place(value.get()?));
    let shown = move || {
        value.get()?;
        let raw = raw.get();
        grid.with(|g| number(g.as_ref()?, at, raw))
    };
    let label = move || {
        let both = grid.with(|g| both(g.as_ref()?, at, raw.get()));
        let value = both.or_else(shown).unwrap_or_else(|| t.pending.into());
        grid.with(|g| g.as_ref().map(|g| (t.cell)(&place(g, at), &value)))
    };
    let chosen = move || chosen.get() == Some(index);
    // Where 95 % of the bootstrapped values lie, as shares of the cell's width from the
    // corrupted run to the clean one.
    let interval = Memo::new(move |_| {
        let (low, high) = grid.with(|g| g.as_ref()?.interval(row, column))?;
        let share = |v: f32| format!("{:.1}%", 100.0 * v.clamp(0.0, 1.0));
        Some((share(low), share(high)))
    });
    // Where there are estimates: cells left to them, and those of which both are known.
    let known = move || {
        grid.with(|g| {
            let g = g.as_ref()?;
            let estimate = g.estimate(row, column).is_some() && g.estimated;
            match g.is_unpatched(row, column) {
                true => (!g.estimated).then_some("estimate"),
                false => (estimate && g.patched(row, column).is_some()).then_some("both"),
            }
        })
    };
    let missing = move || grid.with(|g| g.as_ref().is_some_and(|g| g.is_missing(row, column)));
    view! {
        <td
            role="gridcell"
            id=format!("cell-{row}-{column}")
            data-testid=format!("cell-{row}-{column}")
            data-value=move || value.get().map(|v| v.to_string())
            class:pending=move || value.get().is_none() && !missing() && known().is_none()
            class:missing=missing
            data-known=known
            class:chosen=chosen
            tabindex=move || if reachable.get() == Some(index) { "0" } else { "-1" }
            aria-selected=move || chosen().to_string()
            aria-label=label
            style=("--fill", move || place_on_scale().map(colour::fill))
            style=("--ink", move || place_on_scale().map(colour::ink))
            class:interval=move || interval.with(Option::is_some)
            style=("--low", move || interval.get().map(|i| i.0))
            style=("--high", move || interval.get().map(|i| i.1))
        >
            {shown}
        </td>
    }
}

/// The cell in which something happened.
fn cell_of(event: &web_sys::Event) -> Option<At> {
    let id = target(event)?.closest("[role=gridcell]").ok()??.id();
    let (row, column) = id.strip_prefix("cell-")?.split_once('-')?;
    Some((row.parse().ok()?, column.parse().ok()?))
}

/// Windows up to this width, in pixels, show one panel at a time.
const NARROW: f64 = 640.0;

/// Chooses a cell, or no cell where it was chosen already; marks it where a workshop asks
/// for that.
pub fn choose(state: State, (row, column): At) {
    if state.marks() {
        return state.mark((row, column));
    }
    let cell = state.cell(row, column);
    let another = state.experiment.with_untracked(|e| e.cell != Some(cell));
    state.edit(|e| e.cell = another.then_some(cell));
    let width = window().inner_width().ok().and_then(|w| w.as_f64());
    if another && width.is_some_and(|w| w <= NARROW) {
        // What was asked for is not where the finger is.
        if let Some(run) = document().get_element_by_id("patched-run") {
            run.scroll_into_view();
        }
    }
}

/// Moves the focus to a cell.
pub fn enter((row, column): At) {
    focus(&format!("cell-{row}-{column}"));
}

/// Scrolls the map, and it alone, to where a cell is seen beside the rows' names.
pub fn show((row, column): At) {
    let cell = document().get_element_by_id(&format!("cell-{row}-{column}"));
    let around = cell.as_ref().and_then(|c| c.closest(".map-scroll").ok()?);
    let (Some(cell), Some(around)) = (cell, around) else {
        return;
    };
    let name = around.query_selector("tbody th").ok().flatten();
    let name = name.map_or(0.0, |n| n.get_bounding_client_rect().width());
    let (cell, seen) = (
        cell.get_bounding_client_rect(),
        around.get_bounding_client_rect(),
    );
    let too_far_left = (seen.left() + name - cell.left()).max(0.0);
    let too_far_right = (cell.right() - seen.right()).max(0.0);
    let by = (too_far_right - too_far_left).round();
    around.set_scroll_left(around.scroll_left() + by as i32);
}

fn walk(state: State, event: &KeyboardEvent, from: Memo<Option<usize>>, (layers, columns): At) {
    let from = from.get_untracked().unwrap_or(0);
    let (layer, column) = (from / columns.max(1), from % columns.max(1));
    let (last_layer, last_column) = (layers.saturating_sub(1), columns.saturating_sub(1));
    let next = match event.key().as_str() {
        "ArrowUp" => (layer.saturating_sub(1), column),
        "ArrowDown" => ((layer + 1).min(last_layer), column),
        "ArrowLeft" => (layer, column.saturating_sub(1)),
        "ArrowRight" => (layer, (column + 1).min(last_column)),
        "Home" if event.ctrl_key() => (0, 0),
        "End" if event.ctrl_key() => (last_layer, last_column),
        "Home" => (layer, 0),
        "End" => (layer, last_column),
        "PageUp" => (0, column),
        "PageDown" => (last_layer, column),
        "Escape" => {
            state.edit(|e| e.cell = None);
            return;
        }
        "Enter" | " " => {
            event.prevent_default();
            choose(state, (layer, column));
            return;
        }
        _ => return,
    };
    event.prevent_default();
    enter(next);
}

/// Why a cell's patch changes nothing, where it does not.
pub fn unchanged(state: State, at: At) -> Option<&'static str> {
    let layers = state.model()?.n_layer;
    // Of another experiment's reading nothing follows for this map.
    if state.derived.stale.get() {
        return None;
    }
    let why = state.derived.grid.with(|g| {
        let grid = g.as_ref()?;
        let reading = state.derived.reading;
        reading.with(|r| {
            let reading = r.as_ref()?;
            nothing(grid, reading, at, layers).or_else(|| itself(grid, reading, at))
        })
    })?;
    Some((text().map.nothing)(why))
}

fn detail(state: State, grid: &Grid, at: At) -> Option<String> {
    let t = &text().map;
    let both = both(grid, at, state.preferences.with(|p| p.raw));
    // Of an estimate it is said that it is one.
    if let Some(both) = both
        .as_ref()
        .filter(|_| grid.estimated || grid.value(at.0, at.1).is_none())
    {
        return Some((t.cell)(&place(grid, at), both));
    }
    let value = grid.value(at.0, at.1)?;
    let normalised = grid.normalised(at.0, at.1).map(|n| format::number(n, 3));
    let interval = grid.interval(at.0, at.1).map(format::interval);
    let detail = (t.detail)(
        &place(grid, at),
        &format::number(value, 3),
        normalised.as_deref(),
        interval.as_deref(),
    );
    Some(match both {
        Some(both) => format!("{detail}; {both}"),
        None => detail,
    })
}
