//! The greedy continuation of the patching room's runs.

use crate::backend::Backend;
use crate::directions::Act;
use crate::experiment::{Field, Generate, Sampling, Token};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::lab::line::{Line, tokens_done};
use crate::lab::writer::{self, Text};
use crate::numbers::{Noise, Sampler};
use crate::rows::Trace;
use crate::sentence::Stop;
use std::rc::Rc;

/// The greedy continuation of a kept run, whose last logits are `[n_vocab]`, up to
/// a token that ends a text, with directions acting on what is written.
pub(crate) async fn greedy<B: Backend>(
    lab: &mut Lab<B>,
    trace: &Rc<Trace>,
    logits: &[f32],
    acts: &[Act],
    generate: Generate,
    task: Task<'_, impl Host>,
) -> Result<Vec<Token>, SessionError> {
    let sampler = Sampler::new(Sampling {
        temperature: 0.0,
        repetition_penalty: generate.repetition_penalty,
        ..Sampling::default()
    });
    let sampler = sampler.map_err(|e| SessionError::of(Field::Generate, Stop(e)))?;
    let given = trace.tokens.len();
    let count = generate.tokens.min(lab.info.n_positions - given);
    let line = Line {
        tokens: trace.tokens.to_vec(),
        trace: trace.clone(),
        logits: logits.into(),
    };
    let acting = |position: usize| {
        acts.iter()
            .filter_map(|a| a.edit(position, given))
            .collect()
    };
    // The likeliest token: luck plays no part.
    let mut text = Text::new(line, Noise::new(0, 0));
    if !acts.is_empty() {
        text = text.steered(Rc::new(acting), None);
    }
    let mut written = Vec::with_capacity(count);
    for step in 0..count {
        let token = text.draw(&sampler, |id| lab.tokenizer.ends(id))?;
        written.push(lab.tokenizer.token(token));
        if step + 1 == count || text.ended {
            break;
        }
        let say = |_| Some(tokens_done(step + 1, count));
        let pulse = Beats::new(task.host, &say);
        writer::step(lab, std::slice::from_mut(&mut text), None, &pulse).await?;
    }
    Ok(written)
}
