use super::live;
use crate::format;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;

/// The sweep as plain rows: layer, column, token, metric, normalised metric.
#[component]
pub fn Values() -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let open = RwSignal::new(false);
    let grid = state.derived.grid;
    let caption = live(move || {
        grid.with(|g| {
            g.as_ref()
                .map(|g| (t.table_caption)(g.sweep.site, g.sweep.mode))
        })
        .unwrap_or_default()
    });
    let column = live(move || {
        let per_head = grid.with(|g| g.as_ref().is_some_and(|g| g.site().per_head()));
        if per_head { t.head_axis } else { t.position }
    });
    // A long table costs: its rows are there only while it is open.
    let rows = move || open.get().then(|| grid.with(|g| g.as_ref().map(rows)));
    view! {
        <details class="values" on:toggle=move |_| open.update(|open| *open = !*open)>
            <summary>{t.table}</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label=t.table>
                <table data-testid="table">
                    <caption>{caption}</caption>
                    <thead>
                        <tr>
                            <th scope="col">{t.layer}</th>
                            <th scope="col">{column}</th>
                            <th scope="col">{t.token}</th>
                            <th scope="col">{t.value}</th>
                            <th scope="col">{t.normalised}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}

fn rows(grid: &crate::grid::Grid) -> impl IntoView + use<> {
    grid.cells()
        .filter_map(|(layer, column, value)| {
            let value = value?;
            let token = grid.columns.get(column).and_then(|c| c.token.as_deref());
            let normalised = grid.normalised(layer, column);
            Some(view! {
                <tr>
                    <td>{layer}</td>
                    <td>{column}</td>
                    <td class="tok">{token.map(format::token)}</td>
                    <td>{format::number(value, 4)}</td>
                    <td>{normalised.map(|n| format::number(n, 4))}</td>
                </tr>
            })
        })
        .collect_view()
}
