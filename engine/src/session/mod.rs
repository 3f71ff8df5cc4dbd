//! A loaded model and what is done with it: experiments in, reports out.
//!
//! [`Session::run`] is the only way to run an experiment; the page's worker,
//! the JavaScript API and the command line all call it.

mod export;

use crate::backend::Backend;
pub use crate::directions::{DictionaryConfig, DictionaryLayout};
use crate::experiment::{
    BackendInfo, Experiment, MetricReport, ModelInfo, Problem, Reading, Report, Room, RunReport,
    SweepReport, TopToken, Trial,
};
pub use crate::host::{Cells, Crew, DictionaryFile, Host, SessionError, Turn, Unread};
pub use crate::lab::Arriving;
use crate::lab::{bos_off, finite};
use crate::model::{
    Files, Folder, Gpt2, Logits, ModelError, OfRuns, Pulse, Store, Tokenizer, Wanted,
};
use crate::rows::{Plan, Run, SlotPool};
use crate::{patching, steering};

/// A model on a device, ready for experiments.
pub struct Session<B: Backend> {
    pub(crate) backend: B,
    pub(crate) model: Gpt2<B>,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) store: Store<B>,
    pub(crate) info: ModelInfo,
    /// What a person should know of the model's files, as sentences.
    pub(crate) remarks: Vec<String>,
    pub(crate) backend_info: BackendInfo,
    /// The last sweeps, so that looking at one of their cells does not repeat them.
    pub(crate) last_sweeps: Option<(Experiment, Vec<SweepReport>, Vec<MetricReport>)>,
    /// Standard deviation of the embedding's entries, once it was wanted.
    pub(crate) embedding_deviation: Option<f32>,
    pub(crate) memory: steering::Memory,
    /// Bytes that the kept activations of pairs may take at a time.
    pub(crate) kept_bytes: usize,
}

/// How an experiment is to be run.
pub(crate) struct Asked {
    /// What is known to be odd about it.
    pub told: Vec<Problem>,
    /// Whether a sweep or a map is only estimated.
    pub preview: bool,
    /// Numbers that its captures may have in all.
    pub most_captured: usize,
}

impl<B: Backend> Session<B> {
    /// Reads the three files and puts the weights on the device.
    ///
    /// # Errors
    /// [`ModelError`] naming the file, field or tensor that is not right.
    pub fn load(name: &str, files: &Files, backend: B) -> Result<Self, ModelError> {
        let folder = Folder::of(&files.config, &files.tokenizer);
        let mut arriving = Arriving::expect(name, &folder, backend)?;
        arriving.push(&files.weights)?;
        arriving.finish()
    }

    /// The model that is loaded.
    #[must_use]
    pub fn model(&self) -> &ModelInfo {
        &self.info
    }

    /// What a person should know of how the model's files were read, as sentences.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The backend that computes.
    #[must_use]
    pub fn backend(&self) -> &BackendInfo {
        &self.backend_info
    }

    /// Says why this backend was chosen, and how fast each was where both were tried.
    pub fn set_reason(&mut self, reason: Option<String>, trial: Option<Trial>) {
        self.backend_info.reason = reason;
        self.backend_info.trial = trial;
    }

    /// Bytes that the kept activations of a set of pairs may take at a time; the
    /// set runs in groups that fit, of one pair at least.
    pub fn set_kept_bytes(&mut self, bytes: usize) {
        self.kept_bytes = bytes;
    }

    /// Where kept activations are; for tests that nothing is left behind.
    #[must_use]
    pub fn slots(&self) -> &SlotPool {
        &self.store.pool
    }

    /// Runs an experiment. With `preview` a sweep or a map is
    /// estimated, not run.
    ///
    /// What cannot be computed because a field is not usable (an answer that is
    /// not one token, prompts of different lengths) is left out of the report,
    /// and `report.reading.problems` says why.
    ///
    /// # Errors
    /// [`SessionError`] when something in it is beyond its limit, neither prompt
    /// can be run, the numbers stop being finite, the device fails, or the host
    /// stops it.
    pub async fn run(
        &mut self,
        experiment: &Experiment,
        preview: bool,
        host: &impl Host,
    ) -> Result<Report, SessionError> {
        let (distinct, told) = experiment.checked()?;
        let asked = Asked {
            told,
            preview,
            most_captured: patching::MOST_CAPTURED,
        };
        let mut report = self.found(&distinct, asked, host).await?;
        report.experiment.clone_from(experiment);
        if let Some(path) = finite::not_finite(&report) {
            report.reading.problems.push(finite::problem(&path));
        }
        Ok(report)
    }

    /// What an experiment finds that is within its limits.
    async fn found(
        &mut self,
        experiment: &Experiment,
        asked: Asked,
        host: &impl Host,
    ) -> Result<Report, SessionError> {
        let largest = patching::largest_activation(&self.model.config.shape);
        self.backend.even_out(largest);
        let before = self.backend.counters();
        let mut report = match experiment.room {
            Room::Steering => self.steering(experiment, asked, host).await?,
            Room::Patching => self.patching(experiment, asked, host).await?,
        };
        let counters = self.backend.counters() - before;
        report.device = Some(counters).filter(|c| c.dispatches > 0);
        Ok(report)
    }

    async fn steering(
        &mut self,
        experiment: &Experiment,
        asked: Asked,
        host: &impl Host,
    ) -> Result<Report, SessionError> {
        let steer = experiment.steer.clone().unwrap_or_default();
        let mut problems = asked.told;
        problems.extend(bos_off(&self.tokenizer, experiment));
        let reading = Reading {
            bos: experiment.bos && self.tokenizer.bos().is_some(),
            problems,
            ..Reading::default()
        };
        let found = self.steer(experiment, &steer, asked.preview, host).await?;
        Ok(Report {
            reading,
            steer: Some(found),
            ..self.report(experiment)
        })
    }

    /// Plans runs, computes them, and reads what is wanted: for each run, its
    /// reads and its captures.
    pub(crate) async fn compute(
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

    /// The likeliest next tokens of a run, and its metrics.
    #[allow(clippy::cast_possible_truncation)] // a probability
    pub(crate) fn run_report(&self, logits: &Logits, metrics: Vec<f32>) -> RunReport {
        let top = logits.top.iter().map(|(id, logit)| TopToken {
            token: self.tokenizer.token(*id),
            logit: *logit,
            probability: logits.log_probability(*logit).exp() as f32,
        });
        RunReport {
            top: top.collect(),
            metrics,
            continuation: Vec::new(),
        }
    }

    /// A report that says what was run where, and nothing of what was found.
    pub(crate) fn report(&self, experiment: &Experiment) -> Report {
        Report {
            engine: env!("CARGO_PKG_VERSION").into(),
            experiment: experiment.clone(),
            model: self.info.clone(),
            backend: self.backend_info.clone(),
            reading: Reading::default(),
            clean: RunReport::default(),
            corrupted: RunReport::default(),
            metrics: Vec::new(),
            sweeps: Vec::new(),
            cell: None,
            captures: Vec::new(),
            steer: None,
            device: None,
        }
    }
}
