use super::answer::{Which, token_ref};
use crate::format;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{RunReport, TopToken};

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
    let rows = move || {
        run.get()
            .map(|run| run.top)
            .unwrap_or_default()
            .into_iter()
            .map(|token| view! { <Row token open /> })
            .collect_view()
    };
    view! {
        <ol class="top" data-testid=format!("top-{name}") aria-label=t.top>{rows}</ol>
    }
}

#[component]
fn Row(token: TopToken, open: RwSignal<Option<u32>>) -> impl IntoView {
    let state = use_state();
    let t = &text().stages;
    let id = token.token.id;
    let named = |of: fn(&patchbay_engine::experiment::Reading) -> Option<u32>| {
        state.derived.reading.with(|r| r.as_ref().and_then(of)) == Some(id)
    };
    let mark = if named(|r| one(r.answer.as_ref())) {
        Some(("answer", t.is_answer))
    } else if named(|r| one(r.wrong.as_ref())) {
        Some(("wrong", t.is_wrong))
    } else {
        None
    };
    let shown = format::token(&token.token.text);
    let title = (t.choose_token)(&shown);
    let is_open = move || open.get() == Some(id);
    let take = move |which: Which| {
        let reference = token_ref(&token.token);
        move |_| {
            let reference = reference.clone();
            open.set(None);
            state.edit(|e| which.set(e, reference));
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
                on:click=move |_| open.update(|open| *open = (*open != Some(id)).then_some(id))
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

fn one(choice: Option<&patchbay_engine::experiment::Choice>) -> Option<u32> {
    match choice?.pieces.as_slice() {
        [piece] => Some(piece.id),
        _ => None,
    }
}
