//! The list of this visit's runs, kept in this browser as far as it lets itself be used.

use super::signals::State;
use super::stored::Remark;
use crate::cells::place;
use crate::results::{Goal, Job};
use crate::runs::{self, Run};
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, Room, Token, link};

impl State {
    /// A run of the list.
    pub fn run_at(self, at: usize) -> Option<Run> {
        self.runs.list.with_untracked(|list| list.get(at).cloned())
    }

    /// Where the page was loaded again with what cannot be run, the last map is there again,
    /// as an old one, as it is while somebody types. Not in a workshop, whose steps say what
    /// is seen.
    pub(super) fn bring_old_map(self, now: &Experiment) {
        let has_map = self.results.with_untracked(|r| !r.grids.is_empty());
        if has_map
            || now.sweeps.is_empty()
            || !self.wire.with_value(|wire| wire.reloaded)
            || untrack(|| self.at_step()).is_some()
        {
            return;
        }
        let mut at = 0;
        while let Some(run) = self.run_at(at) {
            at += 1;
            if let Some(map) = run.old_map()
                && map.experiment.model == now.model
            {
                self.results.update(|r| r.grids = vec![map]);
                return;
            }
        }
    }

    /// Takes a finished run into the list.
    pub(super) fn keep_run(self, job: &Job) {
        let backend = untrack(|| self.backend()).map(|b| b.name);
        let mut run = Run {
            link: link::encode(&job.experiment.of_run()),
            backend: backend.unwrap_or_default(),
            ..Run::default()
        };
        let whole = match job.experiment.room {
            Room::Patching => job.goal == Goal::Full && self.take_map(job, &mut run),
            Room::Steering => self.take_text(&mut run),
        };
        if whole {
            let mut there = true;
            self.runs.set.update(|list| there = runs::add(list, run));
            if !there {
                self.runs.remark.set(Some(Remark::TooLarge));
            } else if self.runs.remark.get_untracked() == Some(Remark::TooLarge) {
                self.runs.remark.set(None);
            }
        }
    }

    /// The map that is looked at, where it is finished and of this job.
    fn take_map(self, job: &Job, run: &mut Run) -> bool {
        let (active, shown) = (self.active.get_untracked(), self.shown.get_untracked());
        self.results.with_untracked(|results| {
            let Some(grid) = results.grids.get(active).or(results.grids.first()) else {
                return false;
            };
            let mut grid = grid.clone();
            grid.shown = shown.min(grid.metrics.len().saturating_sub(1));
            run.take(&grid);
            let strongest = grid.strongest().map(|at| place(&grid, at));
            run.text = runs::short(&strongest.unwrap_or_default());
            grid.is_whole_of(&job.experiment)
        })
    }

    /// The first steered text, where all are written.
    fn take_text(self, run: &mut Run) -> bool {
        self.results.with_untracked(|results| {
            let Some(steered) = results.steered.as_ref().filter(|s| s.complete) else {
                return false;
            };
            let written = steered.report.samples.first().map(|sample| {
                let tokens = sample.steered.iter().map(|w| &w.token);
                Token::joined(tokens)
            });
            run.text = runs::short(&written.unwrap_or_default());
            true
        })
    }

    /// Puts a run's experiment on the page: a change like any other.
    pub fn open_run(self, at: usize) {
        let found = self
            .run_at(at)
            .and_then(|r| Some((r.map(), r.experiment()?)));
        if let Some(((sweep, shown), experiment)) = found {
            self.active.set(sweep);
            self.shown.set(shown);
            self.experiment
                .update(|e| *e = runs::opened(experiment, std::mem::take(e)));
        }
    }

    /// Compares the map on the page with a run's; no longer, where it is.
    pub fn compare_with_run(self, at: usize) {
        let map = self.run_at(at).and_then(|run| run.grid(&run.experiment()?));
        let same = self.compares.get_untracked() && self.pinned.with_untracked(|p| *p == map);
        if same {
            self.compares.set(false);
        } else if map.is_some() {
            self.pinned.set(map);
            self.compares.set(true);
        }
    }

    pub fn name_run(self, at: usize, name: &str) {
        self.runs.set.update(|list| {
            if let Some(run) = list.get_mut(at) {
                run.name = runs::short(name.trim());
            }
        });
    }

    /// Deletes a run, or all of them; what was deleted last can be brought back.
    pub fn delete_runs(self, at: Option<usize>) {
        let mut deleted = Vec::new();
        self.runs.set.update(|list| match at {
            Some(at) if at < list.len() => deleted.push(list.remove(at)),
            Some(_) => {}
            None => deleted.append(list),
        });
        self.runs.deleted.set(deleted);
    }

    pub fn bring_runs_back(self) {
        let deleted = self.runs.deleted.get_untracked();
        self.runs.deleted.set(Vec::new());
        self.runs.set.update(|list| {
            // The last one first, as they were.
            for run in deleted.into_iter().rev() {
                runs::add(list, run);
            }
        });
    }
}
