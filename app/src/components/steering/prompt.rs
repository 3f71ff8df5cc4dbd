use crate::components::fields::{Bos, Line, Lines};
use crate::components::shared::problems::Problems;
use crate::components::shared::{live, whether};
use crate::examples;
use crate::state::use_state;
use crate::text::{steer, text};
use leptos::prelude::*;
use patchbay_engine::experiment::{Field, Prompt};

/// What is continued, and what is hoped for.
#[component]
pub fn PromptPanel() -> impl IntoView {
    let state = use_state();
    let (t, common) = (steer(), &text().prompts);
    let changed = move || {
        state
            .experiment
            .with(|e| e.steer.as_ref().is_some_and(|s| *s != examples::steering()))
    };
    let prompt = live(move || {
        state.steer(|s| match &s.prompt {
            Prompt::Text(text) => text.clone(),
            Prompt::Tokens(_) => String::new(),
        })
    });
    view! {
        <section class="panel" aria-labelledby="steer-prompt-title">
            <div class="panel-head">
                <h2 id="steer-prompt-title">{t.prompt_title}</h2>
                // Its place is kept, so that nothing moves when it comes.
                <button
                    type="button"
                    class="quiet"
                    class:held=whether(move || !changed())
                    data-testid="steer-reset"
                    on:click=move |_| state.reset()
                >
                    {common.reset}
                </button>
            </div>
            <Lines
                id="steer-prompt"
                label=t.prompt
                rows="2"
                at_once=true
                value=prompt
                set=move |text| {
                    state.edit_steer(|s| s.prompt = Prompt::Text(text));
                    Ok(())
                }
                hint=live(move || t.prompt_hint)
                of=Field::SteerPrompt
            />
            <Problems field=Field::SteerPrompt />
            <Bos testid="steer-bos" first=true />
            <Line
                id="steer-words"
                label=t.words
                value=live(move || state.steer(|s| s.words.join(", ")))
                set=move |text: String| {
                    let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
                    state.edit_steer(|s| s.words = words.map(str::to_owned).collect());
                    Ok(())
                }
                hint=live(move || t.words_hint)
                of=Field::Words
            />
            <Problems field=Field::Words />
        </section>
    }
}
