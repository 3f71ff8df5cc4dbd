use super::{live, take};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::source::Named;

/// Models that are good to try first.
const EXAMPLES: [&str; 2] = ["distilbert/distilgpt2", "openai-community/gpt2-medium"];

/// A model by the name of its repository or the address of its folder.
#[component]
pub fn Other() -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    let name = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    let open = move || {
        let name = name.get_untracked();
        let name = name.trim();
        match Named::parse(name) {
            Ok(_) => {
                problem.set(None);
                take(state, name);
            }
            Err(error) => problem.set(Some(error.to_string())),
        }
    };
    let example = |example| {
        view! {
            <button
                type="button"
                class="quiet mono"
                on:click=move |_| {
                    problem.set(None);
                    name.set(String::from(example));
                }
            >
                {example}
            </button>
        }
    };
    view! {
        <form
            class="other field"
            on:submit=move |event| {
                event.prevent_default();
                open();
            }
        >
            <label for="other-model">{t.other}</label>
            <small id="other-hint">{t.other_hint}</small>
            <div class="with-button">
                <input
                    type="text"
                    id="other-model"
                    data-testid="other-model"
                    spellcheck="false"
                    autocomplete="off"
                    autocapitalize="off"
                    aria-describedby="other-hint other-problem"
                    aria-invalid=live(move || problem.with(Option::is_some).to_string())
                    prop:value=name
                    on:input:target=move |event| name.set(event.target().value())
                />
                <button type="submit" data-testid="open-other">{t.open}</button>
            </div>
            <div class="examples">{EXAMPLES.map(example).into_iter().collect_view()}</div>
            <div id="other-problem" aria-live="polite" data-testid="other-problem">
                {move || problem.get().map(|problem| view! { <p class="problem fatal">{problem}</p> })}
            </div>
        </form>
    }
}
