use crate::components::fields::Check;
use crate::components::shared::problems::Problems;
use crate::components::shared::whether;
use crate::later;
use crate::state::use_state;
use crate::text::raw;
use leptos::prelude::*;
use patchbay_engine::experiment::{Export, Field, RunName, Site};

/// Activations of the two runs as files, for other programs.
#[component]
pub fn Raw() -> impl IntoView {
    let opened = RwSignal::new(false);
    view! {
        <details class="more" data-testid="raw" on:toggle=move |_| opened.set(true)>
            <summary>{raw().title}</summary>
            <Show when=move || opened.get()>{SITES.into_view()}</Show>
        </details>
        <Problems field=Field::Captures />
    }
}

later! {
    /// Which of them, loaded when the box is first opened.
    SITES: more, sites, load => view! { <Sites /> }
}

#[component]
fn Sites() -> impl IntoView {
    let state = use_state();
    let t = raw();
    let chosen = RwSignal::new(vec![Site::ResidPre]);
    let boxes = Site::ALL.map(|site| {
        view! {
            <Check
                testid=format!("raw-{site}")
                label=site.name()
                checked=whether(move || chosen.with(|c| c.contains(&site)))
                set=move |_| chosen.update(|c| match c.iter().position(|s| *s == site) {
                    Some(at) => drop(c.remove(at)),
                    None => c.push(site),
                })
            />
        }
    });
    let none = whether(move || chosen.with(Vec::is_empty));
    let one = move |_| {
        state.export(Export::Activations {
            sites: chosen.get_untracked(),
        });
    };
    let each = move |_| {
        for site in chosen.get_untracked() {
            for run in [RunName::Clean, RunName::Corrupted] {
                state.export(Export::Array { site, run });
            }
        }
    };
    view! {
        <p class="hint">{t.hint}</p>
        <fieldset class="layers">
            <legend>{t.sites}</legend>
            {boxes.into_iter().collect_view()}
        </fieldset>
        <div class="downloads">
            <button type="button" data-testid="raw-safetensors" disabled=none on:click=one>{t.safetensors}</button>
            <button type="button" data-testid="raw-npy" disabled=none on:click=each>{t.npy}</button>
        </div>
    }
}
