use super::answer::Answers;
use super::chips::Chips;
use super::pairs::More;
use crate::components::fields::invalid;
use crate::components::shared::problems::Problems;
use crate::components::shared::{Explained, live, part, whether};
use crate::state::use_state;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, Field, Prompt, RunName, Shown, Token};

/// Where a person says what is compared.
#[component]
pub fn Prompts() -> impl IntoView {
    let t = &text().prompts;
    view! {
        <section class="panel" aria-labelledby="prompts-title">
            <div class="panel-head">
                <div class="named">
                    <h2 id="prompts-title">{t.title}</h2>
                    <Explained term=Term::TokenReplacement first=true />
                </div>
            </div>
            {part(Shown::Prompts, || {
                view! {
                    <div class="editors">
                        <Editor side=RunName::Clean />
                        <Editor side=RunName::Corrupted />
                    </div>
                    <Chips />
                }
                .into_any()
            })}
            {part(Shown::Metric, || view! { <Answers /> }.into_any())}
            {part(Shown::Prompts, || view! { <More /> }.into_any())}
        </section>
    }
}

#[component]
fn Editor(side: RunName) -> impl IntoView {
    let state = use_state();
    let t = &text().prompts;
    let (place, label, hint, term) = match side {
        RunName::Clean => (Field::Clean, t.clean, t.clean_hint, Term::CleanRun),
        RunName::Corrupted => (
            Field::Corrupted,
            t.corrupted,
            t.corrupted_hint,
            Term::CorruptedRun,
        ),
    };
    let field = place.to_string();
    let prompt = move || state.experiment.with(|e| of(e, side).clone());
    let unused = whether(move || {
        side == RunName::Corrupted && state.experiment.with(|e| !e.corruption.is_prompt())
    });
    let hint = live(move || {
        if unused.get() {
            t.corrupted_unused
        } else {
            hint
        }
    });
    let as_ids = move || matches!(prompt(), Prompt::Tokens(_));
    let value = live(move || match prompt() {
        Prompt::Text(text) => text,
        Prompt::Tokens(ids) => state.derived.reading.with(|reading| {
            let tokens = reading.as_ref().map(|r| match side {
                RunName::Clean => &r.clean,
                RunName::Corrupted => &r.corrupted,
            });
            // The page's own token in front is no part of the prompt.
            tokens
                .and_then(|tokens| tokens.get(tokens.len().checked_sub(ids.len())?..))
                .map(Token::joined)
                .unwrap_or_default()
        }),
    });
    view! {
        <div class=format!("editor {field}") class:unused=unused>
            <span class="named">
                <label for=format!("{field}-prompt")>{label}</label>
                <Explained term />
            </span>
            <small id=format!("{field}-hint")>{hint}</small>
            <textarea
                id=format!("{field}-prompt")
                data-testid=format!("{field}-prompt")
                rows="2"
                spellcheck="false"
                autocomplete="off"
                autocapitalize="off"
                aria-describedby=format!("{field}-hint problems-{field}")
                aria-invalid=invalid(&field, Some(place))
                prop:value=value
                on:input:target=move |event| {
                    let text = event.target().value();
                    state.edit(|e| *of_mut(e, side) = Prompt::Text(text));
                }
            ></textarea>
            <Show when=move || matches!(prompt(), Prompt::Text(text) if text.ends_with(' '))>
                <button
                    type="button"
                    class="quiet trim"
                    on:click=move |_| state.edit(|e| {
                        if let Prompt::Text(text) = of_mut(e, side) {
                            text.truncate(text.trim_end_matches(' ').len());
                        }
                    })
                >
                    {text().pairs.trim}
                </button>
            </Show>
            <Show when=as_ids>
                <small>{t.as_ids}</small>
            </Show>
            <Problems field=place />
        </div>
    }
}

fn of(experiment: &Experiment, side: RunName) -> &Prompt {
    match side {
        RunName::Clean => &experiment.clean,
        RunName::Corrupted => &experiment.corrupted,
    }
}

fn of_mut(experiment: &mut Experiment, side: RunName) -> &mut Prompt {
    match side {
        RunName::Clean => &mut experiment.clean,
        RunName::Corrupted => &mut experiment.corrupted,
    }
}
