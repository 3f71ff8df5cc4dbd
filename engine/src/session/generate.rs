//! Continuing a run, one row over a base at a time.

use super::runs::Base;
use super::*;
use crate::experiment::{Generate, Progress, Site, Stage, Token};
use crate::model::Wanted;
use crate::rows::Run;
use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use candle_transformers::utils::apply_repeat_penalty;

impl<B: Backend> Session<B> {
    /// The greedy continuation of a base run.
    pub(super) async fn generate(
        &mut self,
        base: &Base,
        generate: Generate,
        host: &impl Host,
    ) -> Result<Vec<Token>, SessionError> {
        if !(generate.repetition_penalty > 0.0 && generate.repetition_penalty.is_finite()) {
            return Err(SessionError::Experiment {
                field: "generate".into(),
                message: format!(
                    "The repetition penalty is {}, but it divides logits, so it has to be above 0.",
                    generate.repetition_penalty
                ),
            });
        }
        let room = self.model.config.shape.n_positions - base.trace.tokens.len();
        let count = generate.tokens.min(room);
        let mut choose = LogitsProcessor::from_sampling(0, Sampling::ArgMax);
        let mut trace = base.trace.clone();
        let mut written = Vec::with_capacity(count);
        let wanted = Wanted {
            all: true,
            ..Wanted::default()
        };
        let mut logits = base.logits.clone();
        let mut tokens = trace.tokens.to_vec();
        for step in 0..count {
            let token = self.choose(logits, generate.repetition_penalty, &tokens, &mut choose)?;
            written.push(self.tokenizer.token(token));
            tokens.push(token);
            if step + 1 == count {
                break;
            }
            let run = Run {
                tokens: tokens.clone().into(),
                reads: vec![tokens.len() - 1],
                ..Run::over(&trace)
            }
            .kept(&self.store.pool, &[Site::K, Site::V]);
            trace = run.keep.clone().unwrap_or(trace);
            let say = |_| {
                Some(Update::Progress(Progress {
                    stage: Stage::Generate,
                    done: step as u64 + 1,
                    total: count as u64,
                    seconds_left: None,
                }))
            };
            let (mut reads, _) = self
                .compute(&[run], &wanted, &Beats::new(host, &say))
                .await?;
            let Some(read) = reads[0][0].take() else {
                return Err(BackendError::Gpu("a new row read nothing".into()).into());
            };
            logits = read.all;
        }
        Ok(written)
    }

    /// The next token: the largest of the logits, after the penalty.
    fn choose(
        &self,
        logits: Vec<f32>,
        penalty: f32,
        tokens: &[u32],
        processor: &mut LogitsProcessor,
    ) -> Result<u32, BackendError> {
        let n = logits.len();
        let mut logits = Tensor::from_vec(logits, n, &Device::Cpu)?;
        if penalty != 1.0 {
            logits = apply_repeat_penalty(&logits, penalty, tokens)?;
        }
        Ok(processor.sample(&logits)?)
    }
}
