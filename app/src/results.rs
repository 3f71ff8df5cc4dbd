//! What the engine has told so far: a plain value and how updates change it.

use crate::grid::Grid;
use patchbay_engine::experiment::{
    CellReport, Direction, Estimate, Experiment, Frame, MetricReport, Progress, Reading, Report,
    Room, RunReport, Sample, SteerReport, SteerUpdate, Update,
};

/// What a request to the engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Everything, the sweep too.
    Full,
    /// The two runs, the chosen cell and how long the sweep would take.
    Preview,
}

/// A request that the engine is working on.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: u32,
    pub goal: Goal,
    pub experiment: Experiment,
    pub progress: Option<Progress>,
}

/// The two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// The experiment that they belong to, without a chosen cell.
    pub experiment: Experiment,
    pub clean: RunReport,
    pub corrupted: RunReport,
    pub metrics: Vec<MetricReport>,
}

/// The patched run of the chosen cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    pub experiment: Experiment,
    pub report: CellReport,
}

impl Patched {
    /// Whether it is the run of the cell that an experiment names, and of nothing older.
    fn is_of(&self, experiment: &Experiment) -> bool {
        let own = &self.experiment;
        own.cell == experiment.cell && own.sweeps_only() == experiment.sweeps_only()
    }
}

/// What the steering room was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Steered {
    pub experiment: Experiment,
    pub report: SteerReport,
    /// Whether the report is whole.
    pub complete: bool,
}

/// Everything told so far. Parts of an older experiment stay until newer ones
/// replace them, so that the page does not flicker while a person types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    pub reading: Option<Reading>,
    pub runs: Option<Runs>,
    pub estimate: Option<Estimate>,
    /// One for each sweep.
    pub grids: Vec<Grid>,
    pub patched: Option<Patched>,
    pub steered: Option<Steered>,
    /// The finished reports of the two rooms, for download.
    pub report: Option<Report>,
    pub steering: Option<Report>,
}

impl Results {
    /// Takes in what a job tells.
    pub fn update(&mut self, job: &Job, update: Update) {
        match update {
            Update::Reading(reading) => {
                self.reading = Some(reading);
                self.estimate = None;
            }
            Update::Runs {
                clean,
                corrupted,
                metrics,
            } => {
                self.runs = Some(Runs {
                    experiment: job.experiment.sweeps_only(),
                    clean,
                    corrupted,
                    metrics,
                });
            }
            Update::Cell(report) => self.enter_patched(job, report),
            Update::Frames { frames } => self.begin_grids(job, frames),
            Update::Estimate(estimate) => self.estimate = Some(estimate),
            Update::Metrics { metrics } => {
                // An older map is of other runs: 0 and 1 are its own.
                let wanted = job.experiment.sweeps_only();
                for grid in self.grids.iter_mut().filter(|g| g.experiment == wanted) {
                    grid.metrics.clone_from(&metrics);
                }
                if let Some(runs) = self.runs.as_mut().filter(|r| r.experiment == wanted) {
                    runs.metrics = metrics;
                }
            }
            Update::Cells { cells } => {
                for grid in &mut self.grids {
                    grid.enter(&cells);
                }
            }
            Update::Steer(update) => self.enter_steered(job, update),
            // Pieces are for engines that share a sweep.
            Update::Progress(_) | Update::Piece { .. } => {}
        }
    }

    /// Takes in the report at the end of a job.
    pub fn finish(&mut self, job: &Job, report: Report) {
        if let Some(steered) = report.steer.clone() {
            self.steered = Some(Steered {
                experiment: job.experiment.clone(),
                report: steered,
                complete: true,
            });
            self.steering = Some(report);
            return;
        }
        let wanted = job.experiment.sweeps_only();
        self.reading = Some(report.reading.clone());
        self.runs = Some(Runs {
            experiment: wanted.clone(),
            clean: report.clean.clone(),
            corrupted: report.corrupted.clone(),
            metrics: report.metrics.clone(),
        });
        match report.cell.clone() {
            Some(cell) => self.enter_patched(job, cell),
            None => self.patched = None,
        }
        if !report.sweeps.is_empty() {
            let belong = |g: &Grid| g.experiment == wanted;
            if self.grids.len() != report.sweeps.len() || !self.grids.iter().all(belong) {
                let frames = report.sweeps.iter().map(|s| s.frame.clone());
                self.lay_out(job, frames.collect());
            }
            for (grid, sweep) in self.grids.iter_mut().zip(&report.sweeps) {
                grid.finish(sweep.clone(), &report.metrics);
            }
        } else if job.goal == Goal::Full {
            // Those that cannot be run just now leave the last map where it is.
            if wanted.sweeps.is_empty() {
                self.grids.clear();
            }
            self.estimate = None;
        }
        // A preview has no sweep to put in the place of a finished one.
        let finished = self
            .report
            .as_ref()
            .is_some_and(|r| !r.sweeps.is_empty() && r.experiment.sweeps_only() == wanted);
        if job.goal == Goal::Full || !finished {
            self.report = Some(report);
        }
    }

