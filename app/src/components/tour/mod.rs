//! The first minutes: three steps that point at what is there and wait for what a person
//! does. It is not modal, and what it needs is all on the page without it.

mod dock;
mod kept;
mod step;

use crate::components::shared::{focus, live, whether};
use crate::format;
use crate::state::{State, use_state};
use crate::text::text;
use dock::Dock;
use leptos::prelude::*;
use patchbay_engine::experiment::{Cell, Room, RunReport};
use step::Step;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

#[derive(Clone, Copy)]
pub struct Tour {
    /// None where there is no tour.
    step: RwSignal<Option<Step>>,
    /// The cell that was chosen before one's own.
    before: RwSignal<Option<Cell>>,
}

impl Tour {
    /// Begins where somebody is here for the first time and has not come for an
    /// experiment; goes on where the page was loaded again.
    pub fn new(state: State) -> Self {
        let toured = state.preferences.with_untracked(|p| p.toured);
        let step = match kept::step() {
            Some(step) if !toured => Some(step),
            _ => (!toured && kept::nothing_was_opened()).then_some(Step::Prompts),
        };
        let tour = Self {
            step: RwSignal::new(step),
            before: RwSignal::new(state.experiment.with_untracked(|e| e.cell)),
        };
        kept::keep(move || tour.step.get_untracked());
        tour.follow(state);
        tour
    }

    /// From the beginning.
    fn begin(self, state: State) {
        // The map's step waits for a cell.
        state.edit(|e| e.cell = None);
        if state.room() != Room::Patching {
            state.enter(Room::Patching);
        }
        self.before.set(None);
        self.step.set(Some(Step::Prompts));
    }

    fn end(self, state: State) {
        state.set_preferences.update(|p| p.toured = true);
        self.step.set(None);
    }

    /// Waits for what each step is to see done.
    fn follow(self, state: State) {
        Effect::new(move |_| {
            let cell = state.experiment.with(|e| e.cell);
            let patched = state
                .derived
                .patched
                .with(|p| p.as_ref().map(|p| p.report.cell));
            let before = self.before.get_untracked();
            match self.step.get() {
                Some(Step::Map) if cell.is_some() && cell != before => {
                    self.before.set(cell);
                    self.step.set(Some(Step::Own));
                }
                Some(Step::Own) if patched.is_some() && patched == cell && cell != before => {
                    state.set_preferences.update(|p| p.toured = true);
                    self.step.set(Some(Step::Last));
                }
                _ => {}
            }
        });
    }
}

/// The tour's step, at a place where it hides nothing of the map.
#[component]
pub fn Guide(tour: Tour) -> impl IntoView {
    let state = use_state();
    let t = &text().tour;
    let step = Memo::new(move |_| {
        let there = state.room().is_patching() && !state.derived.awaits.get();
        tour.step.get().filter(|_| there)
    });
    let dock = Dock::new();
    Effect::new(move |_| {
        let step = step.get();
        point_at(step);
        dock.follow(step);
    });
    let ready = Memo::new(move |_| state.derived.runs.with(Option::is_some));
    let says = live(move || match step.get() {
        None => String::new(),
        Some(Step::Prompts) => state.derived.runs.with(|runs| {
            runs.as_ref().map_or_else(
                || t.waiting.into(),
                |runs| (t.prompts)(&expected(&runs.clean), &expected(&runs.corrupted)),
            )
        }),
        Some(Step::Map) => t.map.into(),
        Some(Step::Own) => t.own.into(),
        Some(Step::Last) => t.last.into(),
    });
    let is = move |one: Step| whether(move || step.get() != Some(one));
    let is_last = move || step.get() == Some(Step::Last);
    view! {
        <div
            id=dock::CARD
            class="tour"
            class:idle=whether(move || step.get().is_none())
            data-testid="tour"
            role="group"
            aria-label=t.label
        >
            <div class="says" aria-live="polite">
                <strong>
                    {live(move || step.get().map(|s| (t.step)(s.number())).unwrap_or_default())}
                </strong>
                " "
                <span data-testid="tour-says">{says}</span>
            </div>
            <div class="buttons" hidden=whether(move || step.get().is_none())>
                <button
                    type="button"
                    class="primary"
                    data-testid="tour-next"
                    hidden=is(Step::Prompts)
                    disabled=whether(move || !ready.get())
                    on:click=move |_| tour.step.set(Some(Step::Map))
                >
                    {t.next}
                </button>
                <button
                    type="button"
                    data-testid="tour-there"
                    hidden=whether(move || step.get() == Some(Step::Prompts))
                    on:click=move |_| lead(step.get_untracked())
                >
                    {t.there}
                </button>
                <button type="button" class="quiet" data-testid="tour-skip" on:click=move |_| tour.end(state)>
                    {live(move || if is_last() { t.done } else { t.skip })}
                </button>
            </div>
        </div>
    }
}

/// The button that begins it again.
#[component]
pub fn Again(tour: Tour) -> impl IntoView {
    let state = use_state();
    view! {
        <button type="button" class="quiet" data-testid="tour-again" on:click=move |_| tour.begin(state)>
            {text().tour.again}
        </button>
    }
}

/// What the model expects after a prompt.
fn expected(run: &RunReport) -> String {
    run.top.first().map_or_else(String::new, |top| {
        let token = format::token(&top.token.text);
        format!("“{token}” ({})", format::percent(top.probability))
    })
}

/// Marks what a step is about: the style sheet knows what that is.
fn point_at(step: Option<Step>) {
    let Some(root) = document().document_element() else {
        return;
    };
    // Refused only for names that are not names.
    let _ = match step {
        Some(step) => root.set_attribute("data-tour", &step.place().to_string()),
        None => root.remove_attribute("data-tour"),
    };
}

/// Moves the focus to where the next thing is to be done.
fn lead(step: Option<Step>) {
    match step {
        Some(Step::Prompts | Step::Last) => focus("clean-prompt"),
        Some(Step::Map) => focus("show-strongest"),
        Some(Step::Own) => {
            // The one chosen before, from which it is not far to another.
            let find = |which: &str| document().query_selector(which).ok().flatten();
            let cell = find(".map td.chosen").or_else(|| find(".map td[tabindex='0']"));
            if let Some(cell) = cell.and_then(|c| c.dyn_into::<HtmlElement>().ok()) {
                let _ = cell.focus();
            }
        }
        None => {}
    }
}
