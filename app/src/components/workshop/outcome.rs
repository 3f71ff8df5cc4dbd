//! A step that was answered: what was said, and what came out.

use super::said::{HERE, paragraphs};
use super::step::named;
use crate::format;
use crate::state::use_state;
use crate::text::{text, workshop};
use leptos::prelude::*;
use patchbay_engine::experiment::{Answer, Ask, Reply, Step, hits};

/// A step that was done: the one looked at now, or an older one that can be opened.
#[component]
pub(super) fn Outcome(n: usize, open: bool, last: bool) -> impl IntoView {
    let state = use_state();
    let t = workshop();
    let (step, answer) = state
        .work
        .with_untracked(|w| {
            let w = w.as_ref()?;
            let answer = w.handed.answers.get(n).cloned();
            Some((w.workshop.steps.get(n)?.clone(), answer?))
        })
        .unwrap_or_default();
    let points = step.points(&answer);
    let came = view! {
        {paragraphs(&step.says)}
        <div class="outcome" data-testid=format!("outcome-{n}")>{came_out(&step, &answer)}</div>
    };
    let sums = match points.of {
        0 => t.done.to_owned(),
        _ => (t.points)(points),
    };
    match open {
        true => view! {
            <h3 id=HERE tabindex="-1">{(t.step)(n + 1)}</h3>
            {came}
            <div class="buttons">
                <button type="button" class="primary" data-testid="workshop-next" on:click=move |_| state.next_step()>
                    {if last { t.finish } else { t.next }}
                </button>
            </div>
        }
        .into_any(),
        false => view! {
            <details>
                <summary>{(t.step)(n + 1)}" · "{sums}</summary>
                {came}
            </details>
        }
        .into_any(),
    }
}

fn came_out(step: &Step, answer: &Answer) -> AnyView {
    let t = workshop();
    let points = step.points(answer);
    match (&step.ask, &answer.said) {
        (Ask::Cells { most }, Some(Reply::Cells(said))) => {
            let digest = answer.digest.as_ref();
            let strongest = digest.map(|d| d.cells.clone()).unwrap_or_default();
            let hit = hits(said, &strongest, *most);
            let cells = strongest.into_iter().take(*most).collect::<Vec<_>>();
            let said = said.clone();
            view! { <Cells said hit cells sums=(t.came_out)(points) /> }.into_any()
        }
        (Ask::Token { .. }, Some(Reply::Token(said))) => {
            let found = answer.found.clone().unwrap_or_default();
            view! {
                <p role="status"><strong>{if points.made == 1 { t.right } else { t.wrong }}</strong></p>
                <p>{t.yours}" "<span class="tok">{format::token(said)}</span></p>
                <p>{t.likeliest}" "<span class="tok" data-testid="workshop-likeliest">{format::token(&found)}</span></p>
            }
            .into_any()
        }
        (Ask::Choice { choices, right }, Some(Reply::Choice(said))) => {
            let text = |at: usize| choices.get(at).cloned().unwrap_or_default();
            let is_right = points.made == 1;
            view! {
                <p role="status"><strong>{if is_right { t.right } else { t.wrong }}</strong></p>
                <p>{t.yours}" "{text(*said)}</p>
                {(!is_right).then(|| view! { <p>{(t.right_is)(&text(*right))}</p> })}
            }
            .into_any()
        }
        (Ask::Words { after }, Some(Reply::Text(said))) => view! {
            <p>{t.yours}</p>
            <blockquote>{said.clone()}</blockquote>
            {(!after.is_empty()).then(|| view! { <p>{t.teacher}</p>{paragraphs(after)} })}
        }
        .into_any(),
        // Nothing was asked, or this answers another question.
        (
            Ask::Nothing
            | Ask::Run
            | Ask::Cells { .. }
            | Ask::Token { .. }
            | Ask::Choice { .. }
            | Ask::Words { .. },
            _,
        ) => ().into_any(),
    }
}

/// Which of the marked cells are strong, and which strong ones were not marked.
#[component]
fn Cells(
    said: Vec<(usize, usize)>,
    hit: Vec<bool>,
    cells: Vec<patchbay_engine::experiment::DigestCell>,
    sums: String,
) -> impl IntoView {
    let state = use_state();
    let t = workshop();
    let marked = said.clone();
    let yours = move || {
        marked
            .iter()
            .zip(&hit)
            .map(|(at, hit)| {
                let (class, says) = match hit {
                    true => ("hit", t.hit),
                    false => ("miss", t.miss),
                };
                view! { <li class=class>{named(state, *at)}" · "{says}</li> }
            })
            .collect_view()
    };
    // The number itself, by its name: the map may show another of it.
    let metric = move || {
        let kind = state.experiment.with(|e| e.metrics.first().map(|m| m.kind));
        kind.map_or("", |kind| (text().answer.kind)(kind))
    };
    let strongest = move || {
        cells
            .iter()
            .map(|cell| {
                let is_missed = !said.contains(&(cell.row, cell.column));
                let missed = is_missed.then_some(t.missed);
                let value = format!("{} {}", metric(), format::number(cell.value, 3));
                view! {
                    <li>
                        {named(state, (cell.row, cell.column))}": "{value}
                        {missed.map(|missed| format!(" · {missed}"))}
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <p role="status"><strong>{sums}</strong></p>
        <p>{t.marked}</p>
        <ul>{yours}</ul>
        <p>{t.strongest}</p>
        <ol>{strongest}</ol>
    }
}
