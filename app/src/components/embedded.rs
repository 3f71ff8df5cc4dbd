use super::patching::Patching;
use super::shared::live;
use super::steering::Steering;
use crate::link;
use crate::share::prompt;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Room;

/// The room of an experiment in somebody else's page, and the way from there to the whole
/// page with what is set up now.
#[component]
pub fn Embedded() -> impl IntoView {
    let state = use_state();
    let (t, header) = (&text().share, &text().header);
    let room = Memo::new(move |_| state.room());
    let on = live(move || {
        let backend = state.backend();
        backend.map_or_else(String::new, |b| (header.on_backend)(&b.name, &b.device))
    });
    view! {
        <main id="main" tabindex="-1">
            <h1 class="hidden">{live(move || state.experiment.with(|e| (t.named)(prompt(e))))}</h1>
            {move || match room.get() {
                Room::Patching => view! { <Patching /> }.into_any(),
                Room::Steering => view! { <Steering /> }.into_any(),
            }}
        </main>
        <footer class="foot embed-foot">
            <p>
                <strong>{live(move || state.model_name())}</strong>
                " "<span data-testid="backend">{on}</span>
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
