//! The two runs that everything else varies or compares with.

use super::advice::advise;
use super::line::CACHE;
use super::*;
use crate::experiment::{Mode, Progress, RunName, Site, Stage, Sweep, TopToken};
use crate::model::{Logits, OfRuns, Wanted};
use crate::rows::{Cost, Plan, Run, Trace, kept_for_entry};
use std::rc::Rc;

/// How many next tokens are told of each run.
pub(super) const TOP: usize = 10;

/// A run that is kept, and what was read of it.
pub(super) struct Base {
    pub trace: Rc<Trace>,
    pub report: RunReport,
    /// All logits at the last position, where the run is to be continued.
    pub logits: Vec<f32>,
}

pub(super) struct Bases {
    pub clean: Base,
    pub corrupted: Base,
    pub metric: Option<MetricReport>,
    pub captures: Vec<CaptureReport>,
    /// Multiplications a second, as just measured.
    pub speed: f64,
}

impl Bases {
    /// The run that a sweep's cells vary, and the run that they copy from.
    pub fn roles(&self, sweep: &Sweep) -> (&Base, &Base) {
        match sweep.mode {
            Mode::Denoising => (&self.corrupted, &self.clean),
            Mode::Noising => (&self.clean, &self.corrupted),
        }
    }
}

/// What each of the two runs has to keep: the one that is varied, what rows
/// enter with; the other, what is copied; both, keys and values to go on from.
fn kept(experiment: &Experiment, setup: &Setup, name: RunName) -> Vec<Site> {
    let mut sites = Vec::new();
    if let Some(sweep) = &setup.sweep {
        let varied = match sweep.mode {
            Mode::Denoising => RunName::Corrupted,
            Mode::Noising => RunName::Clean,
        };
        match varied == name {
            true => sites.extend(kept_for_entry([sweep.site])),
            false => sites.push(sweep.site),
        }
    }
    if experiment.generate.is_some() {
        sites.extend(CACHE);
    }
    sites.sort_unstable();
    sites.dedup();
    sites
}

impl<B: Backend> Session<B> {
    pub(super) async fn bases(
        &mut self,
        experiment: &Experiment,
        setup: &Setup,
        host: &impl Host,
    ) -> Result<Bases, SessionError> {
        let mut runs = Vec::new();
        for (name, tokens) in [
            (RunName::Clean, &setup.clean),
            (RunName::Corrupted, &setup.corrupted),
        ] {
            let sites = kept(experiment, setup, name);
            let run = Run {
                reads: vec![tokens.len() - 1],
                captures: captures(experiment, setup, name)?,
                ..Run::of(tokens.clone())
            };
            runs.push(run.kept(&self.store.pool, &sites));
        }
        let tokens = interesting(setup);
        let wanted = Wanted {
            tokens: tokens.clone(),
            normaliser: true,
            top: TOP.min(self.model.config.shape.n_vocab),
            all: experiment.generate.is_some(),
        };
        let started = host.now();
        let cost = runs
            .iter()
            .map(|r| Cost::of(&self.model.config.shape, r))
            .try_fold(
                Cost::default(),
                |mut sum, cost| -> Result<_, SessionError> {
                    sum += cost?;
                    Ok(sum)
                },
            )?;
        let say = |done| {
            Some(Update::Progress(Progress {
                stage: Stage::Runs,
                done,
                total: cost.multiplications,
                seconds_left: None,
            }))
        };
        let (reads, captured) = self
            .compute(&runs, &wanted, &Beats::new(host, &say))
            .await?;
        let seconds = (host.now() - started).max(0.1) / 1000.0;
        let [Some(clean), Some(corrupted)] = [&reads[0][0], &reads[1][0]] else {
            return Err(BackendError::Gpu("a full pass read nothing".into()).into());
        };
        let metric = setup.metric.map(|m| {
            let value = |l: &Logits| {
                let at = |id| {
                    tokens
                        .iter()
                        .position(|t| *t == id)
                        .map_or(f32::NAN, |i| l.tokens[i])
                };
                m.of(l, at(m.answer), at(m.wrong))
            };
            MetricReport {
                clean: value(clean),
                corrupted: value(corrupted),
                advice: match setup.clean == setup.corrupted {
                    true => None,
                    false => advise(&self.tokenizer, &m, &tokens, clean, corrupted),
                },
            }
        });
        let base = |run: &Run, logits: &Logits, metric: Option<f32>| {
            run.keep.clone().map(|trace| Base {
                trace,
                report: self.run_report(logits, metric),
                logits: logits.all.clone(),
            })
        };
        let (Some(clean), Some(corrupted)) = (
            base(&runs[0], clean, metric.as_ref().map(|m| m.clean)),
            base(&runs[1], corrupted, metric.as_ref().map(|m| m.corrupted)),
        ) else {
            return Err(BackendError::Gpu("a base run was not kept".into()).into());
        };
        Ok(Bases {
            clean,
            corrupted,
            metric,
            captures: capture_reports(experiment, setup, &captured),
            #[allow(clippy::cast_precision_loss)]
            speed: cost.multiplications as f64 / seconds,
        })
    }

