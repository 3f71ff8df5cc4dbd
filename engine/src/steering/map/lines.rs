//! The continuations of many cells, written together: one row a text and step,
//! and one for the unsteered model reading over its shoulder.

use super::setup::Setup;
use super::{Base, Meter};
use crate::backend::Backend;
use crate::directions::Act;
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::lab::line::{CACHE, Line, all_logits};
use crate::lab::overflow::numbers;
use crate::lab::writer::{self, Acting, Text};
use crate::numbers::{Noise, SamplingError, kl, log_softmax};
use crate::rows::Run;
use crate::steering::measures::Read;
use crate::steering::steered_run;
use std::rc::Rc;

/// A prompt under one cell's steering; unsteered where nothing acts.
pub(crate) struct Item<'a> {
    pub base: &'a Line,
    pub acts: Vec<Act>,
}

/// What came of an item.
pub(crate) struct Told {
    /// One a sample.
    pub texts: Vec<Vec<Read>>,
    /// Probability of the target tokens together at the first new position.
    pub target: f32,
}

/// Writes all texts of some items; `None` for those whose logits are no
/// numbers any more.
pub(crate) async fn write<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    items: &[Item<'_>],
    meter: &Meter<'_, impl Host>,
) -> Result<Vec<Option<Told>>, SessionError> {
    let starts = starts(lab, items, meter).await?;
    let mut told: Vec<Option<Told>> = Vec::new();
    // One a text: its item, what is read of it, and the text itself.
    let (mut of, mut read, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (i, (start, item)) in starts.iter().zip(items).enumerate() {
        told.push(numbers(&start.logits).then(|| Told {
            texts: Vec::new(),
            target: target(&start.logits, &setup.targets),
        }));
        let prompt = item.base.tokens.len();
        let acting: Acting<'_> = Rc::new(move |position| {
            let edits = item.acts.iter().filter_map(|a| a.edit(position, prompt));
            edits.collect()
        });
        for s in 0..setup.sampling.samples {
            let text = Text::new(start.clone(), Noise::new(setup.sampling.seed, s));
            texts.push(match item.acts.is_empty() {
                true => text,
                false => text.steered(acting.clone(), Some(item.base.clone())),
            });
            read.push(Vec::new());
            of.push(i);
        }
    }
    let at = setup.gauge.as_ref().map(|g| (g.site, g.layer));
    for step in 0..setup.sampling.tokens {
        for ((text, read), i) in texts.iter_mut().zip(&mut read).zip(&of) {
            text.ended |= text.line.tokens.len() == lab.info.n_positions;
            if told[*i].is_none() {
                text.ended = true;
            } else if !text.ended && !draw(lab, setup, text, read)? {
                told[*i] = None;
                text.ended = true;
            }
        }
        let say = |_| meter.progress();
        let pulse = Beats::new(meter.host, &say);
        let last = step + 1 == setup.sampling.tokens;
        if let (true, Some(at)) = (last, at) {
            let rows = writer::read(lab, &texts, at, &pulse).await?;
            note(setup, &mut read, &rows);
        }
        if last || texts.iter().all(|t| t.ended) {
            meter.advance(texts.len() * (setup.sampling.tokens - step));
            break;
        }
        let rows = writer::step(lab, &mut texts, at, &pulse).await?;
        note(setup, &mut read, &rows);
        // Drawing is quick; computing what to draw from is the work.
        meter.advance(texts.len());
    }
    for (i, read) in of.into_iter().zip(read) {
        if let Some(told) = &mut told[i] {
            told.texts.push(read);
        }
    }
    Ok(told)
}

/// Seconds that a row takes among so many, by one step of texts that nobody sees.
#[allow(clippy::cast_precision_loss)] // a time
pub(crate) async fn trial<B: Backend>(
    lab: &mut Lab<B>,
    bases: &[Base],
    rows: usize,
    task: Task<'_, impl Host>,
) -> Result<f64, SessionError> {
    let step = |base: &Base| {
        let mut line = base.line.clone();
        line.tokens.extend(line.tokens.last().copied());
        line.newest(&lab.store.pool, Vec::new())
    };
    let runs: Vec<Run> = bases.iter().cycle().take(rows).map(step).collect();
    let began = task.host.now();
    lab.compute(&runs, &all_logits(), &Beats::quiet(task.host))
        .await?;
    Ok((task.host.now() - began) / 1000.0 / rows as f64)
}

/// Each item's prompt with its directions acting.
async fn starts<B: Backend>(
    lab: &mut Lab<B>,
    items: &[Item<'_>],
    meter: &Meter<'_, impl Host>,
) -> Result<Vec<Line>, SessionError> {
    let (mut runs, mut of) = (Vec::new(), Vec::new());
    for (i, item) in items.iter().enumerate() {
        let run = steered_run(item.base, &item.acts);
        if !run.edits.is_empty() {
            runs.push(run.kept(&lab.store.pool, &CACHE));
            of.push(i);
        }
    }
    let mut lines: Vec<Line> = items.iter().map(|i| i.base.clone()).collect();
    if runs.is_empty() {
        return Ok(lines);
    }
    let say = |_| meter.progress();
    let pulse = Beats::new(meter.host, &say);
    let (reads, _) = lab.compute(&runs, &all_logits(), &pulse).await?;
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
fn draw<B: Backend>(
    lab: &Lab<B>,
    setup: &Setup,
    text: &mut Text<'_>,
    read: &mut Vec<Read>,
) -> Result<bool, SessionError> {
    let token = match text.draw(&setup.sampler, |id| lab.tokenizer.ends(id)) {
        Err(SamplingError::NotFinite) => return Ok(false),
        drawn => drawn?,
    };
    let own = log_softmax(&text.line.logits);
    let theirs = text.reader.as_ref().map(|r| log_softmax(&r.logits));
    read.push(Read {
        token: lab.tokenizer.token(token),
        probability: theirs.as_ref().unwrap_or(&own)[token as usize].exp() as f32,
        kl: theirs.map_or(0.0, |theirs| kl(&own, &theirs) as f32),
        reading: None,
    });
    Ok(true)
}

/// Keeps how the newest tokens are read.
fn note(setup: &Setup, read: &mut [Vec<Read>], rows: &[Option<Vec<f32>>]) {
    for (read, row) in read.iter_mut().zip(rows) {
        if let (Some(gauge), Some(x), Some(token)) = (&setup.gauge, row, read.last_mut()) {
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
