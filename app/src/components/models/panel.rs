use super::offer::Offered;
use super::progress::Arrival;
use super::{UseMini, live};
use crate::state::{Status, use_state};
use crate::text::text;
use leptos::prelude::*;

/// What stands in place of results until the model is there: what it would take,
/// and how far it has got.
#[component]
pub fn Panel() -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    let title = live(move || {
        let name = state.model_name();
        match *state.status.read() {
            Status::Describing => (t.describing)(&name),
            Status::Loading(Some(_)) => (t.downloading)(&name),
            Status::Loading(None) => (t.loading)(&name),
            _ => (t.uses)(&name),
        }
    });
    let body = move || match state.status.get() {
        Status::Unasked { host } => view! { <Unasked host /> }.into_any(),
        Status::Offered(offer) => view! { <Offered offer=*offer /> }.into_any(),
        Status::Loading(offer) => view! { <Arrival pausable=offer.is_some() /> }.into_any(),
        _ => ().into_any(),
    };
    let awaits = Memo::new(move |_| state.awaits_model());
    view! {
        <Show when=move || awaits.get()>
            <section class="panel offer" aria-labelledby="offer-title" data-testid="offer">
                <h2 id="offer-title" role="status">{title}</h2>
                {body}
            </section>
        </Show>
    }
}

/// A host that was not agreed to yet.
#[component]
fn Unasked(host: String) -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    view! {
        <p>{(t.unasked)(&host)}</p>
        <div class="buttons">
            <button
                type="button"
                class="primary"
                data-testid="ask-host"
                on:click=move |_| state.agree_to_host()
            >
                {(t.ask_host)(&host)}
            </button>
            <UseMini label=t.use_mini />
        </div>
    }
}
