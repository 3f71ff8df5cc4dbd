//! What the page asks of the engine, and when.

use super::signals::{Notice, State, Status};
use crate::engine::{Engine, Event};
use crate::examples::{complete, steering};
use crate::results::{Goal, Job, Results};
use crate::set;
use leptos::prelude::*;
use leptos_use_watch_debounce_throttle::watch_debounced;
use patchbay_engine::experiment::{Cell, Experiment, Pair, Room, Sweep};
use patchbay_engine::protocol::{BackendChoice, Failure, FailureCode, Request};
use patchbay_engine::sentence::Says;

/// Pause in typing after which the engine is asked, in milliseconds.
const PAUSE: f64 = 300.0;

impl State {
    /// Follows the experiment: tells the address and the engine about it.
    pub(super) fn watch(self) {
        let _ = watch_debounced(
            move || {
                self.experiment.track();
            },
            move |_, _, _: Option<()>| {
                self.follow();
                self.ask();
            },
            PAUSE,
        );
        Effect::new(move |before: Option<(Option<Cell>, Room, String)>| {
            let now = self.experiment.with(|e| (e.cell, e.room, e.model.clone()));
            if let Some((cell, room, model)) = before {
                if model != now.2 {
                    self.load();
                } else if (cell, room) != (now.0, now.1) {
                    // A click on a cell is meant; it need not wait for a pause.
                    self.ask();
                }
            }
            now
        });
    }

    /// Starts the worker, ending the one there was.
    pub fn start(self) {
        self.wire.update_value(|wire| {
            wire.engine = None;
            wire.listening = false;
            wire.silent = Some(0);
            wire.load = None;
            wire.asked = None;
            wire.files.clear();
        });
        self.job.set(None);
        self.behind.maybe_update(|behind| {
            let was = behind.as_mut().map(|b| std::mem::take(&mut b.fetching));
            was == Some(true)
        });
        self.status.set(Status::Starting);
        let started = Engine::start(move |event| match event {
            Event::Response(response) => self.receive(*response),
            Event::Crash(reason) => self.crashed(reason),
        });
        match started {
            Ok(engine) => self.wire.update_value(|wire| wire.engine = Some(engine)),
            Err(message) => self.status.set(Status::Failed(Failure {
                code: FailureCode::Internal,
                message,
                says: Says::default(),
                field: None,
            })),
        }
    }

    /// Loads the experiment's model on the preferred backend.
    pub(super) fn load(self) {
        if !self.wire.with_value(|wire| wire.listening) {
            return;
        }
        self.cancel();
        self.encoders.set(false);
        let older = self.wire.try_update_value(|wire| {
            wire.asked = None;
            wire.load.take()
        });
        if let Some(id) = older.flatten() {
            self.send(&Request::Cancel { id });
        }
        self.open();
    }

    /// Changes the backend and loads the model again there.
    pub fn choose_backend(self, choice: BackendChoice) {
        self.set_preferences.update(|p| p.backend = choice);
        self.reload();
    }

    /// Loads the model again; starts the worker first where there is none.
    pub fn reload(self) {
        self.notice.set(None);
        self.wire.update_value(|wire| wire.crashes = 0);
        if self.wire.with_value(|wire| wire.listening) {
            self.load();
        } else {
            self.start();
        }
    }

    /// Asks for what the experiment still lacks.
    pub fn ask(self) {
        let experiment = self.experiment.get_untracked();
        let automatic = untrack(|| self.is_automatic());
        let goal = self
            .results
            .with_untracked(|results| results.goal(&experiment, automatic));
        let running = self.job.with_untracked(|job| {
            let job = job.as_ref().filter(|j| j.experiment == experiment)?;
            Some(job.goal)
        });
        match goal {
            // A person was quicker than the pause after a change, and asked for all of it.
            Some(_) if running == Some(Goal::Full) => {}
            Some(goal) => self.submit(experiment, goal),
            None => {
                // Everything is there, so what runs is for something older,
                // unless a person wants it again.
                if running.is_none() {
                    self.cancel();
                }
            }
        }
    }

    /// Whether the engine was asked for the experiment as it is now.
    #[must_use]
    pub fn was_asked(self) -> bool {
        let asked = |e: &Experiment| {
            self.wire
                .with_value(|wire| wire.asked.as_ref().is_some_and(|a| a.0 == *e))
        };
        self.experiment.with(asked)
    }

    /// Runs the experiment once more, for what was agreed to meanwhile.
    pub(super) fn again(self) {
        let experiment = self.experiment.get_untracked();
        let automatic = untrack(|| self.is_automatic());
        self.wire.update_value(|wire| wire.asked = None);
        if let Some(goal) = Results::default().goal(&experiment, automatic) {
            self.submit(experiment, goal);
        }
    }

    /// Runs the sweep or the map, whether or not sweeps start by themselves.
    pub fn run(self) {
        let lacks = |e: &Experiment| e.room == Room::Patching && e.sweeps.is_empty();
        if self.experiment.with_untracked(lacks) {
            let sweep = untrack(|| self.sweep());
            self.experiment.update(|e| e.sweeps.push(sweep));
        }
        self.wire.update_value(|wire| wire.asked = None);
        self.submit(self.experiment.get_untracked(), Goal::Full);
    }

