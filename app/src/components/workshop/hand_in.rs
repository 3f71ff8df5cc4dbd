//! What is handed in, as a text and as a file.

use super::said::HERE;
use crate::components::fields::Taken;
use crate::components::shared::{live, whether};
use crate::download::download;
use crate::state::use_state;
use crate::text::workshop;
use leptos::prelude::*;
use patchbay_engine::experiment::link::handed;

/// Bytes of a name at most, which are a third of the characters in the worst case.
const NAME: &str = "60";

/// The end of the workshop.
#[component]
pub(super) fn HandIn() -> impl IntoView {
    let state = use_state();
    let t = workshop();
    let by = live(move || {
        state
            .work
            .with(|w| w.as_ref().map(|w| w.handed.by.clone()).unwrap_or_default())
    });
    let named = Memo::new(move |_| {
        let has = |w: &crate::workshop::Work| !w.handed.by.trim().is_empty();
        state.work.with(|w| w.as_ref().is_some_and(has))
    });
    let value = Memo::new(move |_| {
        state
            .work
            .with(|w| w.as_ref().map(|w| handed(&w.handed)).unwrap_or_default())
    });
    let sums = live(move || {
        let points = state.work.with(|w| w.as_ref().map(|w| w.points()));
        (t.all_done)(points.unwrap_or_default())
    });
    view! {
        <h3 id=HERE tabindex="-1">{t.hand_in}</h3>
        <p role="status" data-testid="workshop-sums"><strong>{sums}</strong></p>
        <label class="stack">
            <span>{t.name}</span>
            <input
                type="text"
                maxlength=NAME
                autocomplete="name"
                data-testid="workshop-name"
                prop:value=by
                on:input:target=move |event| state.call(event.target().value())
            />
            <small>{t.name_hint}</small>
        </label>
        <p class="problem" hidden=whether(move || named.get())>{t.no_name}</p>
        <p class="hint">{t.hand_in_hint}</p>
        <Taken testid="handed" label=t.text value rows="4" />
        <div class="buttons">
            <button
                type="button"
                data-testid="workshop-save"
                on:click=move |_| {
                    download("patchbay-workshop.txt", "text/plain;charset=utf-8", value.get_untracked().as_bytes());
                }
            >
                {t.save}
            </button>
        </div>
    }
}