    fn enter_patched(&mut self, job: &Job, report: CellReport) {
        self.patched = Some(Patched {
            experiment: job.experiment.clone(),
            report,
        });
    }

    /// Texts of the setting before stay until their first token is
    /// written anew, so that the page keeps its shape while a slider moves.
    fn enter_steered(&mut self, job: &Job, update: SteerUpdate) {
        let older = self.steered.take();
        self.steered = older.filter(|s| akin(&s.experiment, &job.experiment));
        let steered = self.steered.get_or_insert_with(|| Steered {
            experiment: job.experiment.clone(),
            report: SteerReport::default(),
            complete: false,
        });
        steered.experiment.clone_from(&job.experiment);
        steered.complete = false;
        let report = &mut steered.report;
        match update {
            SteerUpdate::Directions { prompt, directions } => {
                let samples = job.experiment.steer.as_ref().map(|s| s.sampling.samples);
                report.samples.truncate(samples.unwrap_or(usize::MAX));
                (report.prompt, report.directions) = (prompt, directions);
            }
            SteerUpdate::Written {
                sample,
                steered,
                from,
                tokens,
            } => {
                if report.samples.len() <= sample {
                    report.samples.resize(sample + 1, Sample::default());
                }
                let side = match steered {
                    true => &mut report.samples[sample].steered,
                    false => &mut report.samples[sample].unsteered,
                };
                side.truncate(from);
                side.extend(tokens);
            }
            SteerUpdate::Detector(detector) => report.detector = Some(detector),
            SteerUpdate::Map(map) => report.map = Some(map),
            SteerUpdate::MapCells { cells } => {
                if let Some(map) = &mut report.map {
                    map.cells.extend(cells);
                }
            }
        }
    }

    fn begin_grids(&mut self, job: &Job, frames: Vec<Frame>) {
        // Finished sweeps are not given up for a look at what others would cost.
        if job.goal == Goal::Full || self.grids.is_empty() {
            self.lay_out(job, frames);
        }
    }

    fn lay_out(&mut self, job: &Job, frames: Vec<Frame>) {
        let (Some(reading), Some(runs)) = (&self.reading, &self.runs) else {
            return;
        };
        let grids = frames.into_iter().enumerate();
        self.grids = grids
            .map(|(i, frame)| Grid::empty(&job.experiment, i, frame, reading, &runs.metrics))
            .collect();
    }

    /// What is still to be asked of the engine for this experiment.
    #[must_use]
    pub fn goal(&self, experiment: &Experiment, automatic: bool) -> Option<Goal> {
        if experiment.room == Room::Steering {
            let wanted = experiment.steering_only();
            let there = self
                .steered
                .as_ref()
                .is_some_and(|s| s.complete && s.experiment.steering_only() == wanted);
            // A map takes long: it is run when a person asks for it.
            let goal = match experiment.steer.as_ref().and_then(|s| s.map.as_ref()) {
                Some(_) => Goal::Preview,
                None => Goal::Full,
            };
            return (!there).then_some(goal);
        }
        let wanted = experiment.sweeps_only();
        let done = |g: &Grid| g.is_complete() && g.experiment == wanted;
        let swept = !self.grids.is_empty() && self.grids.iter().all(done);
        if swept {
            let there = self.patched.as_ref().is_some_and(|p| p.is_of(experiment));
            return (experiment.cell.is_some() && !there).then_some(Goal::Preview);
        }
        if automatic || experiment.sweeps.is_empty() {
            Some(Goal::Full)
        } else {
            Some(Goal::Preview)
        }
    }

    /// The report for download: the finished one, with the cell chosen since.
    #[must_use]
    pub fn download(&self, experiment: &Experiment) -> Option<Report> {
        if experiment.room == Room::Steering {
            let report = self.steering.as_ref()?;
            let same = report.experiment.steering_only() == experiment.steering_only();
            return same.then(|| Report {
                experiment: experiment.clone(),
                ..report.clone()
            });
        }
        let report = self.report.as_ref()?;
        if report.experiment.sweeps_only() != experiment.sweeps_only() {
            return None;
        }
        let patched = self
            .patched
            .as_ref()
            .filter(|p| p.is_of(experiment) && experiment.cell.is_some());
        Some(Report {
            experiment: experiment.clone(),
            cell: patched.map(|p| p.report.clone()),
            ..report.clone()
        })
    }
}

/// Whether what was told of one experiment may stand, marked as old, while another is
/// awaited: it is of the same model, and of the same prompt or of one of its directions.
#[must_use]
pub fn akin(of: &Experiment, now: &Experiment) -> bool {
    let one = |a: &Direction, b: &Direction| a.name == b.name || a.source == b.source;
    let steered = match (&of.steer, &now.steer) {
        (Some(of), Some(now)) => {
            let mut both = of.directions.iter().zip(&now.directions);
            of.prompt == now.prompt
                || both.any(|(a, b)| one(a, b))
                || (of.directions.is_empty() && now.directions.is_empty())
        }
        (None, _) | (_, None) => true,
    };
    of.model == now.model && steered
}

#[cfg(test)]
mod tests;
