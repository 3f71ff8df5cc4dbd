use super::frame::{Words, described, framed, invalid};
use super::typed::{Taken, typed};
use leptos::prelude::*;
use patchbay_engine::experiment::Field;
use patchbay_engine::text::unmarked;

/// A labelled text of several lines.
#[component]
pub fn Lines(
    #[prop(into)] id: String,
    label: &'static str,
    value: Signal<String>,
    /// Takes the text, or says why it cannot be taken.
    #[prop(into)]
    set: Callback<String, Taken>,
    /// Whether it is taken with each key, and not when the field is left.
    #[prop(optional)]
    at_once: bool,
    #[prop(default = "3")] rows: &'static str,
    /// Whether it sets a part of the experiment.
    #[prop(default = true)]
    counts: bool,
    #[prop(optional)] hint: Option<Signal<String>>,
    #[prop(optional)] of: Option<Field>,
) -> impl IntoView {
    let (written, take) = typed(&id, value, set, counts);
    let control = view! {
        <textarea
            id=id.clone()
            data-testid=id.clone()
            rows=rows
            spellcheck="false"
            autocomplete="off"
            aria-describedby=described(&id, of)
            aria-invalid=invalid(&id, of)
            prop:value=written
            on:input:target=move |event| if at_once { take.run(event.target().value()) }
            on:change:target=move |event| if !at_once { take.run(event.target().value()) }
        ></textarea>
    };
    framed(id, label, "", hint, Words::default(), control.into_any())
}

/// The lines of a text that are not empty.
pub fn lines(text: &str) -> Vec<String> {
    let lines = unmarked(text).lines();
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines.map(str::to_owned).collect()
}
