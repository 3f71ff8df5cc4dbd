//! Writing on, one row over a base for each text and step: unsteered, steered,
//! and the unsteered model reading the steered text.

use super::Memory;
use crate::backend::Backend;
use crate::directions::Act;
use crate::experiment::{
    Sample, Sampling, SteerUpdate, TopToken, Unsteered as View, Update, Written,
};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::lab::TOP;
use crate::lab::line::{Line, tokens_done};
use crate::lab::writer::{self, Acting, Text};
use crate::numbers::{Noise, Sampler, kl, log_softmax, top};
use std::rc::Rc;

/// What stays the same while texts are written.
pub(crate) struct Settings {
    pub sampler: Sampler,
    pub sampling: Sampling,
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Names the prompt and the settings, for memory.
    pub key: String,
}

/// Unsteered continuations, one a sample.
pub(crate) type Unsteered = Vec<Vec<Written>>;

/// The continuations, streamed as they are written.
pub(crate) async fn texts<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Memory,
    settings: &Settings,
    (base, steered): (&Line, Option<&Line>),
    acts: &[Act],
    task: Task<'_, impl Host>,
) -> Result<Vec<Sample>, SessionError> {
    let host = task.host;
    let room = lab.info.n_positions - settings.prompt;
    let count = settings.sampling.tokens.min(room);
    let known = match &memory.unsteered {
        Some((key, texts)) if *key == settings.key => Some(texts.clone()),
        _ => None,
    };
    let acting: Acting<'_> = Rc::new(|position| {
        let edits = acts
            .iter()
            .filter_map(|a| a.edit(position, settings.prompt));
        edits.collect()
    });
    let mut samples = vec![Sample::default(); settings.sampling.samples];
    // Which sample each text is of, and whether it is the steered one.
    let (mut texts, mut of) = (Vec::new(), Vec::new());
    for (s, sample) in samples.iter_mut().enumerate() {
        let noise = Noise::new(settings.sampling.seed, s);
        match &known {
            Some(known) => {
                sample.unsteered.clone_from(&known[s]);
                tell(host, s, false, 0, &sample.unsteered);
            }
            None => {
                texts.push(Text::new(base.clone(), noise));
                of.push((s, false));
            }
        }
        if let Some(line) = steered {
            let text = Text::new(line.clone(), noise);
            texts.push(text.steered(acting.clone(), Some(base.clone())));
            of.push((s, true));
        }
    }
    for step in 0..count {
        for (text, (s, steered)) in texts.iter_mut().zip(&of) {
            if text.ended {
                continue;
            }
            let token = text.draw(&settings.sampler, |id| lab.tokenizer.ends(id))?;
            let reader = text.reader.as_ref().map(|r| &*r.logits);
            let written = written(lab, token, &text.line.logits, reader);
            let said = match steered {
                true => &mut samples[*s].steered,
                false => &mut samples[*s].unsteered,
            };
            tell(
                host,
                *s,
                *steered,
                said.len(),
                std::slice::from_ref(&written),
            );
            said.push(written);
        }
        if step + 1 == count || texts.iter().all(|t| t.ended) {
            break;
        }
        let say = |_| Some(tokens_done(step + 1, count));
        writer::step(lab, &mut texts, None, &Beats::new(host, &say)).await?;
    }
    if known.is_none() {
        let texts = samples.iter().map(|s| s.unsteered.clone()).collect();
        memory.unsteered = Some((settings.key.clone(), texts));
    }
    if steered.is_none() {
        // Nothing acts: the steered text is the unsteered one, exactly.
        for (s, sample) in samples.iter_mut().enumerate() {
            sample.steered = sample.unsteered.iter().map(undisturbed).collect();
            tell(host, s, true, 0, &sample.steered);
        }
    }
    Ok(samples)
}

/// A token drawn from `logits`, with what the unsteered model has to say of it.
#[allow(clippy::cast_possible_truncation)] // probabilities and a KL
fn written<B: Backend>(
    lab: &Lab<B>,
    token: u32,
    logits: &[f32],
    unsteered: Option<&[f32]>,
) -> Written {
    let own = log_softmax(logits);
    let probability = |logs: &[f64], id: u32| logs[id as usize].exp() as f32;
    let tops = |logits: &[f32], logs: &[f64]| -> Vec<TopToken> {
        let told = |(id, logit)| TopToken {
            token: lab.tokenizer.token(id),
            logit,
            probability: probability(logs, id),
        };
        top(logits, TOP).into_iter().map(told).collect()
    };
    Written {
        token: lab.tokenizer.token(token),
        probability: probability(&own, token),
        top: tops(logits, &own),
        unsteered: unsteered.map(|logits| {
            let theirs = log_softmax(logits);
            View {
                probability: probability(&theirs, token),
                kl: kl(&own, &theirs) as f32,
                top: tops(logits, &theirs),
            }
        }),
    }
}

fn tell(host: &impl Host, sample: usize, steered: bool, from: usize, tokens: &[Written]) {
    host.update(Update::Steer(SteerUpdate::Written {
        sample,
        steered,
        from,
        tokens: tokens.to_vec(),
    }));
}

/// An unsteered token as the unsteered model sees it.
fn undisturbed(written: &Written) -> Written {
    Written {
        unsteered: Some(View {
            probability: written.probability,
            kl: 0.0,
            top: written.top.clone(),
        }),
        ..written.clone()
    }
}
