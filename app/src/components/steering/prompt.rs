use crate::components::fields::bos::Bos;
use crate::components::shared::live;
use crate::components::shared::problems::Problems;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Field, Prompt, Steer};

/// What is continued, and what is hoped for.
#[component]
pub fn PromptPanel() -> impl IntoView {
    let state = use_state();
    let (t, common) = (&text().steer, &text().prompts);
    let changed = move || {
        state
            .experiment
            .with(|e| e.steer.as_ref().is_some_and(|s| *s != Steer::default()))
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
                <Show when=changed>
                    <button
                        type="button"
                        class="quiet"
                        data-testid="steer-reset"
                        on:click=move |_| state.reset()
                    >
                        {common.reset}
                    </button>
                </Show>
            </div>
            <div class="field">
                <label for="steer-prompt">{t.prompt}</label>
                <textarea
                    id="steer-prompt"
                    data-testid="steer-prompt"
                    rows="2"
                    spellcheck="false"
                    autocomplete="off"
                    aria-describedby="steer-prompt-hint problems-steer.prompt"
                    aria-invalid=live(move || state.is_invalid(Field::SteerPrompt).to_string())
                    prop:value=prompt
                    on:input:target=move |event| {
                        let text = event.target().value();
                        state.edit_steer(|s| s.prompt = Prompt::Text(text));
                    }
                ></textarea>
                <small id="steer-prompt-hint">{t.prompt_hint}</small>
            </div>
            <Problems field=Field::SteerPrompt />
            <Bos testid="steer-bos" />
            <div class="field">
                <label for="steer-words">{t.words}</label>
                <input
                    type="text"
                    id="steer-words"
                    data-testid="steer-words"
                    aria-describedby="steer-words-hint"
                    prop:value=live(move || state.steer(|s| s.words.join(", ")))
                    on:change:target=move |event| {
                        let text = event.target().value();
                        let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
                        state.edit_steer(|s| s.words = words.map(str::to_owned).collect());
                    }
                />
                <small id="steer-words-hint">{t.words_hint}</small>
            </div>
        </section>
    }
}
