use super::frame::{Words, described, framed, invalid};
use super::typed::{Taken, typed};
use crate::terms::Term;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// A labelled line of text.
#[component]
pub fn Line(
    #[prop(into)] id: String,
    label: &'static str,
    value: Signal<String>,
    /// Takes the text, or says why it cannot be taken.
    #[prop(into)]
    set: Callback<String, Taken>,
    /// Whether it is taken with each key, and not when the field is left.
    #[prop(optional)]
    at_once: bool,
    #[prop(optional)] class: &'static str,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] hint: Option<Signal<String>>,
    #[prop(optional)] of: Option<Field>,
    #[prop(optional)] term: Option<Term>,
) -> impl IntoView {
    let words = Words { term, now: None };
    let (written, take) = typed(&id, value, set, true);
    let control = view! {
        <input
            type="text"
            id=id.clone()
            data-testid=id.clone()
            placeholder=placeholder
            spellcheck="false"
            autocomplete="off"
            aria-describedby=described(&id, of)
            aria-invalid=invalid(&id, of)
            prop:value=written
            on:input:target=move |event| if at_once { take.run(event.target().value()) }
            on:change:target=move |event| if !at_once { take.run(event.target().value()) }
        />
    };
    framed(id, label, class, hint, words, control.into_any())
}
