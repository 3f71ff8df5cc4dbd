//! Writing on, one row over a base for each text and step: unsteered, steered,
//! and the unsteered model reading the steered text.

use super::*;
use crate::experiment::{Sample, Sampling, SteerUpdate, TopToken, Unsteered as View, Written};
use crate::rows::Trace;
use crate::session::line::{all_logits, tokens_done};
use crate::steer::{Noise, kl, log_softmax, top};

/// What stays the same while texts are written.
pub(super) struct Settings {
    pub sampler: Sampler,
    pub sampling: Sampling,
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Names the prompt and the settings, for memory.
    pub key: String,
}

/// Unsteered continuations, one a sample.
pub(in crate::session) type Unsteered = Vec<Vec<Written>>;

/// One sample while it is written.
struct Pair {
    noise: Noise,
    /// `None` where the unsteered text is known already.
    unsteered: Option<Line>,
    steered: Option<Line>,
    /// The unsteered model on the steered text.
    reader: Option<Line>,
    sample: Sample,
}

impl<B: Backend> Session<B> {
    /// The continuations, streamed as they are written.
    pub(super) async fn write(
        &mut self,
        settings: &Settings,
        base: &Line,
        steered: Option<&Line>,
        acts: &[Act],
        host: &impl Host,
    ) -> Result<Vec<Sample>, SessionError> {
        let room = self.info.n_positions - settings.prompt;
        let count = settings.sampling.tokens.min(room);
        let known = match &self.memory.unsteered {
            Some((key, texts)) if *key == settings.key => Some(texts.clone()),
            _ => None,
        };
        let mut pairs: Vec<Pair> = (0..settings.sampling.samples)
            .map(|s| Pair {
                noise: Noise::new(settings.sampling.seed, s),
                unsteered: known.is_none().then(|| base.clone()),
                steered: steered.cloned(),
                reader: steered.is_some().then(|| base.clone()),
                sample: Sample {
                    unsteered: known.as_ref().map_or_else(Vec::new, |k| k[s].clone()),
                    steered: Vec::new(),
                },
            })
            .collect();
        if known.is_some() {
            for (s, pair) in pairs.iter().enumerate() {
                tell(host, s, false, 0, &pair.sample.unsteered);
            }
        }
        for step in 0..count {
            for (s, pair) in pairs.iter_mut().enumerate() {
                self.append(settings, pair, s, host)?;
            }
            self.end(&mut pairs);
            if step + 1 == count || pairs.iter().all(Pair::done) {
                break;
            }
            let say = |_| Some(tokens_done(step + 1, count));
            self.step(settings, &mut pairs, acts, &Beats::new(host, &say))
                .await?;
        }
        let mut samples: Vec<Sample> = pairs.into_iter().map(|p| p.sample).collect();
        if known.is_none() {
            let texts = samples.iter().map(|s| s.unsteered.clone()).collect();
            self.memory.unsteered = Some((settings.key.clone(), texts));
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

    /// Draws the next token of each of a sample's texts.
    fn append(
        &self,
        settings: &Settings,
        pair: &mut Pair,
        s: usize,
        host: &impl Host,
    ) -> Result<(), SessionError> {
        let Settings {
            sampler, prompt, ..
        } = settings;
        if let Some(line) = &mut pair.unsteered {
            let token = sampler.choose(&line.logits, &line.tokens, *prompt, pair.noise)?;
            let written = self.written(token, &line.logits, None);
            line.tokens.push(token);
            tell(
                host,
                s,
                false,
                pair.sample.unsteered.len(),
                std::slice::from_ref(&written),
            );
            pair.sample.unsteered.push(written);
        }
        if let (Some(line), Some(reader)) = (&mut pair.steered, &mut pair.reader) {
            let token = sampler.choose(&line.logits, &line.tokens, *prompt, pair.noise)?;
            let written = self.written(token, &line.logits, Some(&reader.logits));
            line.tokens.push(token);
            reader.tokens.push(token);
            tell(
                host,
                s,
                true,
                pair.sample.steered.len(),
                std::slice::from_ref(&written),
            );
            pair.sample.steered.push(written);
        }
        Ok(())
    }

    /// Takes out the texts that have ended.
    fn end(&self, pairs: &mut [Pair]) {
        let ends = |id: &u32| self.tokenizer.ends(*id);
        let ended = |line: &Line| line.tokens.last().is_some_and(ends);
        for pair in pairs {
            if pair.unsteered.as_ref().is_some_and(ended) {
                pair.unsteered = None;
            }
            if pair.steered.as_ref().is_some_and(ended) {
                (pair.steered, pair.reader) = (None, None);
            }
        }
    }

    /// Computes the newest row of every text, together.
    async fn step(
        &mut self,
        settings: &Settings,
        pairs: &mut [Pair],
        acts: &[Act],
        pulse: &impl Pulse,
    ) -> Result<(), SessionError> {
        let mut runs = Vec::new();
        for pair in pairs.iter() {
            for (line, steered) in pair.to_compute() {
                let position = line.tokens.len() - 1;
                let edits = match steered {
                    true => acts
                        .iter()
                        .filter_map(|a| a.edit(position, settings.prompt))
                        .collect(),
                    false => Vec::new(),
                };
                runs.push(line.newest(&self.store.pool, edits));
            }
        }
        let (reads, _) = self.compute(&runs, &all_logits(), pulse).await?;
        let mut computed = runs.into_iter().zip(reads).map(|(run, mut reads)| {
            let logits = reads.pop().flatten().map(|l| l.all);
            run.keep.zip(logits)
        });
        for pair in pairs {
            let same = pair.reads_the_unsteered_text();
            for line in [&mut pair.unsteered, &mut pair.steered]
                .into_iter()
                .flatten()
            {
                take(line, computed.next())?;
            }
            match (&mut pair.reader, &pair.unsteered) {
                (Some(reader), Some(unsteered)) if same => *reader = unsteered.clone(),
                (Some(reader), _) => take(reader, computed.next())?,
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// A token drawn from `logits`, with what the unsteered model has to say of it.
    #[allow(clippy::cast_possible_truncation)] // probabilities and a KL
    fn written(&self, token: u32, logits: &[f32], unsteered: Option<&[f32]>) -> Written {
        let own = log_softmax(logits);
        let probability = |logs: &[f64], id: u32| logs[id as usize].exp() as f32;
        let tops = |logits: &[f32], logs: &[f64]| -> Vec<TopToken> {
            let told = |(id, logit)| TopToken {
                token: self.tokenizer.token(id),
                logit,
                probability: probability(logs, id),
            };
            top(logits, TOP).into_iter().map(told).collect()
        };
        Written {
            token: self.tokenizer.token(token),
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
}

fn take(
    line: &mut Line,
    computed: Option<Option<(Rc<Trace>, Vec<f32>)>>,
) -> Result<(), SessionError> {
    let Some(Some((trace, logits))) = computed else {
        return Err(BackendError::Internal("a new row read nothing".into()).into());
    };
    (line.trace, line.logits) = (trace, logits.into());
    Ok(())
}

impl Pair {
    fn done(&self) -> bool {
        self.unsteered.is_none() && self.steered.is_none()
    }

    /// Whether the reader may look over the unsteered text's shoulder: as long
    /// as both texts have the same tokens.
    fn reads_the_unsteered_text(&self) -> bool {
        match (&self.reader, &self.unsteered) {
            (Some(reader), Some(unsteered)) => reader.tokens == unsteered.tokens,
            _ => false,
        }
    }

    /// The texts whose newest row has to be computed, and whether directions
    /// act on it.
    fn to_compute(&self) -> impl Iterator<Item = (&Line, bool)> {
        let same = self.reads_the_unsteered_text();
        let reader = self.reader.iter().filter(move |_| !same);
        self.unsteered
            .iter()
            .map(|l| (l, false))
            .chain(self.steered.iter().map(|l| (l, true)))
            .chain(reader.map(|l| (l, false)))
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