    /// Plans runs, computes them, and reads what is wanted: for each run, its
    /// reads and its captures.
    pub(super) async fn compute(
        &mut self,
        runs: &[Run],
        wanted: &Wanted,
        pulse: &impl Pulse,
    ) -> Result<(OfRuns<Logits>, OfRuns<Vec<f32>>), SessionError> {
        let plan = Plan::new(&self.model.config.shape, runs)?;
        let (b, model) = (&self.backend, &self.model);
        let outcome = model.forward(b, &plan, &mut self.store, pulse).await?;
        Ok(model.read(b, runs, &plan, &outcome, wanted).await?)
    }

    /// The likeliest next tokens of a run, and its metric.
    #[allow(clippy::cast_possible_truncation)] // a probability
    pub(super) fn run_report(&self, logits: &Logits, metric: Option<f32>) -> RunReport {
        let top = logits.top.iter().map(|(id, logit)| TopToken {
            token: self.tokenizer.token(*id),
            logit: *logit,
            probability: logits.log_probability(*logit).exp() as f32,
        });
        RunReport {
            top: top.collect(),
            metric,
            continuation: Vec::new(),
        }
    }
}

/// Tokens whose logits are read of both runs: the metric's, and those that tell
/// the prompts apart, one of which may be the better wrong answer.
fn interesting(setup: &Setup) -> Vec<u32> {
    let Some(metric) = &setup.metric else {
        return Vec::new();
    };
    let mut tokens = vec![metric.answer, metric.wrong];
    if setup.clean.len() == setup.corrupted.len() {
        for (a, b) in setup.clean.iter().zip(setup.corrupted.iter()) {
            if a != b && tokens.len() < 10 {
                tokens.extend([*b, *a]);
            }
        }
    }
    let mut distinct = Vec::new();
    for token in tokens {
        if !distinct.contains(&token) {
            distinct.push(token);
        }
    }
    distinct
}

/// The captures asked of one run, one for each position.
fn captures(
    experiment: &Experiment,
    setup: &Setup,
    name: RunName,
) -> Result<Vec<(Site, usize, usize)>, SessionError> {
    let len = match name {
        RunName::Clean => setup.clean.len(),
        RunName::Corrupted => setup.corrupted.len(),
    };
    let mut all = Vec::new();
    for capture in experiment.captures.iter().filter(|c| c.run == name) {
        let layer = match (capture.site.per_layer(), capture.layer) {
            (true, Some(layer)) => layer,
            (false, None) => 0,
            (true, None) => {
                return Err(SessionError::of(
                    "captures",
                    format!("A capture of {} needs a layer.", capture.site),
                ));
            }
            (false, Some(_)) => {
                return Err(SessionError::of(
                    "captures",
                    format!(
                        "{} has no layer; leave it out of the capture.",
                        capture.site
                    ),
                ));
            }
        };
        let positions = capture
            .positions
            .clone()
            .unwrap_or_else(|| (0..len).collect());
        all.extend(positions.into_iter().map(|p| (capture.site, layer, p)));
    }
    Ok(all)
}

fn capture_reports(
    experiment: &Experiment,
    setup: &Setup,
    captured: &OfRuns<Vec<f32>>,
) -> Vec<CaptureReport> {
    let mut next = [0, 0];
    let report = |capture: &crate::experiment::Capture| {
        let (run, len) = match capture.run {
            RunName::Clean => (0, setup.clean.len()),
            RunName::Corrupted => (1, setup.corrupted.len()),
        };
        let rows = capture.positions.as_ref().map_or(len, Vec::len);
        let values: Vec<f32> = captured[run][next[run]..next[run] + rows]
            .iter()
            .flatten()
            .flatten()
            .copied()
            .collect();
        next[run] += rows;
        CaptureReport {
            capture: capture.clone(),
            shape: [rows, values.len().checked_div(rows).unwrap_or(0)],
            values,
        }
    };
    experiment.captures.iter().map(report).collect()
}
