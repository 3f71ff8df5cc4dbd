//! The greedy continuation of the patching room's runs.

use super::line::{Line, tokens_done};
use super::steer::Act;
use super::*;
use crate::experiment::{Generate, Sampling, Token};
use crate::rows::Trace;
use crate::steer::{Noise, Sampler};
use std::rc::Rc;

impl<B: Backend> Session<B> {
    /// The greedy continuation of a kept run, whose last logits are `[n_vocab]`, up to
    /// a token that ends a text, with directions acting on what is written.
    pub(super) async fn generate(
        &mut self,
        trace: &Rc<Trace>,
        logits: &[f32],
        acts: &[Act],
        generate: Generate,
        host: &impl Host,
    ) -> Result<Vec<Token>, SessionError> {
        let sampler = Sampler::new(Sampling {
            temperature: 0.0,
            repetition_penalty: generate.repetition_penalty,
            ..Sampling::default()
        });
        let sampler = sampler.map_err(|e| SessionError::of(Field::Generate, format!("{e}.")))?;
        let given = trace.tokens.len();
        let count = generate.tokens.min(self.info.n_positions - given);
        let mut written = Vec::with_capacity(count);
        let mut line = Line {
            tokens: trace.tokens.to_vec(),
            trace: trace.clone(),
            logits: logits.into(),
        };
        for step in 0..count {
            // The likeliest token: luck plays no part.
            let token = sampler.choose(&line.logits, &line.tokens, given, Noise::new(0, 0))?;
            written.push(self.tokenizer.token(token));
            line.tokens.push(token);
            if step + 1 == count || self.tokenizer.ends(token) {
                break;
            }
            let position = line.tokens.len() - 1;
            let edits = acts.iter().filter_map(|a| a.edit(position, given));
            let run = line.newest(&self.store.pool, edits.collect());
            let say = |_| Some(tokens_done(step + 1, count));
            (line, _) = self.line(run, &Beats::new(host, &say)).await?;
            if line.logits.is_empty() {
                return Err(BackendError::Internal("a new row read nothing".into()).into());
            }
        }
        Ok(written)
    }
}
