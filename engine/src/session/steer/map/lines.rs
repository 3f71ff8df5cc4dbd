//! The continuations of many cells, written together: one row a text and step,
//! and one for the unsteered model reading over its shoulder.

use super::setup::Setup;
use super::*;
use crate::session::line::all_logits;
use crate::session::steer::measures::Read;
use crate::steer::{Noise, kl, log_softmax};
use std::collections::HashMap;

/// A prompt under one cell's steering; unsteered where nothing acts.
pub(super) struct Item<'a> {
    pub base: &'a Line,
    pub acts: Vec<Act>,
}

/// What came of an item.
pub(super) struct Told {
    /// One a sample.
    pub texts: Vec<Vec<Read>>,
    /// Probability of the target tokens together at the first new position.
    pub target: f32,
}

/// One text while it is written.
struct Walk {
    item: usize,
    noise: Noise,
    line: Line,
    /// The unsteered model on a steered text.
    reader: Option<Line>,
    text: Vec<Read>,
    ended: bool,
}

impl<B: Backend> Session<B> {
    /// Writes all texts of some items; `None` for those whose logits are no
    /// numbers any more.
    pub(super) async fn write_items(
        &mut self,
        setup: &Setup,
        items: &[Item<'_>],
        meter: &Meter<'_, impl Host>,
    ) -> Result<Vec<Option<Told>>, SessionError> {
        let starts = self.starts(items, meter).await?;
        let mut told: Vec<Option<Told>> = Vec::new();
        let mut walks = Vec::new();
        for (i, start) in starts.iter().enumerate() {
            let finite = start.logits.iter().all(|l| l.is_finite());
            told.push(finite.then(|| Told {
                texts: Vec::new(),
                target: target(&start.logits, &setup.targets),
            }));
            let steered = !items[i].acts.is_empty();
            walks.extend((0..setup.sampling.samples).map(|s| Walk {
                item: i,
                noise: Noise::new(setup.sampling.seed, s),
                line: start.clone(),
                reader: steered.then(|| items[i].base.clone()),
                text: Vec::new(),
                ended: false,
            }));
        }
        for step in 0..setup.sampling.tokens {
            for walk in &mut walks {
                let prompt = items[walk.item].base.tokens.len();
                walk.ended |= walk.line.tokens.len() == self.info.n_positions;
                if walk.ended || told[walk.item].is_none() {
                    walk.ended = true;
                } else if !self.draw(setup, walk, prompt)? {
                    told[walk.item] = None;
                    walk.ended = true;
                }
            }
            let last = step + 1 == setup.sampling.tokens;
            if last && setup.gauge.is_some() {
                self.read_last(setup, &mut walks, meter).await?;
            }
            if last || walks.iter().all(|w| w.ended) {
                meter.advance(walks.len() * (setup.sampling.tokens - step));
                break;
            }
            self.next_rows(setup, items, &mut walks, meter).await?;
            // Drawing is quick; computing what to draw from is the work.
            meter.advance(walks.len());
        }
        for walk in walks {
            if let Some(told) = &mut told[walk.item] {
                told.texts.push(walk.text);
            }
        }
        Ok(told)
    }

    /// Seconds that a row takes among so many, by one step of texts that nobody sees.
    #[allow(clippy::cast_precision_loss)] // a time
    pub(super) async fn trial(
        &mut self,
        bases: &[Base],
        rows: usize,
        host: &impl Host,
    ) -> Result<f64, SessionError> {
        let step = |base: &Base| {
            let mut line = base.line.clone();
            line.tokens.extend(line.tokens.last().copied());
            line.newest(&self.store.pool, Vec::new())
        };
        let runs: Vec<Run> = bases.iter().cycle().take(rows).map(step).collect();
        let quiet = |_| None;
        let began = host.now();
        self.compute(&runs, &all_logits(), &Beats::new(host, &quiet))
            .await?;
        Ok((host.now() - began) / 1000.0 / rows as f64)
    }

    /// Each item's prompt with its directions acting.
    async fn starts(
        &mut self,
        items: &[Item<'_>],
        meter: &Meter<'_, impl Host>,
    ) -> Result<Vec<Line>, SessionError> {
        let (mut runs, mut of) = (Vec::new(), Vec::new());
        for (i, item) in items.iter().enumerate() {
            let run = steered_run(item.base, &item.acts);
            if !run.edits.is_empty() {
                runs.push(run.kept(&self.store.pool, &CACHE));
                of.push(i);
            }
        }
        let mut lines: Vec<Line> = items.iter().map(|i| i.base.clone()).collect();
        if runs.is_empty() {
            return Ok(lines);
        }
        let say = |_| meter.progress();
        let pulse = Beats::new(meter.host, &say);
        let (reads, _) = self.compute(&runs, &all_logits(), &pulse).await?;
        for ((i, run), mut read) in of.into_iter().zip(runs).zip(reads) {
            // Where its edits do not reach the last token, the base's logits hold.
            if let Some(logits) = read.pop().flatten() {
                lines[i].logits = logits.all.into();
            }
            if let Some(trace) = run.keep {
                lines[i].trace = trace;
            }
        }
        Ok(lines)
    }

    /// Draws a text's next token; `false` where there are no numbers to draw by.
    #[allow(clippy::cast_possible_truncation)] // a probability and a KL
    fn draw(&self, setup: &Setup, walk: &mut Walk, prompt: usize) -> Result<bool, SessionError> {
        let line = &mut walk.line;
        let drawn = setup
            .sampler
            .choose(&line.logits, &line.tokens, prompt, walk.noise);
        let token = match drawn {
            Err(SamplingError::NotFinite) => return Ok(false),
            drawn => drawn?,
        };
        let own = log_softmax(&line.logits);
        let theirs = walk.reader.as_ref().map(|r| log_softmax(&r.logits));
        walk.text.push(Read {
            token: self.tokenizer.token(token),
            probability: theirs.as_ref().unwrap_or(&own)[token as usize].exp() as f32,
            kl: theirs.map_or(0.0, |theirs| kl(&own, &theirs) as f32),
            reading: None,
        });
        line.tokens.push(token);
        if let Some(reader) = &mut walk.reader {
            reader.tokens.push(token);
        }
        walk.ended = self.tokenizer.ends(token);
        Ok(true)
    }

    /// Computes the newest row of every text, together. Readers of one text
    /// see one thing, so they share a row.
    async fn next_rows(
        &mut self,
        setup: &Setup,
        items: &[Item<'_>],
        walks: &mut [Walk],
        meter: &Meter<'_, impl Host>,
    ) -> Result<(), SessionError> {
        let mut runs = Vec::new();
        let mut readers: HashMap<&[u32], usize> = HashMap::new();
        // For each text the places of its own run and of its reader's.
        let mut places = Vec::new();
        for walk in walks.iter() {
            if walk.ended {
                places.push(None);
                continue;
            }
            let item = &items[walk.item];
            let position = walk.line.tokens.len() - 1;
            let prompt = item.base.tokens.len();
            let edits = item.acts.iter().filter_map(|a| a.edit(position, prompt));
            let own = runs.len();
            runs.push(walk.line.newest(&self.store.pool, edits.collect()));
            let reader = walk.reader.as_ref().map(|reader| {
                *readers.entry(&reader.tokens).or_insert_with(|| {
                    runs.push(reader.newest(&self.store.pool, Vec::new()));
                    runs.len() - 1
                })
            });
            places.push(Some((own, reader)));
        }
        let say = |_| meter.progress();
        let pulse = Beats::new(meter.host, &say);
        if let Some(gauge) = &setup.gauge {
            for (own, reader) in places.iter().flatten() {
                let run = &mut runs[reader.unwrap_or(*own)];
                run.captures = vec![(gauge.site, gauge.layer, run.tokens.len() - 1)];
            }
        }
        let (reads, captured) = self.compute(&runs, &all_logits(), &pulse).await?;
        let mut computed = Vec::new();
        for (run, mut read) in runs.into_iter().zip(reads) {
            let logits: Option<Rc<[f32]>> = read.pop().flatten().map(|l| l.all.into());
            let (Some(trace), Some(logits)) = (run.keep, logits) else {
                return Err(BackendError::Internal("a new row read nothing".into()).into());
            };
            computed.push((trace, logits));
        }
        for (walk, places) in walks.iter_mut().zip(places) {
            let Some((own, reader)) = places else {
                // What has ended needs its rows no more.
                walk.reader = None;
                continue;
            };
            walk.note(setup, &captured[reader.unwrap_or(own)]);
            (walk.line.trace, walk.line.logits) = computed[own].clone();
            if let (Some(line), Some(at)) = (&mut walk.reader, reader) {
                (line.trace, line.logits) = computed[at].clone();
            }
        }
        Ok(())
    }

    /// Reads the last token of every text, after which nothing is written.
    async fn read_last(
        &mut self,
        setup: &Setup,
        walks: &mut [Walk],
        meter: &Meter<'_, impl Host>,
    ) -> Result<(), SessionError> {
        let Some(gauge) = &setup.gauge else {
            return Ok(());
        };
        let mut runs = Vec::new();
        let mut readers: HashMap<&[u32], usize> = HashMap::new();
        let mut places = Vec::new();
        for walk in walks.iter() {
            let line = walk.reader.as_ref().unwrap_or(&walk.line);
            places.push((!walk.ended).then(|| {
                *readers.entry(&line.tokens).or_insert_with(|| {
                    runs.push(Run {
                        tokens: line.tokens.as_slice().into(),
                        captures: vec![(gauge.site, gauge.layer, line.tokens.len() - 1)],
                        ..Run::over(&line.trace)
                    });
                    runs.len() - 1
                })
            }));
        }
        let say = |_| meter.progress();
        let pulse = Beats::new(meter.host, &say);
        let (_, captured) = self.compute(&runs, &Wanted::default(), &pulse).await?;
        for (walk, place) in walks.iter_mut().zip(places) {
            if let Some(at) = place {
                walk.note(setup, &captured[at]);
            }
        }
        Ok(())
    }
}

impl Walk {
    /// Keeps how the newest token is read.
    fn note(&mut self, setup: &Setup, captured: &[Option<Vec<f32>>]) {
        if let (Some(gauge), Some(Some(x)), Some(token)) =
            (&setup.gauge, captured.first(), self.text.last_mut())
        {
            token.reading = Some(gauge.read(x));
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // a probability
fn target(logits: &[f32], targets: &[u32]) -> f32 {
    if targets.is_empty() {
        return 0.0;
    }
    let logs = log_softmax(logits);
    targets.iter().map(|t| logs[*t as usize].exp()).sum::<f64>() as f32
}
