use crate::change::changed;
use crate::components::shared::{live, whether};
use crate::state::use_state;
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
    let unchanged = whether(move || state.is_example());
    view! {
        <div class="undo" role="group" aria-label=t.undo_title>
            <button
                type="button"
                class="quiet"
                data-testid="undo"
                title=hint(t.undo_keys, back)
                disabled=whether(move || back.with(Option::is_none))
                on:click=move |_| state.undo()
            >
                <span aria-hidden="true">"↶ "</span>
                <span class="word">{t.undo}</span>
            </button>
            <button
                type="button"
                class="quiet"
                data-testid="redo"
                title=hint(t.redo_keys, on)
                disabled=whether(move || on.with(Option::is_none))
                on:click=move |_| state.redo()
            >
                <span aria-hidden="true">"↷ "</span>
                <span class="word">{t.redo}</span>
            </button>
            {room.is_patching().then(|| view! {
                <button
                    type="button"
                    class="quiet"
                    data-testid="reset"
                    title=text().prompts.reset
                    disabled=unchanged
                    on:click=move |_| state.reset()
                >
                    <span aria-hidden="true">"⟲ "</span>
                    <span class="word">{text().prompts.reset}</span>
                </button>
            })}
        </div>
    }
}
