use crate::change::changed;
use crate::components::shared::{live, whether};
use crate::state::{State, use_state};
use crate::text::text;
use leptos::prelude::*;

/// A step back, a step on, and back to the example that the room opens with.
#[component]
pub fn Undo() -> impl IntoView {
    let state = use_state();
    let room = untrack(|| state.room());
    let t = &text().runs;
    // What would be undone or done again, in words; nothing where there is nothing.
    let step = move |by: isize| {
        Memo::new(move |_| {
            let across = |before: &_, now: &_| (t.changes)(&changed(before, now), now);
            state
                .history
                .with(|h| h.across(by).map(|(before, now)| across(before, now)))
        })
    };
    let (back, on) = (step(-1), step(1));
    let hint = move |keys: &'static str, of: Memo<Option<String>>| {
        live(move || match of.get() {
            Some(what) => format!("{what} ({keys})"),
            None => keys.to_owned(),
        })
    };
    let button = |testid: &'static str,
                  sign: &'static str,
                  word: &'static str,
                  title,
                  barred,
                  act: fn(State)| {
        view! {
            <button
                type="button"
                class="quiet"
                data-testid=testid
                title=title
                disabled=barred
                on:click=move |_| act(state)
            >
                <span aria-hidden="true">{sign}" "</span>
                <span class="word">{word}</span>
            </button>
        }
    };
    let none = |of: Memo<Option<String>>| whether(move || of.with(Option::is_none));
    let reset = text().prompts.reset;
    let unchanged = whether(move || state.is_example());
    view! {
        <div class="undo" role="group" aria-label=t.undo_title>
            {button("undo", "↶", t.undo, hint(t.undo_keys, back), none(back), State::undo)}
            {button("redo", "↷", t.redo, hint(t.redo_keys, on), none(on), State::redo)}
            {room
                .is_patching()
                .then(|| button("reset", "⟲", reset, live(move || reset), unchanged, State::reset))}
        </div>
    }
}
