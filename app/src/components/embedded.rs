use super::rooms::{rooms, workshop};
use super::shared::{live, whether};
use crate::embed::has_own_engine;
use crate::link;
use crate::share::prompt;
use crate::state::use_state;
use crate::text::text;
use gloo::events::EventListener;
use leptos::prelude::*;

/// The room of an experiment in somebody else's page, and the way from there to the whole
/// page with what is set up now.
#[component]
pub fn Embedded() -> impl IntoView {
    let state = use_state();
    let (t, header) = (&text().share, &text().header);
    let rooms = rooms(state);
    // The frame's script knows whether other embeds of the page have the same engine.
    let own = RwSignal::new(has_own_engine());
    EventListener::new(&gloo::utils::window(), "patchbay:engine", move |_| {
        let _ = own.try_set(has_own_engine());
    })
    .forget();
    let on = live(move || {
        let backend = state.backend();
        backend.map_or_else(String::new, |b| (header.on_backend)(&b.name, &b.device))
    });
    view! {
        <main id="main" tabindex="-1">
            <h1 class="hidden">{live(move || state.experiment.with(|e| (t.named)(prompt(e))))}</h1>
            {workshop(state)}
            {rooms}
        </main>
        <footer class="foot embed-foot">
            <p>
                <strong>{live(move || state.model_name())}</strong>
                " "<span data-testid="backend">{on}</span>
                <span hidden=whether(move || !own.get())>" · "{t.own_engine}</span>
            </p>
            <a
                href=live(move || state.experiment.with(link::address))
                target="_blank"
                rel="noopener"
                data-testid="open-in-patchbay"
            >
                {t.open_in_patchbay}
            </a>
        </footer>
    }
}
