use crate::components::shared::whether;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;

/// From the steering room: patch the steered run into the unsteered one.
#[component]
pub fn Carriers() -> impl IntoView {
    let state = use_state();
    let t = &text().steered;
    let ready = whether(move || state.carriers().is_none());
    view! {
        <p>
            <button
                type="button"
                data-testid="carriers"
                disabled=ready
                on:click=move |_| state.look_for_carriers()
            >
                {t.carriers}
            </button>
            " "
            <small>{t.carriers_hint}</small>
        </p>
    }
}
