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
    // The token whose row is open, from one run to the next.
    let last = StoredValue::new(None::<u32>);
    let state = use_state();
    let rows = move || {
        // A signal of these rows alone: one that outlives them keeps a note of each.
        let open = RwSignal::new(last.get_value());
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
                view! { <Row token mark open last /> }
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
    last: StoredValue<Option<u32>>,
) -> impl IntoView {
    let state = use_state();
    let t = &text().stages;
    let id = token.token.id;
    let shown = format::token(&token.token.text);
    let title = (t.choose_token)(&shown);
    let is_open = move || open.get() == Some(id);
    let turn = move |to: Option<u32>| {
        last.set_value(to);
        open.set(to);
    };
    let take = move |which: Which| {
        let reference = token.token.reference();
        move |_| {
            let reference = reference.clone();
            turn(None);
            state.edit(|e| which.set(e, &Tokens::One(reference)));
        }
    };
    let (take_answer, take_wrong) = (take.clone()(Which::Answer), take(Which::Wrong));
    let actions = move || {
        is_open().then(|| {
            view! {
                <span class="take">
                    <button type="button" data-testid="take-answer" on:click=take_answer.clone()>
                        {t.use_as_answer}
                    </button>
                    <button type="button" data-testid="take-wrong" on:click=take_wrong.clone()>
                        {t.use_as_wrong}
                    </button>
                </span>
            }
        })
    };
    view! {
        <li class:answer=mark.is_some_and(|m| m.0 == "answer") class:wrong=mark.is_some_and(|m| m.0 == "wrong")>
            <button
                type="button"
                class="row"
                aria-expanded=move || is_open().to_string()
                title=title
                on:click=move |_| turn((open.get_untracked() != Some(id)).then_some(id))
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
