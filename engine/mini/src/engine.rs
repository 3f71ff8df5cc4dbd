//! The logits of a model as the project's engine computes them: the card is
//! about what readers run, not about the trainer's own forward pass.

use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::model::{Config, Gpt2, ModelError, Patient, Store, Wanted};
use patchbay_engine::rows::{Plan, Run};

use crate::error::Result;

/// Prompts in one batch.
const AT_ONCE: usize = 50;

/// A model in the engine.
pub struct Engine {
    model: Gpt2<Cpu>,
    store: Store<Cpu>,
}

impl Engine {
    /// Opens the bytes of `config.json` and `model.safetensors`.
    pub fn open(config: &[u8], weights: &[u8]) -> Result<Self> {
        let config = Config::from_json(config).map_err(ModelError::from)?;
        let store = Store::new(config.shape);
        let model = Gpt2::load(&Cpu, config, weights)?;
        Ok(Self { model, store })
    }

    /// The logits `[n_vocab]` after the last token of each prompt.
    pub fn last_logits(&mut self, prompts: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let mut logits = Vec::with_capacity(prompts.len());
        for some in prompts.chunks(AT_ONCE) {
            logits.extend(pollster::block_on(self.batch(some))?);
        }
        Ok(logits)
    }

    async fn batch(
        &mut self,
        prompts: &[Vec<u32>],
    ) -> std::result::Result<Vec<Vec<f32>>, ModelError> {
        let run = |prompt: &Vec<u32>| Run {
            reads: vec![prompt.len() - 1],
            ..Run::of(prompt.as_slice().into())
        };
        let runs: Vec<Run> = prompts.iter().map(run).collect();
        let plan = Plan::new(&self.model.config.shape, &runs)?;
        let outcome = self
            .model
            .forward(&Cpu, &plan, &mut self.store, &Patient)
            .await?;
        let wanted = Wanted {
            all: true,
            ..Wanted::default()
        };
        let (reads, _) = self
            .model
            .read(&Cpu, &runs, &plan, &outcome, &wanted)
            .await?;
        Ok(reads
            .into_iter()
            .flatten()
            .flatten()
            .map(|l| l.all)
            .collect())
    }
}
