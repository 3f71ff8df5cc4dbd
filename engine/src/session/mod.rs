//! A loaded model and what is done with it: experiments in, reports out.
//!
//! [`Session::run`] is the only way to run an experiment; the page's worker,
//! the JavaScript API and the command line all call it.

mod arriving;
mod crew;
mod dictionary;
mod export;
mod finite;
mod generate;
mod line;
mod patch;
mod prompt;
mod steer;

use crate::backend::{Backend, BackendError};
use crate::experiment::{
    BackendInfo, Experiment, Field, MetricReport, ModelInfo, Problem, Reading, Report, Room,
    RunReport, SweepReport, TopToken, Trial, Update,
};
use crate::model::{
    Cancelled, Files, Folder, Gpt2, Logits, ModelError, OfRuns, Pulse, Store, Tokenizer,
    TokenizerError, Wanted,
};
use crate::rows::{Plan, PlanError, Run, SlotPool};
use crate::text::Plain;
pub use arriving::Arriving;
pub use crew::{Cells, Crew, Turn};
pub use dictionary::{DictionaryFile, Unread};
use std::ops::Range;
pub use steer::{DictionaryConfig, DictionaryLayout};

/// A model on a device, ready for experiments.
pub struct Session<B: Backend> {
    backend: B,
    model: Gpt2<B>,
    tokenizer: Tokenizer,
    store: Store<B>,
    info: ModelInfo,
    /// What a person should know of the model's files, as sentences.
    remarks: Vec<String>,
    backend_info: BackendInfo,
    /// The last sweeps, so that looking at one of their cells does not repeat them.
    last_sweeps: Option<(Experiment, Vec<SweepReport>, Vec<MetricReport>)>,
    /// Standard deviation of the embedding's entries, once it was wanted.
    embedding_deviation: Option<f32>,
    memory: steer::Memory,
    /// Bytes that the kept activations of pairs may take at a time.
    kept_bytes: usize,
}

/// Whoever asked for an experiment: hears what is found as it is found, lends
/// the time of day, and may stop it.
pub trait Host {
    /// Something was found.
    fn update(&self, update: Update);
    /// Milliseconds since some moment; only differences are used.
    fn now(&self) -> f64;
    /// Lets other things happen; answers [`Cancelled`] to stop.
    fn breathe(&self) -> impl Future<Output = Result<(), Cancelled>>;
    /// The other engines that a sweep is shared with, if there are any.
    fn crew(&self) -> Option<&Crew> {
        None
    }
    /// Whether it only does pieces of another engine's sweeps.
    fn shares(&self) -> bool {
        false
    }
    /// Reads bytes of a dictionary's file, or as many as it has there, and hands
    /// them on as they come.
    fn read(
        &self,
        file: &DictionaryFile<'_>,
        _range: Range<u64>,
        _take: &mut dyn FnMut(&[u8]),
    ) -> impl Future<Output = Result<(), Unread>> {
        let message = format!(
            "The dictionary {} cannot be read here, because nothing says where it is.",
            file.dictionary
        );
        async { Err(Unread::Because(message)) }
    }
    /// Whether dictionaries' encoders may be read, which are large.
    fn reads_encoders(&self) -> bool {
        false
    }
    /// What a sweep does next, its pieces being laid out in `crew`.
    fn turn(&self, crew: &Crew) -> impl Future<Output = Turn> {
        crew.turn()
    }
}

/// How an experiment is to be run.
struct Asked {
    /// What is known to be odd about it.
    told: Vec<Problem>,
    /// Whether a sweep or a map is only estimated.
    preview: bool,
    /// Numbers that its captures may have in all.
    most_captured: usize,
}

/// Why an experiment ended without a report.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The experiment cannot be run as it stands.
    #[error("{}", Plain(message))]
    Experiment { field: Field, message: String },
    /// A dictionary's file could not be read.
    #[error("{}", Plain(message))]
    Unread { field: Field, message: String },
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl SessionError {
    /// The experiment cannot be run because of one of its fields.
    fn of(field: impl Into<Field>, message: impl Into<String>) -> Self {
        Self::Experiment {
            field: field.into(),
            message: message.into(),
        }
    }
}

impl From<Problem> for SessionError {
    fn from(problem: Problem) -> Self {
        Self::of(problem.field, problem.message)
    }
}

impl From<BackendError> for SessionError {
    fn from(e: BackendError) -> Self {
        Self::Model(e.into())
    }
}

impl From<PlanError> for SessionError {
    fn from(e: PlanError) -> Self {
        Self::Model(e.into())
    }
}

impl From<TokenizerError> for SessionError {
    fn from(e: TokenizerError) -> Self {
        Self::Model(e.into())
    }
}

impl From<Cancelled> for SessionError {
    fn from(_: Cancelled) -> Self {
        Self::Model(ModelError::Cancelled)
    }
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
            most_captured: patch::MOST_CAPTURED,
        };
        let mut report = self.found(&distinct, asked, host).await?;
        report.experiment.clone_from(experiment);
        if let Some(path) = finite::not_finite(&report) {
            report.reading.problems.push(finite::problem(&path));
        }
        for problem in &mut report.reading.problems {
            problem.message = Plain(&problem.message).to_string();
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
        let largest = patch::largest_activation(&self.model.config.shape);
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
    async fn compute(
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
    fn run_report(&self, logits: &Logits, metrics: Vec<f32>) -> RunReport {
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
    fn report(&self, experiment: &Experiment) -> Report {
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

/// Says that BOS is off though the experiment has it on, where the model has none.
fn bos_off(tokenizer: &Tokenizer, experiment: &Experiment) -> Option<Problem> {
    (experiment.bos && tokenizer.bos().is_none()).then(|| Problem {
        field: "bos".into(),
        message: "This model has no start token in its vocabulary (bos_token, bos_token_id), so BOS is off: nothing is put in front of a text.".into(),
        fatal: false,
    })
}

/// Lets a host stop a forward pass and hear how far it has got.
struct Beats<'a, H: Host> {
    host: &'a H,
    /// What to say of so many multiplications done in all.
    say: &'a dyn Fn(u64) -> Option<Update>,
    done: std::cell::Cell<u64>,
}

impl<'a, H: Host> Beats<'a, H> {
    fn new(host: &'a H, say: &'a dyn Fn(u64) -> Option<Update>) -> Self {
        Self {
            host,
            say,
            done: std::cell::Cell::new(0),
        }
    }
}

impl<H: Host> Pulse for Beats<'_, H> {
    async fn beat(&self, multiplications: u64) -> Result<(), Cancelled> {
        self.done.set(self.done.get() + multiplications);
        if let Some(update) = (self.say)(self.done.get()) {
            self.host.update(update);
        }
        self.host.breathe().await
    }
}
