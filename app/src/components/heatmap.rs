use super::live;
use crate::colour;
use crate::format;
use crate::grid::{Column, Grid};
use crate::state::{State, use_state};
use crate::text::text;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use patchbay_engine::experiment::{Cell, Sweep};
use wasm_bindgen::JsCast;

/// What of a grid decides which cells there are.
#[derive(Clone, PartialEq)]
struct Shape {
    sweep: Sweep,
    layers: usize,
    columns: Vec<Column>,
}

/// Layer and column that a person points at or is at.
type At = (usize, usize);

/// The sweep as a table of coloured cells, walked with the arrow keys.
#[component]
pub fn HeatMap() -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let grid = state.derived.grid;
    let shape = Memo::new(move |_| {
        grid.with(|g| {
            g.as_ref().map(|g| Shape {
                sweep: g.sweep.clone(),
                layers: g.values.len(),
                columns: g.columns.clone(),
            })
        })
    });
    // The one cell that the Tab key reaches.
    let stop = RwSignal::new((0, 0));
    let hovered = RwSignal::new(None::<At>);
    let focused = RwSignal::new(None::<At>);
    let detail = live(move || {
        let chosen = state
            .experiment
            .with(|e| e.cell.map(|c| (c.layer, c.column)));
        let at = hovered.get().or(focused.get()).or(chosen);
        at.and_then(|at| grid.with(|g| detail(g.as_ref()?, at)))
            .unwrap_or_else(|| t.point.into())
    });
    let table = move || {
        shape
            .get()
            .map(|shape| table(state, shape, stop, hovered, focused))
    };
    view! {
        <p class="hidden" id="map-keys">{t.keys}</p>
        <div
            class="map-scroll"
            class:stale=state.derived.stale
            on:mouseleave=move |_| hovered.set(None)
            on:focusout=move |_| focused.set(None)
        >
            {table}
        </div>
        <p class="detail" data-testid="detail">{detail}</p>
    }
}

fn table(
    state: State,
    shape: Shape,
    stop: RwSignal<At>,
    hovered: RwSignal<Option<At>>,
    focused: RwSignal<Option<At>>,
) -> impl IntoView {
    let t = &text().map;
    let size = (shape.layers, shape.columns.len());
    let axis = if shape.sweep.site.per_head() {
        t.head_axis
    } else {
        (t.position_axis)(shape.sweep.mode)
    };
    // A smaller map keeps a cell that the Tab key reaches.
    let reachable = Signal::derive(move || {
        let (layer, column) = stop.get();
        (
            layer.min(size.0.saturating_sub(1)),
            column.min(size.1.saturating_sub(1)),
        )
    });
    let range = Memo::new(move |_| state.derived.grid.with(|g| g.as_ref().map(Grid::range)));
    let heads = shape.columns.iter().enumerate().map(head).collect_view();
    let rows = (0..shape.layers)
        .map(|layer| {
            let cells = (0..size.1)
                .map(|column| {
                    view! { <MapCell at=(layer, column) range stop reachable hovered focused /> }
                })
                .collect_view();
            view! {
                <tr>
                    <th scope="row" data-testid=format!("row-{layer}")>
                        <span class="hidden">{t.layer}" "</span>
                        {layer}
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
            aria-label=(t.label)(shape.sweep.site, shape.sweep.mode)
            aria-describedby="map-keys"
            on:keydown=move |event| walk(state, &event, reachable, size)
        >
            <caption>{axis}</caption>
            <thead>
                <tr>
                    <th scope="col" class="corner">{t.layer}</th>
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
        None => (t.head)(index),
    };
    view! {
        <th scope="col" class:differs=differs title=title data-testid=format!("column-{index}")>
            {token.map(|token| view! { <span class="tok">{token}</span> })}
            <span class="position">{index}</span>
            {differs.then(|| view! { <span class="hidden">", "{t.differs}</span> })}
        </th>
    }
}

#[component]
fn MapCell(
    at: At,
    range: Memo<Option<colour::Range>>,
    stop: RwSignal<At>,
    reachable: Signal<At>,
    hovered: RwSignal<Option<At>>,
    focused: RwSignal<Option<At>>,
) -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let (layer, column) = at;
    let grid = state.derived.grid;
    let value = Memo::new(move |_| grid.with(|g| g.as_ref()?.value(layer, column)));
    let place = move || Some(range.get()?.place(value.get()?));
    let shown = move || {
        value.get()?;
        let raw = state.preferences.with(|p| p.raw);
        grid.with(|g| number(g.as_ref()?, at, raw))
    };
    let label = move || {
        let value = shown().unwrap_or_else(|| t.pending.into());
        grid.with(|g| {
            g.as_ref()
                .map(|g| (t.cell)(&layer_name(layer), &column_name(g, column), &value))
        })
    };
    let chosen = move || {
        state
            .experiment
            .with(|e| e.cell == Some(Cell { layer, column }))
    };
    view! {
        <td
            role="gridcell"
            id=format!("cell-{layer}-{column}")
            data-testid=format!("cell-{layer}-{column}")
            data-value=move || value.get().map(|v| v.to_string())
            class:pending=move || value.get().is_none()
            class:chosen=chosen
            tabindex=move || if reachable.get() == at { "0" } else { "-1" }
            aria-selected=move || chosen().to_string()
            aria-label=label
            style=("--fill", move || place().map(colour::fill))
            style=("--ink", move || place().map(colour::ink))
            on:mouseenter=move |_| hovered.set(Some(at))
            on:focus=move |_| {
                stop.set(at);
                focused.set(Some(at));
            }
            on:click=move |_| choose(state, at)
        >
            {shown}
        </td>
    }
}

/// Chooses a cell, or no cell where it was chosen already.
fn choose(state: State, (layer, column): At) {
    let cell = Cell { layer, column };
    state.edit(|e| e.cell = (e.cell != Some(cell)).then_some(cell));
}

fn walk(state: State, event: &KeyboardEvent, from: Signal<At>, (layers, columns): At) {
    let (layer, column) = from.get_untracked();
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
        "Enter" | " " => {
            event.prevent_default();
            choose(state, (layer, column));
            return;
        }
        _ => return,
    };
    event.prevent_default();
    let cell = document()
        .get_element_by_id(&format!("cell-{}-{}", next.0, next.1))
        .and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(cell) = cell {
        let _ = cell.focus();
    }
}

/// The number in a cell: raw or normalised; raw where there is no scale.
fn number(grid: &Grid, (layer, column): At, raw: bool) -> Option<String> {
    let value = grid.value(layer, column)?;
    match grid.normalised(layer, column) {
        Some(normalised) if !raw => Some(format::number(normalised, 2)),
        _ => Some(format::metric(value, grid.experiment.metric.kind)),
    }
}

fn layer_name(layer: usize) -> String {
    (text().map.layer_n)(layer)
}

fn column_name(grid: &Grid, column: usize) -> String {
    let t = &text().map;
    match grid.columns.get(column).and_then(|c| c.token.as_deref()) {
        Some(token) => (t.column)(column, &format::token(token)),
        None => (t.head)(column),
    }
}

fn detail(grid: &Grid, (layer, column): At) -> Option<String> {
    let value = grid.value(layer, column)?;
    let place = format!("{}, {}", layer_name(layer), column_name(grid, column));
    let normalised = grid.normalised(layer, column).map(|n| format::number(n, 3));
    Some((text().map.detail)(
        &place,
        &format::number(value, 3),
        normalised.as_deref(),
    ))
}
