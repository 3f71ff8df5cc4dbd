//! What both rooms compute with: the model on its device, prompts as tokens,
//! texts that are written on, and numbers that stop being finite.

mod activations;
pub(crate) mod line;
pub(crate) mod overflow;
mod problem;
pub(crate) mod prompt;
mod texts;
pub(crate) mod writer;

use crate::backend::Backend;
use crate::experiment::{
    BackendInfo, Experiment, Field, ModelInfo, Problem, Reading, Report, RunReport, TopToken,
};
use crate::host::SessionError;
use crate::model::{Gpt2, Logits, OfRuns, Pulse, Store, Tokenizer, Wanted};
use crate::rows::{Plan, Run};
use problem::LabProblem;

/// How many next tokens are told of each run.
pub(crate) const TOP: usize = 10;

/// A model on a device, and what belongs to it.
pub(crate) struct Lab<B: Backend> {
    pub backend: B,
    pub model: Gpt2<B>,
    pub tokenizer: Tokenizer,
    /// Where kept activations are.
    pub store: Store<B>,
    pub info: ModelInfo,
    pub backend_info: BackendInfo,
    /// Standard deviation of the embedding's entries, once it was wanted.
    embedding_deviation: Option<f32>,
    passes: usize,
}

impl<B: Backend> Lab<B> {
    /// A model that has arrived.
    pub fn new(backend: B, model: Gpt2<B>, tokenizer: Tokenizer, info: ModelInfo) -> Self {
        Self {
            backend_info: backend.info(),
            store: Store::new(model.config.shape),
            backend,
            model,
            tokenizer,
            info,
            embedding_deviation: None,
            passes: 0,
        }
    }

    /// Plans runs, computes them, and reads what is wanted: for each run, its
    /// reads and its captures.
    pub async fn compute(
        &mut self,
        runs: &[Run],
        wanted: &Wanted,
        pulse: &impl Pulse,
    ) -> Result<(OfRuns<Logits>, OfRuns<Vec<f32>>), SessionError> {
        self.passes += 1;
        let plan = Plan::new(&self.model.config.shape, runs)?;
        let (b, model) = (&self.backend, &self.model);
        let outcome = model.forward(b, &plan, &mut self.store, pulse).await?;
        Ok(model.read(b, runs, &plan, &outcome, wanted).await?)
    }

    /// Forward passes so far.
    pub fn passes(&self) -> usize {
        self.passes
    }

    /// The likeliest next tokens of a run, and its metrics.
    #[allow(clippy::cast_possible_truncation)] // a probability
    pub fn run_report(&self, logits: &Logits, metrics: Vec<f32>) -> RunReport {
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
    pub fn report(&self, experiment: &Experiment) -> Report {
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
            circuit: None,
            cell: None,
            captures: Vec::new(),
            steer: None,
            device: None,
        }
    }

    /// Standard deviation of the embedding's entries.
    pub async fn embedding_deviation(&mut self) -> Result<f32, SessionError> {
        let deviation = match self.embedding_deviation {
            Some(known) => known,
            None => self.model.embedding_deviation(&self.backend).await?,
        };
        self.embedding_deviation = Some(deviation);
        Ok(deviation)
    }
}

/// Says that BOS is off though the experiment has it on, where the model has none.
pub(crate) fn bos_off(tokenizer: &Tokenizer, experiment: &Experiment) -> Option<Problem> {
    let off = experiment.bos && tokenizer.bos().is_none();
    off.then(|| Problem::of(Field::Bos, false, &LabProblem::NoBos))
}
