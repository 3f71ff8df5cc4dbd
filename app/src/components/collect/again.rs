//! Computing what was handed in again: each different experiment once, on the page's own
//! engine, one after another.

use super::class::Class;
use crate::collected::{Computed, experiments};
use crate::components::shared::{live, whether};
use crate::state::{Notice, State, use_state};
use crate::text::{collect, said};
use gloo::timers::callback::Interval;
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, checksum};

/// Milliseconds from one look to the next, and looks at which nothing runs.
const LOOK: u32 = 1_500;
const IDLE: u32 = 4;

type Outcome = Result<Box<Computed>, String>;

/// What is still to be computed.
#[derive(Clone, Copy)]
pub(super) struct Again {
    class: Class,
    /// By checksum; the last one is on the page and being computed.
    waiting: RwSignal<Vec<(String, Experiment)>>,
    all: RwSignal<usize>,
}

impl Again {
    pub fn new(class: Class) -> Self {
        let state = use_state();
        let again = Self {
            class,
            waiting: RwSignal::new(Vec::new()),
            all: RwSignal::new(0),
        };
        // Once its results are whole, or it is known that they do not come.
        Effect::new(move |_| {
            let now = again.waiting.with(|w| w.last().cloned());
            let Some((_, experiment)) = now else { return };
            if let Some(outcome) = again.outcome(state, &experiment) {
                again.end(state, outcome);
            }
        });
        // What can be run neither now nor later is not waited for.
        let idle = StoredValue::new(0);
        let look = Interval::new(LOOK, move || {
            let waits = again.waiting.with_untracked(|w| !w.is_empty());
            let ready = untrack(|| state.model().is_some() && !state.derived.busy.get());
            idle.update_value(|n| *n = if waits && ready { *n + 1 } else { 0 });
            if idle.get_value() >= IDLE {
                idle.set_value(0);
                again.end(state, Err(collect().stuck.into()));
            }
        });
        let look = StoredValue::new_local(look);
        on_cleanup(move || look.dispose());
        // The model may have had to be agreed to first.
        Effect::new(move |_| {
            if state.model().is_some() {
                again.begin(state);
            }
        });
        again
    }

    /// Takes note of what came of the one that is on the page, and goes on.
    fn end(self, state: State, outcome: Outcome) {
        let Some((of, _)) = self.waiting.try_update(Vec::pop).flatten() else {
            return;
        };
        self.class.recomputed.update(|all| {
            all.insert(of, outcome);
        });
        self.begin(state);
    }

    /// What came of an experiment that is on the page.
    fn outcome(self, state: State, experiment: &Experiment) -> Option<Outcome> {
        // Another one is on the page still.
        if state
            .experiment
            .with(|e| checksum(e) != checksum(experiment))
        {
            return None;
        }
        if let Some(Notice::Failure(failure)) = state.notice.get() {
            return Some(Err(said(&failure.message, &failure.says)));
        }
        let model = state.model()?;
        let computed = Computed::of(state.results.get(), experiment, model)?;
        Some(Ok(Box::new(computed)))
    }

    /// Puts the next one on the page, and runs it.
    fn begin(self, state: State) {
        let next = self.waiting.with_untracked(|w| w.last().cloned());
        let Some((_, experiment)) = next else { return };
        state.notice.set(None);
        let same = state.experiment.with_untracked(|e| *e == experiment);
        if !same {
            state.edit(|e| *e = experiment);
        }
        state.run();
    }

    fn start(self, state: State) {
        let (first, workshop) = (
            self.class.first.get_value(),
            self.class.workshop.get_value(),
        );
        let found = self.class.found.get_untracked();
        let known = self.class.recomputed.get_untracked();
        // A model that no step is of is not downloaded because somebody handed it in.
        let models: Vec<String> = (0..workshop.steps.len())
            .map(|step| workshop.opens(step, &first).model.clone())
            .collect();
        let (ours, others): (Vec<_>, Vec<_>) = experiments(&workshop, &first, &found.handed)
            .into_iter()
            // One that failed may have failed for the moment.
            .filter(|(of, _)| !known.get(of).is_some_and(Result::is_ok))
            .partition(|(_, experiment)| models.contains(&experiment.model));
        self.class.recomputed.update(|all| {
            for (of, experiment) in others {
                all.insert(of, Err((collect().other_model)(&experiment.model)));
            }
        });
        let waiting = ours;
        self.all.set(waiting.len());
        self.waiting.set(waiting);
        self.begin(state);
    }

    fn stop(self, state: State) {
        self.waiting.set(Vec::new());
        state.cancel();
    }
}

/// The button that starts it, and how far it is.
#[component]
pub(super) fn Recompute(again: Again) -> impl IntoView {
    let state = use_state();
    let t = collect();
    let busy = whether(move || again.waiting.with(|w| !w.is_empty()));
    let far = live(move || match busy.get() {
        true => (t.recomputing)(
            again.all.get() - again.waiting.with(Vec::len),
            again.all.get(),
        ),
        false => String::new(),
    });
    view! {
        <div class="buttons">
            <button
                type="button"
                class="primary"
                data-testid="collect-again"
                disabled=busy
                on:click=move |_| again.start(state)
            >
                {t.recompute}
            </button>
            <button type="button" data-testid="collect-stop" hidden=move || !busy.get() on:click=move |_| again.stop(state)>
                {t.stop}
            </button>
            <span role="status" data-testid="collect-far">{far}</span>
        </div>
    }
}
