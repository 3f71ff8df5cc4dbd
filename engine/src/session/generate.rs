//! Continuing a run, one row over a base at a time.

use super::runs::Base;
use super::*;
use crate::experiment::{Generate, Progress, Sampling, Site, Stage, Token};
use crate::model::Wanted;
use crate::rows::Run;
use crate::steer::{Noise, Sampler};

impl<B: Backend> Session<B> {
    /// The greedy continuation of a base run.
    pub(super) async fn generate(
        &mut self,
        base: &Base,
        generate: Generate,
        host: &impl Host,
    ) -> Result<Vec<Token>, SessionError> {
        let sampler = Sampler::new(Sampling {
            temperature: 0.0,
            repetition_penalty: generate.repetition_penalty,
            ..Sampling::default()
        });
        let sampler = sampler.map_err(|e| SessionError::Experiment {
            field: "generate".into(),
            message: format!("{e}."),
        })?;
        let given = base.trace.tokens.len();
        let room = self.model.config.shape.n_positions - base.trace.tokens.len();
        let count = generate.tokens.min(room);
        let mut trace = base.trace.clone();
        let mut written = Vec::with_capacity(count);
        let wanted = Wanted {
            all: true,
            ..Wanted::default()
        };
        let mut logits = base.logits.clone();
        let mut tokens = trace.tokens.to_vec();
        for step in 0..count {
            // The likeliest token: luck plays no part.
            let token = sampler.choose(&logits, &tokens, given, Noise::new(0, 0))?;
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
}
