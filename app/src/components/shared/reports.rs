use super::later::saved;
use super::live::whether;
use crate::download::download;
use crate::export::{self, Library};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Report;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

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
    let save = move |library: Option<Library>| {
        let (report, name) = (untrack(report), name());
        saved(state, async move { save(report, library, name).await });
    };
    let json = move |_| save(None);
    let python = move |library: Library, testid: &'static str, label, hint| {
        let save = move |_| save(Some(library));
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

/// Saves a report under a name, or the script that computes it again.
#[wasm_split(save, fallible)]
fn save(
    report: Option<Report>,
    library: Option<Library>,
    name: String,
) -> Result<(), SplitLoaderError> {
    if let Some(content) = report.and_then(|r| export::json(&r).ok()) {
        match library {
            Some(library) => export::script(library, content),
            None => download(&name, "application/json", content.as_bytes()),
        }
    }
    Ok(())
}
