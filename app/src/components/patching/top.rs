use super::answer::Which;
use crate::format;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Choice, Reading, RunReport, Tokens, TopToken};

/// The likeliest next tokens of a run; each can be taken as an answer.
#[component]
pub fn Top(
    /// `clean`, `corrupted` or `patched`.
    name: &'static str,
    #[prop(into)] run: Signal<Option<RunReport>>,
) -> impl IntoView {
    let t = &text().stages;
    // The token whose row is open.
    let open = RwSignal::new(None::<u32>);
    let state = use_state();
    let rows = move || {
        // Followed once for all rows: what outlives them keeps a note of each that follows.
        let opened = open.get();
        let reading = state.derived.reading.get();
        let named = |id, of: fn(&Reading) -> &Option<Choice>| {
            reading.as_ref().and_then(|r| one(of(r))) == Some(id)
        };
        let top = run.get().map(|run| run.top).unwrap_or_default();
        top.into_iter()
            .map(|token| {
                let mark = if named(token.token.id, |r| &r.answer) {
                    Some(("answer", t.is_answer))
                } else if named(token.token.id, |r| &r.wrong) {
                    Some(("wrong", t.is_wrong))
                } else {
                    None
                };
                let is_open = opened == Some(token.token.id);
                view! { <Row token mark open is_open /> }
            })
            .collect_view()
    };
    view! {
        <ol class="top" data-testid=format!("top-{name}") aria-label=t.top>{rows}</ol>
    }
}

#[component]
fn Row(
    token: TopToken,
    /// Whether it is the answer or the wrong answer, and what that is called.
    mark: Option<(&'static str, &'static str)>,
    open: RwSignal<Option<u32>>,
    is_open: bool,
) -> impl IntoView {
    let state = use_state();
    let t = &text().stages;
    let id = token.token.id;
    let shown = format::token(&token.token.text);
    let title = (t.choose_token)(&shown);
    let take = move |which: Which| {
        let reference = token.token.reference();
        move |_| {
            let reference = reference.clone();
            open.set(None);
            state.edit(|e| which.set(e, &Tokens::One(reference)));
        }
    };
    let actions = is_open.then(|| {
        let (take_answer, take_wrong) = (take.clone()(Which::Answer), take(Which::Wrong));
        view! {
            <span class="take">
                <button type="button" data-testid="take-answer" on:click=take_answer>
                    {t.use_as_answer}
                </button>
                <button type="button" data-testid="take-wrong" on:click=take_wrong>
                    {t.use_as_wrong}
                </button>
            </span>
        }
    });
    view! {
        <li class:answer=mark.is_some_and(|m| m.0 == "answer") class:wrong=mark.is_some_and(|m| m.0 == "wrong")>
            <button
                type="button"
                class="row"
                aria-expanded=is_open.to_string()
                title=title
                on:click=move |_| open.set((!is_open).then_some(id))
            >
                <span class="bar" aria-hidden="true" style=("--p", token.probability.to_string())></span>
                <span class="tok">{shown}</span>
                {mark
                    .map(|(kind, label)| {
                        let sign = if kind == "answer" { "✓" } else { "✗" };
                        view! {
                            <span class="mark" title=label>
                                <span aria-hidden="true">{sign}</span>
                                <span class="hidden">{label}</span>
                            </span>
                        }
                    })}
                <span class="num">{format::percent(token.probability)}</span>
            </button>
            {actions}
        </li>
    }
}

/// The token of a choice that is one token.
fn one(choice: &Option<Choice>) -> Option<u32> {
    match choice.as_ref()?.pieces.as_slice() {
        [piece] => Some(piece.id),
        _ => None,
    }
}
