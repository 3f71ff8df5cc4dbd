use super::live::whether;
use crate::download::download;
use crate::export::{self, Library};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;

/// What was found, as a file for programs, and as scripts that compute it again elsewhere.
/// Nothing of an experiment that was changed since then is offered.
#[component]
pub fn Reports(
    /// What the file is called.
    name: impl Fn() -> String + Copy + 'static,
) -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let report = move || {
        let experiment = state.experiment.get();
        state.results.with(|r| r.download(&experiment))
    };
    let none = whether(move || report().is_none());
    let written = move || export::json(&untrack(report)?).ok();
    let json = move |_| {
        if let Some(content) = written() {
            download(&name(), "application/json", content.as_bytes());
        }
    };
    let python = move |library: Library, testid: &'static str, label, hint| {
        let save = move |_| {
            if let Some(report) = written() {
                export::script(library, report);
            }
        };
        view! {
            <button type="button" data-testid=testid title=hint disabled=none on:click=save>{label}</button>
        }
    };
    view! {
        <button type="button" data-testid="download-json" title=t.json_hint disabled=none on:click=json>
            {t.json}
        </button>
        {python(Library::TransformerLens, "download-python", t.python, t.python_hint)}
        {python(Library::Nnsight, "download-nnsight", t.nnsight, t.nnsight_hint)}
    }
}
