use crate::colour;
use crate::components::shared::Terms;
use crate::format;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::{steer, text};
use leptos::prelude::*;

/// The first direction as a reading vector: how far each token of the prompt
/// points along it, layer by layer.
#[component]
pub fn Reading() -> impl IntoView {
    let state = use_state();
    let t = steer();
    let found = Memo::new(move |_| {
        state.steered(|s| {
            let report = &s?.report;
            let projections = report.directions.first()?.projections.clone();
            let tokens: Vec<_> = report
                .prompt
                .iter()
                .map(|t| format::token(&t.text))
                .collect();
            Some((tokens, projections))
        })
    });
    let table = move || {
        found.get().map(|(tokens, rows)| {
            let heads = tokens.iter().map(|t| view! { <th scope="col"><span class="tok">{t.clone()}</span></th> });
            // Each layer has its own scale; position 0 is of another order.
            let row = |(layer, row): (usize, &Vec<f32>)| {
                let counted = row.iter().skip(usize::from(row.len() > 1));
                let most = counted.fold(1e-6f32, |m, x| m.max(x.abs()));
                let cells: Vec<_> = row
                    .iter()
                    .map(|x| {
                        let place = x / most;
                        view! {
                            <td
                                role="gridcell"
                                style=("--fill", colour::fill(place))
                                style=("--ink", colour::ink(place))
                            >
                                {format::number(*x, 1)}
                            </td>
                        }
                    })
                    .collect();
                view! { <tr><th scope="row">{layer}</th>{cells}</tr> }
            };
            let rows: Vec<_> = rows.iter().enumerate().map(row).collect();
            view! {
                <div class="map-scroll">
                    <table class="map still">
                        <thead><tr><th class="corner">{text().map.layer}</th>{heads.collect_view()}</tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            }
        })
    };
    view! {
        <details class="more" data-testid="reading">
            <summary>{t.reading_title}</summary>
            <p class="hint">{t.reading_hint}</p>
            <Terms of=&[Term::Projection] />
            {table}
        </details>
    }
}
