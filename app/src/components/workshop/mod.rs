//! A workshop as people work through it: its steps, what they answer, what they hand in.

mod hand_in;
mod marks;
mod outcome;
mod said;
mod step;

use crate::components::shared::{focus, live, whether};
use crate::later;
use crate::state::use_state;
use crate::text::workshop;
use crate::workshop::At;
use hand_in::HandIn;
use leptos::prelude::*;
use outcome::Outcome;
use patchbay_engine::experiment::Points;
use said::HERE;
use step::OpenStep;

later! {
    /// The workshop, which is loaded where a link is one.
    pub WORKSHOP: class, panel, load => view! { <Panel /> }
}

#[component]
fn Panel() -> impl IntoView {
    let state = use_state();
    let t = workshop();
    marks::draw(state);
    let at = Memo::new(move |_| state.at_step().unwrap_or(At::End));
    let size = Memo::new(move |_| {
        state
            .work
            .with(|w| w.as_ref().map_or(0, |w| w.workshop.steps.len()))
    });
    // Whoever answers goes on from what it came to, with the keyboard, too.
    Effect::new(move |before: Option<At>| {
        let now = at.get();
        if before.is_some_and(|before| before != now) {
            request_animation_frame(|| focus(HERE));
        }
        now
    });
    let title = live(move || {
        let title = state
            .work
            .with(|w| Some(w.as_ref()?.workshop.title.clone()));
        title
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| t.title.into())
    });
    let progress = live(move || {
        let points = state
            .work
            .with(|w| w.as_ref().map_or(Points::default(), |w| w.points()));
        let step = match at.get() {
            At::Open(step) | At::Done(step) => step + 1,
            At::End => size.get() + 1,
        };
        (t.progress)(step, size.get(), points)
    });
    let steps = move || {
        let at = at.get();
        let step = |n: usize| {
            let (open, done) = match at {
                At::Open(step) => (step == n, n < step),
                At::Done(step) => (step == n, n <= step),
                At::End => (false, true),
            };
            match (open, done) {
                (true, false) => view! { <li class="open"><OpenStep n /></li> }.into_any(),
                (true, true) => view! { <li class="open"><Outcome n open=true last={n + 1 == size.get()} /></li> }.into_any(),
                (false, true) => view! { <li class="done"><Outcome n open=false last=false /></li> }.into_any(),
                (false, false) => view! {
                    <li class="locked"><span>{(t.step)(n + 1)}</span>" "<small>{t.locked}</small></li>
                }
                .into_any(),
            }
        };
        (0..size.get()).map(step).collect_view()
    };
    view! {
        <section class="panel workshop" aria-labelledby="workshop-title" data-testid="workshop">
            {(!state.embedded).then(|| view! { <h1 class="hidden">{title}</h1> })}
            <div class="panel-head">
                <h2 id="workshop-title">{title}</h2>
                <p class="hint" role="status" data-testid="workshop-progress">{progress}</p>
                <div class="buttons">
                    <button type="button" class="quiet" data-testid="workshop-again" title=t.again_hint on:click=move |_| state.begin_again()>
                        {t.again}
                    </button>
                    <button
                        type="button"
                        class="quiet"
                        data-testid="workshop-leave"
                        title=t.leave_hint
                        hidden=state.embedded
                        on:click=move |_| state.leave_workshop()
                    >
                        {t.leave}
                    </button>
                </div>
            </div>
            <ol class="workshop-steps">{steps}</ol>
            <Show when=move || at.get() == At::End>
                <HandIn />
            </Show>
        </section>
    }
    .attr("data-at", live(move || match at.get() {
        At::Open(step) => format!("open-{step}"),
        At::Done(step) => format!("done-{step}"),
        At::End => "end".into(),
    }))
    .attr("data-marks", live(move || state.work.with(|w| w.as_ref().is_some_and(|w| w.marks().is_some())).to_string()))
    .attr("data-awaited", whether(move || state.is_awaited()))
}
