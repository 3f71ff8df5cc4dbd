use crate::components::shared::{live, whether};
use crate::format;
use crate::grid::{Column, Grid};
use crate::later;
use crate::state::use_state;
use crate::text::{estimate, text};
use leptos::prelude::*;

/// Rows that a table shows at most; files have them all.
const MOST: usize = 4_000;

/// The sweep as plain rows: row, column, token, metric, normalised metric and,
/// of several pairs, its interval.
#[component]
pub fn Values() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <details class="values" on:toggle=move |_| open.update(|open| *open = !*open)>
            <summary>{text().map.table}</summary>
            <Show when=move || open.get()>{VALUES.into_view()}</Show>
        </details>
    }
}

later! {
    /// The rows: a long table costs, and is there only while it is open.
    VALUES: more, values, load => view! { <Rows /> }
}

#[component]
fn Rows() -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let grid = state.derived.grid;
    let of_grid = move |of: fn(&Grid) -> String| {
        live(move || grid.with(|g| g.as_ref().map(of)).unwrap_or_default())
    };
    let caption = of_grid(|g| (text().map.table_caption)(g.sweep().site, g.sweep().mode));
    let row = of_grid(|g| (text().map.axis)(g.frame.rows.kind()).into());
    let column = of_grid(|g| (text().map.axis)(g.frame.columns.kind()).into());
    let rows = move || grid.with(|g| g.as_ref().map(rows));
    let estimates = whether(move || {
        let any = |g: &Grid| !g.estimates.is_empty();
        !grid.with(|g| g.as_ref().is_some_and(any))
    });
    view! {
            <div class="table-scroll" tabindex="0" role="region" aria-label=t.table>
                <table data-testid="table">
                    <caption>{caption}</caption>
                    <thead>
                        <tr>
                            <th scope="col">{row}</th>
                            <th scope="col">{column}</th>
                            <th scope="col">{t.token}</th>
                            <th scope="col">{t.value}</th>
                            <th scope="col">{t.normalised}</th>
                            <th scope="col">{t.interval}</th>
                            <th scope="col" hidden=estimates>{estimate().column}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
    }
}

fn rows(grid: &Grid) -> impl IntoView + use<> {
    let label = |side: &[Column], i: usize| side.get(i).map(|c| c.label.clone());
    grid.cells()
        .take(MOST)
        .filter_map(|(row, column, _)| {
            let (value, estimate) = (grid.patched(row, column), grid.estimate(row, column));
            value.or(estimate)?;
            let token = grid.columns.get(column).and_then(|c| c.token.as_deref());
            let normalised = value.and_then(|v| grid.scaled(v));
            let interval = grid.interval(row, column);
            let estimates = !grid.estimates.is_empty();
            Some(view! {
                <tr>
                    <td>{label(&grid.rows, row)}</td>
                    <td>{label(&grid.columns, column)}</td>
                    <td class="tok">{token.map(format::token)}</td>
                    <td>{value.map(|v| format::number(v, 4))}</td>
                    <td>{normalised.map(|n| format::number(n, 4))}</td>
                    <td>{interval.map(format::interval)}</td>
                    {estimates.then(|| view! { <td>{estimate.map(|e| format::number(e, 4))}</td> })}
                </tr>
            })
        })
        .collect_view()
}
