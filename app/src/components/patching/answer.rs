use super::advice::AdviceBox;
use super::metric::MetricKindSelect;
use crate::components::fields::{Labelled, described, invalid};
use crate::components::shared::problems::Problems;
use crate::components::shared::{live, whether};
use crate::format;
use crate::set;
use crate::state::{State, use_state};
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Choice, Experiment, Field, Token, TokenRef, Tokens};

/// Which of the two answer tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Answer,
    Wrong,
}

impl Which {
    fn field(self) -> Field {
        match self {
            Self::Answer => Field::Answer,
            Self::Wrong => Field::Wrong,
        }
    }

    /// Its name in tests.
    fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Wrong => "wrong",
        }
    }

    fn of(self, experiment: &Experiment) -> Option<&Tokens> {
        let metric = experiment.metrics.first()?;
        match self {
            Self::Answer => Some(&metric.answer),
            Self::Wrong => metric.wrong.as_ref(),
        }
    }

    /// Takes tokens as this answer, of every metric.
    pub fn set(self, experiment: &mut Experiment, tokens: &Tokens) {
        for metric in &mut experiment.metrics {
            match self {
                Self::Answer => metric.answer = tokens.clone(),
                Self::Wrong => metric.wrong = Some(tokens.clone()),
            }
        }
    }
}

fn which_is_set(state: State, which: Which) -> bool {
    state
        .experiment
        .with(|e| matches!(which.of(e), Some(Tokens::Any(_))))
}

/// Both answers and the metric made of them.
#[component]
pub fn Answers() -> impl IntoView {
    let t = &text().answer;
    view! {
        <div class="answers" role="group" aria-label=t.title>
            <AnswerField which=Which::Answer />
            <AnswerField which=Which::Wrong />
            <MetricKindSelect />
        </div>
        <AdviceBox />
    }
}

#[component]
fn AnswerField(which: Which) -> impl IntoView {
    let state = use_state();
    let t = &text().answer;
    let (field, of) = (which.name(), which.field());
    let (label, hint, term) = match which {
        Which::Answer => (t.answer, t.answer_hint, Some(Term::Answer)),
        Which::Wrong => (t.wrong, t.wrong_hint, None),
    };
    let unused = move || {
        which == Which::Wrong
            && state
                .experiment
                .with(|e| e.metrics.iter().all(|m| !m.kind.compares()))
    };
    let choice = move || {
        state.derived.reading.with(|reading| {
            let reading = reading.as_ref()?;
            match which {
                Which::Answer => reading.answer.clone(),
                Which::Wrong => reading.wrong.clone(),
            }
        })
    };
    let value = live(move || {
        state.experiment.with(|e| {
            let named = |i: usize| choice()?.pieces.get(i).map(|p| p.text.clone());
            which
                .of(e)
                .map(|tokens| set::written(tokens, named))
                .unwrap_or_default()
        })
    });
    let hint = live(move || if unused() { t.unused } else { hint });
    view! {
        <div class:unused=whether(unused)>
            <Labelled id=field label hint term>
                <div class="with-pieces">
                    <input
                        type="text"
                        id=field
                        data-testid=field
                        spellcheck="false"
                        autocomplete="off"
                        autocapitalize="off"
                        aria-describedby=format!("{} {field}-pieces", described(field, Some(of)))
                        aria-invalid=invalid(field, Some(of))
                        prop:value=value
                        on:input:target=move |event| {
                            let text = event.target().value();
                            state.edit(|e| which.set(e, &set::tokens(&text)));
                        }
                    />
                    <div class="pieces" id=format!("{field}-pieces") data-testid=format!("{field}-pieces")>
                        {move || choice().map(|choice| pieces(which, &choice))}
                    </div>
                </div>
            </Labelled>
            <Problems field=of />
            {(which == Which::Wrong).then(|| view! { <Nowhere /> })}
        </div>
    }
}

/// A wrong answer that stands in neither prompt, where the answer is one of their words:
/// it may be of the prompts before.
#[component]
fn Nowhere() -> impl IntoView {
    let state = use_state();
    let nowhere = Memo::new(move |_| {
        let words = state.experiment.with(|e| {
            let compares = e.metrics.iter().any(|m| m.kind.compares());
            compares && e.corruption.is_prompt() && e.pairs.is_empty()
        });
        state.derived.reading.with(|reading| {
            let reading = reading.as_ref().filter(|_| words)?;
            let one = |choice: &Option<Choice>| match choice.as_ref()?.pieces.as_slice() {
                [piece] => Some(piece.clone()),
                _ => None,
            };
            let (answer, wrong) = (one(&reading.answer)?, one(&reading.wrong)?);
            let has = |tokens: &[Token], id| tokens.iter().any(|t| t.id == id);
            let both = [&reading.clean, &reading.corrupted];
            let missing = both.iter().all(|tokens| !has(tokens, wrong.id));
            (missing && has(&reading.clean, answer.id)).then(|| format::token(&wrong.text))
        })
    });
    move || {
        nowhere.get().map(|wrong| {
            view! {
                <p class="problem nowhere" data-testid="wrong-nowhere">{(text().answer.nowhere)(&wrong)}</p>
            }
        })
    }
}

/// How the text splits, and what to take instead where it does not do.
fn pieces(which: Which, choice: &Choice) -> impl IntoView + use<> {
    let state = use_state();
    let t = &text().answer;
    let chips: Vec<_> = choice
        .pieces
        .iter()
        .map(|piece| {
            view! {
                <span class="chip" class:unseen=piece.unseen title=format!("{} = {}", format::token(&piece.text), piece.id)>
                    {format::token(&piece.text)}
                </span>
            }
        })
        .collect();
    let single = choice.pieces.len() == 1;
    let set = which_is_set(state, which);
    let offer = match (&choice.suggestion, choice.pieces.first()) {
        (Some(text), _) => Some((text.clone(), TokenRef::Text(text.clone()))),
        (None, Some(first)) if !single && !set && !first.text.trim().is_empty() => {
            Some((first.text.clone(), first.reference()))
        }
        _ => None,
    };
    let offer = offer.map(|(shown, token)| {
        view! {
            <button
                type="button"
                class="quiet"
                data-testid=format!("{}-take", which.name())
                on:click=move |_| {
                    let token = token.clone();
                    state.edit(|e| which.set(e, &Tokens::One(token)));
                }
            >
                {(t.take)(&format::token(&shown))}
            </button>
        }
    });
    view! {
        {(choice.pieces.len() > 1).then(|| view! {
            <span class="several">{if set { t.set } else { t.pieces }}</span>
        })}
        {chips}
        {(single && offer.is_none()).then(|| view! { <small>{t.one_token}</small> })}
        {offer}
    }
}
