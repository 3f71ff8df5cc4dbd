use super::collect::COLLECT;
use super::embedded::Embedded;
use super::header::Header;
use super::rooms::{rooms, workshop};
use super::share::{drags_files, take_dropped};
use super::shared::{focus, focus_first};
use super::tour::{Again, Guide, Tour};
use super::words::{AllWords, Glossary, Words};
use crate::link::is_collecting;
use crate::state::{State, use_state};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Room;

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let state = State::new();
    provide_context(state);
    match (state.embedded, is_collecting()) {
        (true, _) => view! { <Embedded /> }.into_any(),
        (false, true) => COLLECT.into_view().into_any(),
        (false, false) => view! { <Page /> }.into_any(),
    }
}

/// The page by itself.
#[component]
fn Page() -> impl IntoView {
    let t = &text().header;
    let state = use_state();
    let (tour, glossary) = (Tour::new(state), Glossary::new());
    let rooms = rooms(state);
    let room = Memo::new(move |_| state.room());
    // The address's fragment holds the experiment, so the skip link must not
    // write its own target there.
    let skip = |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        focus("main");
    };
    // With the keyboard the map is two steps away, however much is set up above it.
    let to_map = |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        focus_first("[role=gridcell][tabindex='0']");
    };
    let has_map = Memo::new(move |_| {
        room.get() == Room::Patching && state.derived.grid.with(Option::is_some)
    });
    // A file that is dropped anywhere is opened, where the browser would leave the page.
    let over = |event: leptos::ev::DragEvent| {
        if drags_files(&event) {
            event.prevent_default();
        }
    };
    let dropped = move |event: leptos::ev::DragEvent| {
        if take_dropped(state, &event) {
            event.prevent_default();
        }
    };
    view! {
        <a class="skip" href="#main" on:click=skip>{t.skip}</a>
        <a class="skip" href="#main" data-testid="skip-to-map" on:click=to_map hidden=move || !has_map.get()>
            {t.skip_to_map}
        </a>
        <Header />
        <main id="main" tabindex="-1" on:dragover=over on:drop=dropped>
            <Guide tour />
            {workshop(state)}
            {rooms}
        </main>
        <footer class="foot">
            <p>{t.footer}</p>
            <div class="buttons">
                <AllWords glossary />
                <Again tour />
            </div>
        </footer>
        <Words glossary />
    }
}
