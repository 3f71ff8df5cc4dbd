//! The field's words explained where they stand. One explanation serves the page: what
//! it is of, and where it stands, follows the one element that is pointed at, focused or
//! pressed. The window is listened to once, so that words that come and go cost nothing.

mod glossary;
mod list;
mod near;
mod shown;

use crate::components::shared::{live, whether};
use crate::text::text;
use glossary::Dialog;
pub use glossary::Glossary;
use leptos::prelude::*;
use list::Meaning;
use shown::{BOX, LEAD, SAYS, Shown};

/// The explanation and the glossary.
#[component]
pub fn Words(glossary: Glossary) -> impl IntoView {
    let t = &text().words;
    let shown = Shown::new(glossary.meanings);
    shown.listen();
    let meaning = Memo::new(move |_| shown.term.get().map(|term| glossary.meanings.of(term)));
    // More text takes more room: a place is looked for once it is there.
    Effect::new(move |_| {
        if meaning.with(Option::is_some) {
            request_animation_frame(move || shown.place());
        }
    });
    let says = move |of: fn(&Meaning) -> Option<String>| {
        live(move || {
            meaning
                .with(|m| m.as_ref().and_then(of))
                .unwrap_or_default()
        })
    };
    let near = shown.near;
    let all = move |_| {
        let term = shown.term.get_untracked();
        shown.back();
        shown.close();
        glossary.open(term);
    };
    view! {
        <div
            id=BOX
            class="explanation"
            class:placed=whether(move || near.with(Option::is_some))
            data-testid=BOX
            role="dialog"
            aria-labelledby="explanation-name"
            hidden=whether(move || shown.term.with(Option::is_none))
            style=("left", live(move || near.get().map(|n| n.left()).unwrap_or_default()))
            style=("top", live(move || near.get().map(|n| n.top()).unwrap_or_default()))
        >
            <h3 id="explanation-name">
                {live(move || shown.term.get().map_or("", |term| (t.name)(term)))}
            </h3>
            <p id=SAYS aria-live="polite">{says(|m| Some(m.says.clone()))}</p>
            <p class="hint">{says(|m| m.source.as_deref().map(text().words.source))}</p>
            <div class="panel-head">
                <button type="button" class="quiet" id=LEAD data-testid=LEAD on:click=all>
                    {t.all}
                </button>
                <small hidden=whether(move || !shown.walks.get())>{t.keys}</small>
            </div>
        </div>
        <Dialog glossary />
    }
}

/// The button that opens the glossary.
#[component]
pub fn AllWords(glossary: Glossary) -> impl IntoView {
    view! {
        <button type="button" class="quiet" data-testid="all-words" on:click=move |_| glossary.open(None)>
            {text().words.title}
        </button>
    }
}
