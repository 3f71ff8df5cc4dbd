use crate::components::shared::focus;
use crate::state::{MINI, State, use_state};
use leptos::prelude::*;

/// A button of the panel. What it does puts other buttons there, so the focus
/// goes to the panel, which stays.
#[component]
pub fn Act(
    testid: &'static str,
    #[prop(into)] label: Signal<String>,
    act: fn(State),
) -> impl IntoView {
    let state = use_state();
    view! {
        <button
            type="button"
            class="primary"
            data-testid=testid
            on:click=move |_| {
                focus("offer");
                act(state);
            }
        >
            {label}
        </button>
    }
}

/// What leads to the mini where another model was wanted.
#[component]
pub fn UseMini(label: &'static str) -> impl IntoView {
    let state = use_state();
    view! {
        <button
            type="button"
            data-testid="use-mini"
            on:click=move |_| {
                // This button goes away with the panel that it is in.
                focus("main");
                state.choose_model(MINI);
            }
        >
            {label}
        </button>
    }
}
