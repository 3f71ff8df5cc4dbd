//! Which parts of a room are shown, and which of them can be changed.

use crate::components::shared::whether;
use crate::share::{set_open, set_shown};
use crate::state::use_state;
use crate::text::forms;
use leptos::prelude::*;
use patchbay_engine::experiment::{Show, Shown};

/// A table of them.
#[component]
pub(super) fn Parts(show: RwSignal<Show>) -> impl IntoView {
    let state = use_state();
    let t = forms();
    let parts = move || {
        let room = state.room();
        let row = move |part: &Shown| {
            let part = *part;
            let name = (t.part)(room, part);
            view! {
                <tr>
                    <th scope="row">{name}</th>
                    <td>
                        <input
                            type="checkbox"
                            data-testid=format!("show-{part:?}")
                            aria-label=(t.shows)(name)
                            // One is always left.
                            disabled=whether(move || show.with(|s| s.parts == [part]))
                            prop:checked=whether(move || show.with(|s| s.has(part)))
                            on:change:target=move |event| {
                                let on = event.target().checked();
                                show.update(|s| set_shown(s, room, part, on));
                            }
                        />
                    </td>
                    <td>
                        <input
                            type="checkbox"
                            data-testid=format!("open-{part:?}")
                            aria-label=(t.opens)(name)
                            disabled=whether(move || !show.with(|s| s.has(part)))
                            prop:checked=whether(move || show.with(|s| s.opens(part)))
                            on:change:target=move |event| {
                                let on = event.target().checked();
                                show.update(|s| set_open(s, part, on));
                            }
                        />
                    </td>
                </tr>
            }
        };
        Shown::of(room).iter().map(row).collect_view()
    };
    view! {
        <table>
            <thead>
                <tr>
                    <th scope="col">{t.part_head}</th>
                    <th scope="col">{t.shown_head}</th>
                    <th scope="col">{t.open_head}</th>
                </tr>
            </thead>
            <tbody>{parts}</tbody>
        </table>
    }
}
