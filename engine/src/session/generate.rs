//! Continuing a run, one row over a base at a time.

use super::runs::Base;
use super::*;
use crate::experiment::{Generate, Progress, Site, Stage, Token};
use crate::model::Wanted;
use crate::rows::{Run, Trace};
use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use candle_transformers::utils::apply_repeat_penalty;
use std::rc::Rc;

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
        // The base run did not hand back its logits, so its last row is read
        // again: one row over everything before it.
        let mut from = trace.tokens.len() - 1;
        let mut tokens = trace.tokens.to_vec();
        for step in 0..count {
            let next = Trace::reserve(&self.store.pool, tokens.clone().into(), &[Site::K, Site::V], Some(&trace), from, false);
            let run = Run {
                parent: Some(trace),
                keep: Some(next.clone()),
                reads: vec![tokens.len() - 1],
                ..Run::of(tokens.clone().into())
            };
            let say = |_| {
                Some(Update::Progress(Progress {
                    stage: Stage::Generate,
                    done: step as u64,
                    total: count as u64,
                    seconds_left: None,
                }))
            };
            let wanted = Wanted {
                all: true,
                ..Wanted::default()
            };
            let (reads, _) = self.compute(&[run], &wanted, &Beats::new(host, &say)).await?;
            let Some(logits) = &reads[0][0] else {
                return Err(BackendError::Gpu("a new row read nothing".into()).into());
            };
            let logits = Tensor::new(logits.all.as_slice(), &Device::Cpu).map_err(BackendError::from)?;
            let logits = match generate.repetition_penalty == 1.0 {
                true => logits,
                false => apply_repeat_penalty(&logits, generate.repetition_penalty, &tokens).map_err(BackendError::from)?,
            };
            let token = choose.sample(&logits).map_err(BackendError::from)?;
            written.push(self.tokenizer.token(token));
            from = tokens.len();
            tokens.push(token);
            trace = Rc::clone(&next);
        }
        Ok(written)
    }
}
