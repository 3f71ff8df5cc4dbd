//! What the engine answers.

use super::signals::{Arriving, Notice, State, Status};
use crate::results::Job;
use leptos::prelude::*;
use patchbay_engine::experiment::{self, Experiment, Field, Problem, Report};
use patchbay_engine::protocol::{Failure, FailureCode, Response};

/// Crashes in a row after which the worker is left alone.
const PATIENCE: u32 = 2;

impl State {
    pub(super) fn receive(self, response: Response) {
        self.wire.update_value(|wire| {
            wire.silent = Some(0);
            wire.unanswered = false;
        });
        match response {
            Response::Ready => {
                self.wire.update_value(|wire| wire.listening = true);
                self.load();
            }
            Response::Kept { id, store } => self.told_kept(id, store),
            Response::Described { id, offer } if self.is_load(id) => self.described(offer),
            Response::Loading {
                id,
                progress,
                waiting,
            } if self.is_load(id) => self.arriving.set(Arriving {
                progress: Some(progress),
                waiting,
            }),
            Response::Loaded {
                id,
                model,
                backend,
                source,
            } if self.is_load(id) => {
                self.loading_ended();
                self.wire.update_value(|wire| wire.agreed = None);
                self.status.set(Status::Ready {
                    model,
                    backend,
                    source,
                });
                self.results.update(|results| {
                    // Another model or backend: its numbers are its own.
                    results.grids.clear();
                    results.patched = None;
                    results.steered = None;
                    results.report = None;
                    results.steering = None;
                });
                self.ask();
            }
            Response::Update { id, update } if self.is_job(id) => self.told(*update),
            Response::Done { id, report } if self.is_job(id) => self.done(*report),
            Response::Failed { id, failure } if self.is_load(id) => {
                self.load_failed(failure);
            }
            Response::Failed { id, failure } if self.is_job(id) => self.failed(failure),
            Response::File { id, name, bytes } => self.file_written(id, &name, &bytes),
            Response::Direction { id, direction } => self.file_read(id, *direction),
            Response::Opened { id, text } => self.experiment_fetched(id, &text),
            Response::Failed { id, failure } => self.file_failed(id, failure),
            Response::Cancelled { id } if self.is_load(id) => self.paused(),
            Response::Cancelled { id } if self.is_job(id) => self.job.set(None),
            // Answers to what is no longer wanted.
            Response::Described { .. }
            | Response::Loading { .. }
            | Response::Loaded { .. }
            | Response::Update { .. }
            | Response::Wants { .. }
            | Response::Alive { .. }
            | Response::Done { .. }
            | Response::Cancelled { .. } => {}
        }
    }

    pub(super) fn is_load(self, id: u32) -> bool {
        self.wire.with_value(|wire| wire.load == Some(id))
    }

    fn is_job(self, id: u32) -> bool {
        self.job
            .with_untracked(|job| job.as_ref().is_some_and(|job| job.id == id))
    }

    fn told(self, update: experiment::Update) {
        if let experiment::Update::Progress(progress) = update {
            self.job.update(|job| {
                if let Some(job) = job {
                    job.progress = Some(progress);
                }
            });
            return;
        }
        if let Some(job) = self.job.get_untracked() {
            self.results.update(|r| r.update(&job, update));
        }
    }

    fn done(self, report: Report) {
        self.wire.update_value(|wire| wire.crashes = 0);
        let Some(job) = self.job.get_untracked() else {
            return;
        };
        let lost = |p: &Problem| p.field == Field::Cell;
        let lost = report.reading.problems.iter().any(lost);
        self.results.update(|r| r.finish(&job, report));
        self.bring_old_map(&job.experiment);
        self.job.set(None);
        self.keep_run(&job);
        if lost {
            self.let_go(job);
        }
    }

    /// Takes back the choice of a cell that its grid has not got any more. All the
    /// rest was computed, so that nothing is asked again.
    fn let_go(self, job: Job) {
        let cell = job.experiment.cell;
        let rest = Experiment {
            cell: None,
            ..job.experiment
        };
        self.wire
            .update_value(|wire| wire.asked = Some((rest, job.goal)));
        self.correct(|e| {
            if e.cell == cell {
                e.cell = None;
            }
        });
    }

    fn failed(self, failure: Failure) {
        self.job.set(None);
        match failure.code {
            // Nothing runs any more until the model is loaded again.
            FailureCode::DeviceLost
            | FailureCode::OutOfMemory
            | FailureCode::NoWebgpu
            | FailureCode::WrongNumbers => {
                self.status.set(Status::Failed(failure));
            }
            FailureCode::Experiment
            | FailureCode::Model
            | FailureCode::Network
            | FailureCode::Internal => {
                self.notice.set(Some(Notice::Failure(failure)));
                self.bring_old_map(&self.experiment.get_untracked());
            }
        }
    }

    /// The worker's code stopped: starts it again, unless it keeps stopping.
    pub(super) fn crashed(self, reason: String) {
        let crashes = self
            .wire
            .try_update_value(|wire| {
                wire.crashes += 1;
                wire.listening = false;
                wire.silent = None;
                wire.unanswered = false;
                wire.engine = None;
                wire.crashes
            })
            .unwrap_or_default();
        self.job.set(None);
        self.notice.set(Some(Notice::Restarted { reason }));
        if crashes < PATIENCE {
            self.start();
        } else {
            self.status.set(Status::Stopped);
        }
    }
}
