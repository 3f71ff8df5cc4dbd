use super::dialog::take;
use crate::components::fields::{Typed, form, understood};
use crate::components::shared::live;
use crate::text::{say, text};
use leptos::prelude::*;
use patchbay_engine::source::Named;

/// Models that are good to try first.
const EXAMPLES: [&str; 2] = ["distilbert/distilgpt2", "openai-community/gpt2-medium"];

/// A model by the name of its repository or the address of its folder.
#[component]
pub fn Other() -> impl IntoView {
    let t = &text().models;
    let typed = Typed::new(String::new());
    let example = |example| {
        view! {
            <button type="button" class="quiet mono" on:click=move |_| typed.set(String::from(example))>
                {example}
            </button>
        }
    };
    view! {
        {form(
            ["other-model", "open-other", "other-problem"],
            typed,
            [t.other, t.open],
            live(move || t.other_hint),
            |state, name| {
                let name = understood(name);
                Named::parse(&name).map_err(|e| say(&e))?;
                take(state, &name);
                Ok(name)
            },
        )}
        <div class="examples">{EXAMPLES.map(example).into_iter().collect_view()}</div>
    }
}
