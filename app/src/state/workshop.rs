//! Working through a workshop: what is answered, what comes out, and what of it the
//! browser keeps.

use super::begun::keep;
use super::signals::{Notice, State};
use crate::collected::likeliest;
use crate::embed::tell;
use crate::examples::complete;
use crate::workshop::{At, Work};
use gloo::events::EventListener;
use leptos::prelude::*;
use leptos_use_watch_debounce_throttle::watch_debounced;
use patchbay_engine::experiment::link::handed;
use patchbay_engine::experiment::{Answer, Points, Reply};
use serde_json::json;

/// Pause after which it is kept, in milliseconds.
const PAUSE: f64 = 300.0;

impl State {
    pub(super) fn keep_work(self) {
        let _ = watch_debounced(
            move || {
                self.work.track();
                self.experiment.track();
            },
            move |(), _, _: Option<()>| self.keep_now(),
            PAUSE,
        );
        let window = gloo::utils::window();
        EventListener::new(&window, "pagehide", move |_| self.keep_now()).forget();
        let told = Memo::new(move |_| {
            self.work.with(|work| {
                let work = work.as_ref()?;
                let Points { made, of } = work.points();
                let done = work.handed.answers.len();
                Some((
                    handed(&work.handed),
                    made,
                    of,
                    done,
                    work.workshop.steps.len(),
                ))
            })
        });
        if self.embedded {
            Effect::new(move |_| {
                if let Some((handed, made, of, done, steps)) = told.get() {
                    tell(&json!({
                        "type": "workshop", "handed": handed, "points": made, "of": of,
                        "done": done, "steps": steps,
                    }));
                }
            });
        }
        // An answer that was given, once what it is a guess at is there.
        Effect::new(move |_| {
            if self.is_awaited()
                && let Some(came) = self.came()
            {
                self.edit_work(|work| work.answer(came));
            }
        });
        // What went wrong is told where it always is; the answer can be given again.
        Effect::new(move |_| {
            if matches!(
                self.notice.get(),
                Some(Notice::Failure(_) | Notice::Restarted { .. })
            ) {
                self.take_back();
            }
        });
    }

    fn keep_now(self) {
        let line = self.work.with_untracked(|work| {
            let work = work.as_ref()?;
            let kept = self.experiment.with_untracked(|now| work.keep(now));
            Some((work.handed.of.clone(), kept))
        });
        if let Some((of, line)) = line {
            keep(&of, &line);
        }
    }

    /// Takes back an answer that waits, if one does.
    fn take_back(self) {
        if untrack(|| self.is_awaited()) {
            self.edit_work(|work| work.awaited = false);
        }
    }

    fn edit_work(self, change: impl FnOnce(&mut Work)) {
        // Once for all of them: each closure would bring its own copy of what tells of it.
        let mut change = Some(change);
        self.edit_by(&mut |work| {
            if let Some(change) = change.take() {
                change(work);
            }
        });
    }

    fn edit_by(self, change: &mut dyn FnMut(&mut Work)) {
        self.work.update(|work| {
            if let Some(work) = work {
                change(work);
            }
        });
    }

    /// Whether a click on a cell marks it.
    #[must_use]
    pub fn marks(self) -> bool {
        self.work
            .with_untracked(|w| w.as_ref().is_some_and(|w| w.marks().is_some()))
    }

    /// Marks a cell of the map, or no longer.
    pub fn mark(self, at: (usize, usize)) {
        self.edit_work(|work| work.mark(at));
    }

    /// What the person answers to the open step, as far as it is made.
    pub fn draft(self, reply: Option<Reply>) {
        self.edit_work(|work| work.draft = reply);
    }

    /// What the person is called on what is handed in.
    pub fn call(self, by: String) {
        self.edit_work(|work| work.handed.by = by);
    }

    /// Gives the answer to the open step; what it is a guess at is computed first.
    pub fn answer_step(self) {
        let (answered, waits) = self.work.with_untracked(|work| {
            let of = |w: &Work| (w.is_answered(), w.wants_run());
            work.as_ref().map_or((false, false), of)
        });
        if !answered {
            return;
        }
        if !waits {
            return self.edit_work(|work| work.answer(Answer::default()));
        }
        self.edit_work(|work| work.awaited = true);
        if untrack(|| self.came()).is_none() && !self.derived.busy.get_untracked() {
            self.notice.set(None);
            self.run();
        }
    }

    /// Goes on from a step that cannot be run, without an answer.
    pub fn pass_step(self) {
        self.edit_work(|work| {
            work.draft = None;
            work.answer(Answer::default());
        });
    }

    /// Takes an answer back that still waits for what comes out.
    pub fn unanswer(self) {
        self.take_back();
        self.cancel();
    }

    /// What came out, as it is handed in with an answer, once it is whole.
    fn came(self) -> Option<Answer> {
        let digest = self.digest()?;
        let now = self.experiment.get();
        self.work.with(|work| {
            let work = work.as_ref()?;
            let found = match work.open()?.ask.token() {
                Some(run) => Some(self.results.with(|r| likeliest(r, run))?),
                None => None,
            };
            let begins = complete(work.begins().clone());
            Some(Answer {
                found,
                experiment: (begins.of_run() != now.of_run()).then_some(now),
                digest: Some(digest),
                ..Answer::default()
            })
        })
    }

    /// Goes on to the next step.
    pub fn next_step(self) {
        let next = self.work.try_update(|work| work.as_mut()?.next()).flatten();
        if let Some(experiment) = next {
            self.edit(|e| *e = complete(experiment));
        }
    }

    /// Begins the open step anew, with what it put on the page.
    pub fn begin_step_again(self) {
        self.take_back();
        let begins = self
            .work
            .with_untracked(|work| Some(work.as_ref()?.begins().clone()));
        if let Some(experiment) = begins {
            self.edit(|e| *e = complete(experiment));
        }
    }

    /// Goes on from what was handed in or kept elsewhere; whether it was of this workshop.
    pub fn resume(self, kept: &str) -> bool {
        let begins = self.work.try_update(|work| {
            let work = work.as_mut()?;
            let fits = work.resume(kept);
            fits.then(|| work.goes_on())
        });
        let begins = begins.flatten();
        let fits = begins.is_some();
        if let Some(experiment) = begins {
            self.edit(|e| *e = complete(experiment));
        }
        fits
    }

    /// Begins the workshop anew.
    pub fn begin_again(self) {
        self.edit_work(|work| {
            let by = std::mem::take(&mut work.handed.by);
            *work = Work::new(work.workshop.clone(), work.first.clone());
            work.handed.by = by;
        });
        self.begin_step_again();
    }

    /// Leaves the workshop: what is on the page stays, and is a person's own.
    pub fn leave_workshop(self) {
        self.work.set(None);
        if !self.embedded {
            self.show.set(None);
        }
        self.follow();
    }

    /// Where in the workshop somebody is.
    #[must_use]
    pub fn at_step(self) -> Option<At> {
        self.work.with(|work| work.as_ref().map(Work::at))
    }

    /// Whether an answer waits for what comes out.
    #[must_use]
    pub fn is_awaited(self) -> bool {
        self.work
            .with(|work| work.as_ref().is_some_and(|w| w.awaited))
    }

    /// Whether the map is hidden, because a workshop asks for a guess at it.
    #[must_use]
    pub fn is_covered(self) -> bool {
        self.derived.covered.get().has_map()
    }
}
