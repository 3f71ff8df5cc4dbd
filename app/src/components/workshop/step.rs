//! The open step: what is to be done, and its answer.

use super::said::{HERE, paragraphs};
use crate::cells::place;
use crate::components::shared::{focus_first, live, whether};
use crate::state::{State, use_state};
use crate::text::workshop;
use crate::workshop::Work;
use leptos::prelude::*;
use patchbay_engine::experiment::{Ask, Reply, RunName};

/// The step that waits for its answer.
#[component]
pub(super) fn OpenStep(n: usize) -> impl IntoView {
    let state = use_state();
    let t = workshop();
    let step = state
        .work
        .with_untracked(|w| w.as_ref()?.workshop.steps.get(n).cloned())
        .unwrap_or_default();
    let press = match &step.ask {
        Ask::Nothing => t.go_on,
        Ask::Run => t.run,
        Ask::Cells { .. } | Ask::Token { .. } => t.check,
        Ask::Choice { .. } | Ask::Words { .. } => t.answer,
    };
    // What cannot be run is not waited for.
    let wants_run = step.ask.wants_run();
    let barred = whether(move || wants_run && state.is_barred());
    let answer = match step.ask {
        Ask::Nothing | Ask::Run => ().into_any(),
        Ask::Cells { most } => view! { <Marked most /> }.into_any(),
        Ask::Token { run } => view! { <TokenField run /> }.into_any(),
        Ask::Choice { choices, .. } => view! { <Choices choices /> }.into_any(),
        Ask::Words { .. } => view! { <WordsField /> }.into_any(),
    };
    let unanswered = whether(move || {
        // As many cells as are asked for, where the map has so many.
        let cells = state
            .derived
            .grid
            .with(|g| g.as_ref().map_or(0, |g| g.rows.len() * g.columns.len()));
        let all = |w: &Work| {
            w.is_answered()
                && w.marks()
                    .is_none_or(|most| w.marked().len() >= most.min(cells))
        };
        !state.work.with(|w| w.as_ref().is_some_and(all)) || state.is_awaited()
    });
    let covered = whether(move || state.is_covered());
    view! {
        <h3 id=HERE tabindex="-1">{(t.step)(n + 1)}</h3>
        {paragraphs(&step.says)}
        {answer}
        <p class="hint" hidden=move || !covered.get()>{t.hidden}</p>
        <p class="problem" role="status" hidden=move || !barred.get()>{t.pass_hint}</p>
        <div class="buttons">
            <button
                type="button"
                class="primary"
                data-testid="workshop-answer"
                disabled=unanswered
                on:click=move |_| state.answer_step()
            >
                {press}
            </button>
            <span role="status" hidden=move || !state.is_awaited()>{t.computing}</span>
            <button
                type="button"
                data-testid="workshop-stop"
                hidden=move || !state.is_awaited()
                on:click=move |_| state.unanswer()
            >
                {t.stop}
            </button>
            <button
                type="button"
                data-testid="workshop-pass"
                hidden=move || !barred.get()
                on:click=move |_| state.pass_step()
            >
                {t.pass}
            </button>
            <button type="button" class="quiet" data-testid="workshop-reset" on:click=move |_| state.begin_step_again()>
                {t.reset}
            </button>
        </div>
    }
}

/// The cells that are marked: each is let go here, too.
#[component]
fn Marked(most: usize) -> impl IntoView {
    let state = use_state();
    let t = workshop();
    let has_map = whether(move || state.derived.grid.with(Option::is_some));
    let marked = Memo::new(move |_| {
        state
            .work
            .with(|w| w.as_ref().map(|w| w.marked().to_vec()).unwrap_or_default())
    });
    let list = move || {
        marked
            .get()
            .into_iter()
            .map(|at| {
                let name = named(state, at);
                let label = (t.unmark)(&name);
                view! {
                    <li>
                        <button type="button" class="quiet" aria-label=label on:click=move |_| state.mark(at)>
                            {name}" ✕"
                        </button>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <p role="status" data-testid="workshop-marked">
            {live(move || match has_map.get() {
                true => (t.mark)(marked.with(Vec::len), most),
                false => t.no_map.into(),
            })}
        </p>
        <div class="buttons">
            <button
                type="button"
                data-testid="workshop-to-map"
                hidden=move || !has_map.get()
                on:click=|_| focus_first("[role=gridcell][tabindex='0']")
            >
                {t.to_map}
            </button>
        </div>
        <ul class="marked-list" hidden=move || marked.with(Vec::is_empty)>{list}</ul>
    }
}

/// A cell of the map that is looked at, in words.
pub(super) fn named(state: State, at: (usize, usize)) -> String {
    let grid = state.derived.grid;
    grid.with(|g| g.as_ref().map(|g| place(g, at)))
        .unwrap_or_else(|| format!("{} × {}", at.0, at.1))
}

#[component]
fn TokenField(run: RunName) -> impl IntoView {
    let state = use_state();
    let typed = live(move || {
        state
            .work
            .with(|w| match w.as_ref().and_then(|w| w.draft.as_ref()) {
                Some(Reply::Token(text)) => text.clone(),
                Some(Reply::Cells(_) | Reply::Choice(_) | Reply::Text(_)) | None => String::new(),
            })
    });
    view! {
        <label class="stack">
            <span>{(workshop().token)(run)}</span>
            <input
                type="text"
                class="mono"
                maxlength="100"
                autocomplete="off"
                spellcheck="false"
                data-testid="workshop-token"
                prop:value=typed
                on:input:target=move |event| state.draft(Some(Reply::Token(event.target().value())))
            />
        </label>
    }
}

#[component]
fn WordsField() -> impl IntoView {
    let state = use_state();
    let typed = live(move || {
        state
            .work
            .with(|w| match w.as_ref().and_then(|w| w.draft.as_ref()) {
                Some(Reply::Text(text)) => text.clone(),
                Some(Reply::Cells(_) | Reply::Token(_) | Reply::Choice(_)) | None => String::new(),
            })
    });
    view! {
        <label class="stack">
            <span>{workshop().words}</span>
            <textarea
                rows="4"
                // In bytes of UTF-8 a text may be three times as long.
                maxlength="1300"
                data-testid="workshop-words"
                prop:value=typed
                on:input:target=move |event| state.draft(Some(Reply::Text(event.target().value())))
            ></textarea>
        </label>
    }
}

#[component]
fn Choices(choices: Vec<String>) -> impl IntoView {
    let state = use_state();
    let chosen = Memo::new(move |_| {
        state.work.with(|w| match w.as_ref()?.draft.as_ref()? {
            Reply::Choice(at) => Some(*at),
            Reply::Cells(_) | Reply::Token(_) | Reply::Text(_) => None,
        })
    });
    let radios = choices
        .into_iter()
        .enumerate()
        .map(|(at, label)| {
            view! {
                <label class="check">
                    <input
                        type="radio"
                        name="workshop-choice"
                        data-testid=format!("workshop-choice-{at}")
                        prop:checked=whether(move || chosen.get() == Some(at))
                        on:change=move |_| state.draft(Some(Reply::Choice(at)))
                    />
                    <span>{label}</span>
                </label>
            }
        })
        .collect_view();
    view! { <fieldset class="workshop-choices"><legend class="hidden">{workshop().words}</legend>{radios}</fieldset> }
}
