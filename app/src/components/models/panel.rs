use super::act::{Act, UseMini};
use super::offer::Offered;
use super::progress::Arrival;
use crate::components::shared::live;
use crate::later;
use crate::state::{State, Status, use_state};
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
    let awaits = Memo::new(move |_| state.awaits_model());
    // There before it says anything, so that it is read out.
    let said = live(move || {
        if awaits.get() {
            title.get()
        } else {
            String::new()
        }
    });
    view! {
        <p class="hidden" role="status">{said}</p>
        <Show when=move || awaits.get()>
            <section
                id="offer"
                class="panel offer"
                tabindex="-1"
                aria-labelledby="offer-title"
                data-testid="offer"
            >
                <h2 id="offer-title">{title}</h2>
                {BODY.into_view()}
            </section>
        </Show>
    }
}

later! {
    /// What it says and offers, loaded where a model has to be waited for.
    BODY: menus, body, load => view! { <Body /> }
}

#[component]
fn Body() -> impl IntoView {
    let state = use_state();
    move || match state.status.get() {
        Status::Unasked { host } => view! { <Unasked host /> }.into_any(),
        Status::Offered(offer) => view! { <Offered offer=*offer /> }.into_any(),
        Status::Loading(offer) => view! { <Arrival pausable=offer.is_some() /> }.into_any(),
        Status::Starting
        | Status::Describing
        | Status::Ready { .. }
        | Status::Failed(_)
        | Status::Stopped => ().into_any(),
    }
}

/// A host that was not agreed to yet.
#[component]
fn Unasked(host: String) -> impl IntoView {
    let t = &text().models;
    view! {
        <p>{(t.unasked)(&host)}</p>
        <div class="buttons">
            <Act testid="ask-host" label=(t.ask_host)(&host) act=State::agree_to_host />
            <UseMini label=t.use_mini />
        </div>
    }
}
