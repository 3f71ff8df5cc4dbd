//! The examples bar of both rooms: one click each, with what to look at.

mod list;
mod undo;

use crate::components::shared::{is_narrow, whether};
use crate::examples::complete;
use crate::format;
use crate::state::{MINI, State, use_state};
use crate::text::text;
use leptos::prelude::*;
use list::{Entry, Kind, List};
use patchbay_engine::experiment::{Experiment, Room};
use undo::Undo;
use wasm_bindgen_futures::spawn_local;

/// An example that was taken, and what the experiment was then.
type Taken = Option<(Entry, Experiment)>;

/// The room's title, its examples, and what the one taken last is to show.
#[component]
pub fn Bar(title: &'static str, lede: &'static str) -> impl IntoView {
    let state = use_state();
    let t = &text().examples;
    let room = untrack(|| state.room());
    let list = RwSignal::new(List::default());
    let taken = RwSignal::new(Taken::None);
    let failed = RwSignal::new(false);
    spawn_local(async move {
        match list::list().await {
            Some(found) => {
                // What the page opens with is an example, too. A small screen has its
                // room for the map.
                let first = found.entries.iter().find(|e| e.room == room).cloned();
                if let Some(first) = first.filter(|_| !is_narrow()) {
                    let opens = complete(Experiment {
                        room,
                        ..Experiment::default()
                    });
                    taken.maybe_update(|taken| match taken {
                        Some(_) => false,
                        None => {
                            *taken = Some((first, opens));
                            true
                        }
                    });
                }
                list.set(found);
            }
            None => failed.set(true),
        }
    });
    let model = Memo::new(move |_| state.experiment.with(|e| e.model.clone()));
    // What was taken stays said as long as it is what is on the page.
    let shown = Memo::new(move |_| {
        let taken = taken.get()?;
        let same = state.experiment.with(|now| same(room, &taken.1, now));
        same.then_some(taken.0)
    });
    let take = move |entry: Entry| {
        spawn_local(async move {
            let found = list::experiment(&entry.file).await;
            failed.set(found.is_none());
            if let Some(found) = found {
                put(state, &entry, found);
                let now = state.experiment.get_untracked();
                taken.set(Some((entry, now)));
            }
        });
    };
    let buttons = move |kind: Kind| {
        let offered = move |e: &Entry| {
            let fits = !e.of_its_model || model.with(|m| m == MINI) || e.kind == Kind::Start;
            e.room == room && e.kind == kind && fits
        };
        let button = move |entry: Entry| {
            let file = entry.file.clone();
            let on = Memo::new(move |_| shown.with(|s| s.as_ref().is_some_and(|s| s.file == file)));
            let (title, testid) = (entry.title.clone(), format!("example-{}", entry.file));
            view! {
                <button
                    type="button"
                    class="quiet"
                    aria-pressed=move || on.get().to_string()
                    data-testid=testid
                    on:click=move |_| take(entry.clone())
                >
                    {title}
                </button>
            }
        };
        let offered = list.with(|l| {
            l.entries
                .iter()
                .filter(|e| offered(e))
                .cloned()
                .collect::<Vec<_>>()
        });
        offered.into_iter().map(button).collect_view()
    };
    let some =
        move |kind: Kind| list.with(|l| l.entries.iter().any(|e| e.room == room && e.kind == kind));
    let limits = move || {
        let lines = list.with(|l| l.limits.clone()).into_iter();
        lines.map(|l| view! { <li>{l}</li> }).collect_view()
    };
    let about = move || match shown.get() {
        None => view! { <p>{lede}</p> }.into_any(),
        Some(entry) => {
            let evidence = match (entry.kind, entry.evidence.is_empty()) {
                (Kind::Start, _) => Some(t.start_hint.to_owned()),
                (Kind::Shown, true) => None,
                (Kind::Shown, false) => Some((t.evidence)(&format::sentence(&entry.evidence))),
            };
            view! {
                <p data-testid="example-about"><strong>{entry.title}": "</strong>{format::sentence(&entry.about)}</p>
                {evidence.map(|e| view! {
                    <details class="evidence">
                        <summary>{t.proof}</summary>
                        <p data-testid="example-evidence">{e}</p>
                        {(entry.room == Room::Steering).then(|| view! { <p class="hint">{t.repeat}</p> })}
                    </details>
                })}
            }
            .into_any()
        }
    };
    view! {
        <div class="lede">
            <h1>{title}</h1>
            <div class="about" aria-live="polite">
                {about}
                {move || failed.get().then(|| view! { <p class="problem fatal">{t.failed}</p> })}
            </div>
            <div class="example-bar" role="group" aria-label=t.title data-testid="examples">
                <span aria-hidden="true">{t.title}</span>
                {move || buttons(Kind::Shown)}
                <details class="more-examples" hidden=whether(move || !some(Kind::Start))>
                    <summary data-testid="more-examples">{t.more}</summary>
                    <div class="drop">
                        <h2>{t.start}</h2>
                        <div class="buttons">{move || buttons(Kind::Start)}</div>
                        <h2>{t.limits}</h2>
                        <ul class="hint">{limits}</ul>
                    </div>
                </details>
            </div>
            <Undo />
        </div>
    }
}

/// Whether an experiment still is the example: its prompts or its directions, on its model.
fn same(room: Room, of: &Experiment, now: &Experiment) -> bool {
    now.model == of.model
        && match room {
            Room::Patching => {
                (&now.clean, &now.corrupted, &now.pairs, &now.corruption)
                    == (&of.clean, &of.corrupted, &of.pairs, &of.corruption)
            }
            Room::Steering => {
                let [now, of] = [now, of].map(|e| e.steer.as_ref().map(|s| &s.directions));
                now == of
            }
        }
}

/// Puts an example on the page. What the other room is set up for stays; so does the
/// model, where the example is not of its own alone.
fn put(state: State, entry: &Entry, found: Experiment) {
    let before = state.experiment.get_untracked();
    let model = match (entry.room, entry.of_its_model) {
        (Room::Patching, false) => before.model.clone(),
        (Room::Patching, true) | (Room::Steering, _) => found.model.clone(),
    };
    let next = match entry.room {
        Room::Patching => Experiment {
            model,
            room: entry.room,
            steer: before.steer,
            ..found
        },
        Room::Steering => Experiment {
            room: entry.room,
            model,
            bos: found.bos,
            steer: found.steer,
            ..before
        },
    };
    state.active.set(next.cell.map_or(0, |c| c.sweep));
    state.shown.set(0);
    state.experiment.set(next);
}