    fn submit(self, experiment: Experiment, goal: Goal) {
        if !matches!(*self.status.read_untracked(), Status::Ready { .. }) {
            return;
        }
        let asked = (experiment, goal);
        if self
            .wire
            .with_value(|wire| wire.asked.as_ref() == Some(&asked))
        {
            return;
        }
        self.cancel();
        self.notice.update(|notice| {
            if matches!(notice, Some(Notice::Failure(_) | Notice::File { .. })) {
                *notice = None;
            }
        });
        let experiment = asked.0.clone();
        self.wire.update_value(|wire| wire.asked = Some(asked));
        // That is told once, with what to do about it.
        if untrack(|| self.misfit()).is_some() || !self.is_sendable(&experiment) {
            return self.bring_old_map(&experiment);
        }
        let id = self.next_id();
        self.job.set(Some(Job {
            id,
            goal,
            experiment: experiment.clone(),
            progress: None,
        }));
        self.send(&Request::Run {
            id,
            experiment: Box::new(experiment),
            preview: goal == Goal::Preview,
            agreed: self.agreed(),
            share: false,
        });
    }

    /// Whether the engine would take an experiment; says why where it would not. It
    /// would itself, but a number that JavaScript rounds on the way reaches it rounded.
    pub(super) fn is_sendable(self, experiment: &Experiment) -> bool {
        let found = experiment.check();
        if let Err(problem) = &found {
            self.notice.set(Some(Notice::Failure(Failure {
                code: FailureCode::Experiment,
                message: problem.message.clone(),
                says: problem.says.clone(),
                field: Some(problem.field),
            })));
        }
        found.is_ok()
    }

    /// Stops what runs. What it told so far stays.
    pub fn cancel(self) {
        if let Some(job) = self.job.get_untracked() {
            self.job.set(None);
            self.send(&Request::Cancel { id: job.id });
        }
    }

    pub(super) fn send(self, request: &Request) {
        self.send_with(request, None);
    }

    pub(super) fn send_with(self, request: &Request, bytes: Option<&js_sys::Uint8Array>) {
        self.knock();
        let sent = self.wire.with_value(|wire| {
            let engine = wire.engine.as_ref();
            engine.map(|engine| engine.send_with(request, bytes))
        });
        if let Some(Err(reason)) = sent {
            self.crashed(reason);
        }
    }

    pub(super) fn next_id(self) -> u32 {
        self.wire
            .try_update_value(|wire| {
                wire.next_id = wire.next_id.wrapping_add(1);
                wire.next_id
            })
            .unwrap_or_default()
    }

    /// Changes the experiment.
    pub fn edit(self, change: impl FnOnce(&mut Experiment)) {
        self.experiment.update(|experiment| {
            let before = experiment.sweeps_only();
            change(experiment);
            // Another grid has other cells: keep the choice only where it names
            // the same patch.
            if let Some(cell) = experiment.cell {
                let at = |e: &Experiment| e.sweeps.get(cell.sweep).map(Sweep::axes);
                if at(&before) != at(experiment) {
                    experiment.cell = None;
                }
            }
        });
    }

    /// Goes to a room, which is set up as it opens where it was not yet.
    pub fn enter(self, room: Room) {
        self.edit(|e| {
            e.room = room;
            *e = complete(std::mem::take(e));
        });
    }

    /// Changes the sweep that is looked at.
    pub fn edit_sweep(self, change: impl FnOnce(&mut Sweep)) {
        let mut sweep = untrack(|| self.sweep());
        change(&mut sweep);
        let active = self.active.get_untracked();
        self.edit(|experiment| match experiment.sweeps.get_mut(active) {
            Some(there) => *there = sweep,
            None => experiment.sweeps.push(sweep),
        });
    }

    /// Takes pairs of prompts: the first is the one that the editors show.
    pub fn take_pairs(self, pairs: Vec<Pair>) {
        self.edit(|e| set::put(e, pairs));
    }

    /// Puts other sweeps in the place of all there are, and looks at one of them.
    pub fn set_sweeps(self, sweeps: Vec<Sweep>, look_at: usize) {
        self.active.set(look_at.min(sweeps.len().saturating_sub(1)));
        self.edit(|experiment| experiment.sweeps = sweeps);
    }

    /// Back to the example that the room opens with, on the same model.
    pub fn reset(self) {
        self.broken_link.set(None);
        self.experiment.update(|e| match e.room {
            Room::Patching => *e = example(e),
            Room::Steering => e.steer = Some(steering()),
        });
    }

    /// Whether the patching room is as it opens.
    #[must_use]
    pub fn is_example(self) -> bool {
        self.experiment.with(|e| *e == example(e))
    }
}

/// The patching room's example, with all that is not that room's as it is.
fn example(experiment: &Experiment) -> Experiment {
    Experiment {
        model: experiment.model.clone(),
        room: experiment.room,
        steer: experiment.steer.clone(),
        ..Experiment::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchbay_engine::experiment::Steer;

    #[test]
    fn the_other_room_and_the_model_are_no_part_of_the_example() {
        let set_up = Experiment {
            model: "gpt2".into(),
            room: Room::Steering,
            steer: Some(Steer::default()),
            ..Experiment::default()
        };
        assert_eq!(example(&set_up), set_up);
        let changed = Experiment {
            bos: false,
            ..set_up.clone()
        };
        assert_eq!(example(&changed), set_up);
    }
}
