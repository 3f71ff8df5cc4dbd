//! How much, and where: one direction at many layers and coefficients, over a
//! set of prompts and beside its controls, many texts at once.

mod controls;
mod gauge;
mod lines;
mod setup;
mod told;
mod verdict;

use super::measures::{measures, said};
use super::problem::SteeringProblem;
use crate::backend::Backend;
use crate::directions::{self, Resolved, act, unsteered_base};
use crate::experiment::{
    Direction, Estimate, Field, MapCell, MapNumbers, MapReading, MapReport, PlanReport, Progress,
    Stage, Steer, SteerMap, SteerUpdate, Tried, Update,
};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::lab::line::{CACHE, Line};
use crate::numbers::SamplingError;
use crate::rows::{Cost, Shape};
use controls::{Directions, Wish};
use gauge::Gauge;
use lines::{Item, Told};
use setup::Setup;
use std::cell::Cell;
use std::rc::Rc;

/// Memory that what is kept of the texts in flight may take, in bytes.
const BYTES: usize = 128 << 20;

/// Rows that a trial of the pace takes.
const TRIED: usize = 64;

/// Texts in flight beyond which nothing gets faster.
const MOST_TEXTS: usize = 128;

/// What was computed before, so that a map goes on where it was stopped.
#[derive(Default)]
pub(crate) struct Remembered {
    bases: Option<(String, Rc<[Base]>)>,
    gauge: Option<(String, Gauge)>,
    unsteered: Option<(String, Unsteered)>,
    key: String,
    cells: Vec<MapCell>,
    /// Seconds that a row takes, many texts at once and all that is done for
    /// them counted.
    pace: Option<f64>,
}

impl Remembered {
    /// Gives back what it holds on the device.
    pub fn forget(&mut self) {
        self.bases = None;
    }

    fn cell(&self, of: Tried, layer: usize, coefficient: f32) -> Option<&MapCell> {
        let same = |c: &&MapCell| {
            (c.of, c.layer, c.coefficient.to_bits()) == (of, layer, coefficient.to_bits())
        };
        self.cells.iter().find(same)
    }
}

/// What the model writes by itself.
#[derive(Clone)]
struct Unsteered {
    numbers: MapNumbers,
    texts: Vec<String>,
}

/// A prompt's unsteered run, and the mean length of its activations by layer.
struct Base {
    line: Line,
    mean_norms: Vec<f32>,
}

/// Says how far it has got.
struct Meter<'a, H: Host> {
    host: &'a H,
    started: f64,
    /// Tokens written, and to be written at most.
    done: Cell<u64>,
    total: u64,
}

impl<'a, H: Host> Meter<'a, H> {
    fn new(host: &'a H, total: usize) -> Self {
        Self {
            host,
            started: host.now(),
            done: Cell::new(0),
            total: total as u64,
        }
    }

    fn advance(&self, tokens: usize) {
        self.done.set(self.done.get() + tokens as u64);
    }

    #[allow(clippy::cast_precision_loss)] // an estimate
    fn progress(&self) -> Option<Update> {
        let done = self.done.get().min(self.total);
        let share = done as f64 / self.total.max(1) as f64;
        let passed = (self.host.now() - self.started) / 1000.0;
        Some(Update::Progress(Progress {
            stage: Stage::Sweep,
            done,
            total: self.total,
            seconds_left: (share > 0.0).then(|| passed * (1.0 - share) / share),
        }))
    }
}

/// The map; `None` where only its estimate was wanted and there is
/// something left to compute.
pub(crate) async fn run<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut directions::Memory,
    memory: &mut Remembered,
    (steer, map): (&Steer, &SteerMap),
    resolved: &[Rc<Resolved>],
    preview: bool,
    task: Task<'_, impl Host>,
) -> Result<Option<MapReport>, SessionError> {
    let Some(direction) = steer.directions.get(map.direction) else {
        let problem = SteeringProblem::MapDirection {
            direction: map.direction,
            directions: steer.directions.len(),
        };
        return Err(SessionError::of(Field::Map, problem));
    };
    let task = task.about(Field::Map);
    let directions = Directions {
        itself: resolved[map.direction].clone(),
        shuffled: match map.controls.shuffled {
            true => {
                let (seed, i) = (map.controls.seed, map.direction);
                directions::shuffled(lab, known, seed, i, direction, task).await?
            }
            false => None,
        },
    };
    let gauge = match &map.reading {
        Some(reading) => Some(gauge(lab, memory, (steer, reading), resolved, task).await?),
        None => None,
    };
    let setup = setup::read(lab, (steer, map), &directions.itself, gauge, task)?;
    let bases = remembered_bases(lab, memory, &setup, task).await?;
    let unsteered = unsteered(lab, memory, &setup, &bases, task).await?;
    if memory.key != setup.key {
        memory.key.clone_from(&setup.key);
        memory.cells.clear();
    }
    let grid: Vec<Wish> = setup
        .layers
        .iter()
        .flat_map(|l| setup.coefficients.iter().map(move |c| (*l, *c)))
        .filter_map(|(l, c)| directions.wish(&setup, Tried::Direction, l, c))
        .collect();
    let missing = missing(memory, &setup, &directions, &grid, &unsteered.numbers);
    let texts = setup.prompts.len() * setup.sampling.samples;
    let pace = pace(lab, memory, &setup, &bases, missing * texts, task).await?;
    let shape = &lab.model.config.shape;
    let estimate = estimate(shape, &setup, missing * texts, pace);
    task.host.update(Update::Estimate(estimate));
    if preview && missing > 0 {
        return Ok(None);
    }
    let mut report = MapReport {
        layers: setup.layers.clone(),
        coefficients: setup.coefficients.clone(),
        effect: setup.effect,
        most_perplexity: setup.most_perplexity(&unsteered.numbers),
        unsteered: unsteered.numbers,
        unsteered_texts: unsteered.texts.clone(),
        ..MapReport::default()
    };
    task.host
        .update(Update::Steer(SteerUpdate::Map(report.clone())));
    let meter = Meter::new(task.host, missing * texts * setup.sampling.tokens);
    report.cells = cells(lab, memory, &setup, &bases, &unsteered, grid, &meter).await?;
    let controls = directions.all_controls(&setup, &report.cells, &unsteered.numbers);
    let controls = cells(lab, memory, &setup, &bases, &unsteered, controls, &meter).await?;
    report.cells.extend(controls);
    report.verdicts = setup.verdicts(&report.cells, &unsteered.numbers);
    Ok(Some(report))
}

/// Cells that are still to be computed, the controls' included, wherever
/// they will act.
fn missing(
    memory: &Remembered,
    setup: &Setup,
    directions: &Directions,
    grid: &[Wish],
    unsteered: &MapNumbers,
) -> usize {
    let known = |w: &&Wish| {
        (setup.adds() && w.coefficient == 0.0)
            || memory.cell(w.of, w.layer, w.coefficient).is_some()
    };
    let grid = grid.len() - grid.iter().filter(known).count();
    if grid == 0 {
        // Then it is known where the controls act.
        let cells = &memory.cells;
        let controls = directions.all_controls(setup, cells, unsteered);
        return controls.len() - controls.iter().filter(known).count();
    }
    let labelled = setup.controls.shuffled && setup.labelled;
    let each = setup.controls.random + usize::from(labelled);
    let tried = |l: &usize| {
        let there = memory.cells.iter();
        let there = there.filter(|c| c.of != Tried::Direction && c.layer == *l);
        each.saturating_sub(there.count())
    };
    grid + setup.layers.iter().map(tried).sum::<usize>()
}

/// The prompts' unsteered runs, from memory where they are the same.
async fn remembered_bases<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Remembered,
    setup: &Setup,
    task: Task<'_, impl Host>,
) -> Result<Rc<[Base]>, SessionError> {
    let key = format!("{:?} {}", setup.prompts, setup.direction.site);
    // Other runs give their memory back before these are made.
    let known = memory.bases.take().filter(|(of, _)| *of == key);
    let bases = match known {
        Some((_, bases)) => bases,
        None => bases(lab, setup, task).await?.into(),
    };
    memory.bases = Some((key, bases.clone()));
    Ok(bases)
}

/// The direction that texts are read along, from memory where it is the same.
async fn gauge<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Remembered,
    (steer, reading): (&Steer, &MapReading),
    resolved: &[Rc<Resolved>],
    task: Task<'_, impl Host>,
) -> Result<Gauge, SessionError> {
    let direction = steer
        .directions
        .get(reading.direction)
        .map(|d| (d.source.key(), d.site, d.from, &d.layers));
    let key = format!("{} {reading:?} {direction:?}", task.bos);
    if let Some((known, gauge)) = &memory.gauge
        && *known == key
    {
        return Ok(gauge.clone());
    }
    let gauge = gauge::read(lab, steer, reading, resolved, task).await?;
    memory.gauge = Some((key, gauge.clone()));
    Ok(gauge)
}

async fn bases<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    task: Task<'_, impl Host>,
) -> Result<Vec<Base>, SessionError> {
    let shape = lab.model.config.shape;
    let tokens: usize = setup.prompts.iter().map(Vec::len).sum();
    let most = 2 * BYTES / row_bytes(&shape);
    if tokens > most {
        let problem = SteeringProblem::MapMemory { tokens, most };
        return Err(SessionError::of(Field::Map, problem));
    }
    let site = setup.direction.site;
    let mut bases = Vec::new();
    for prompt in &setup.prompts {
        let (line, activations) = unsteered_base(lab, &[site], prompt, task).await?;
        let mean_norms = (0..shape.n_layer)
            .map(|l| activations.mean_norm(site, l))
            .collect();
        bases.push(Base { line, mean_norms });
    }
    Ok(bases)
}

/// Seconds that a row of so many texts will take, each prompt's own rows
/// shared out among those that are written after it: as the last time, or by
/// a trial, for a row among many takes a part of what it takes alone.
#[allow(clippy::cast_precision_loss)] // an estimate
async fn pace<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Remembered,
    setup: &Setup,
    bases: &[Base],
    texts: usize,
    task: Task<'_, impl Host>,
) -> Result<f64, SessionError> {
    match memory.pace {
        Some(pace) => return Ok(pace),
        None if texts == 0 => return Ok(0.0),
        None => {}
    }
    let trial = lines::trial(lab, bases, (2 * texts).min(TRIED), task).await?;
    let tokens: usize = setup.prompts.iter().map(Vec::len).sum();
    let written = 2 * setup.prompts.len() * setup.sampling.samples * setup.sampling.tokens;
    let pace = trial * (1.0 + tokens as f64 / written as f64);
    memory.pace = Some(pace);
    Ok(pace)
}

/// The unsteered texts, from memory where they are the same.
async fn unsteered<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Remembered,
    setup: &Setup,
    bases: &[Base],
    task: Task<'_, impl Host>,
) -> Result<Unsteered, SessionError> {
    if let Some((key, found)) = &memory.unsteered
        && *key == setup.unsteered_key
    {
        return Ok(found.clone());
    }
    let rows = bases.len() * setup.sampling.samples * setup.sampling.tokens;
    let meter = Meter::new(task.host, rows);
    let items: Vec<Item> = bases
        .iter()
        .map(|b| Item {
            base: &b.line,
            acts: Vec::new(),
        })
        .collect();
    let mut told = Vec::new();
    for chunk in chunks(&lab.model.config.shape, setup, &items) {
        told.extend(lines::write(lab, setup, &items[chunk], &meter).await?);
    }
    let (numbers, texts) = summed(setup, told.iter());
    let numbers = numbers.ok_or(SamplingError::NotFinite)?;
    let found = Unsteered { numbers, texts };
    memory.unsteered = Some((setup.unsteered_key.clone(), found.clone()));
    Ok(found)
}

/// Cells, told and remembered as they are done.
#[allow(clippy::cast_precision_loss)] // a time
async fn cells<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Remembered,
    setup: &Setup,
    bases: &[Base],
    unsteered: &Unsteered,
    wishes: Vec<Wish>,
    meter: &Meter<'_, impl Host>,
) -> Result<Vec<MapCell>, SessionError> {
    let shape = lab.model.config.shape;
    let mut found: Vec<Option<MapCell>> = Vec::new();
    let (mut items, mut of) = (Vec::new(), Vec::new());
    for (w, wish) in wishes.iter().enumerate() {
        let known = memory.cell(wish.of, wish.layer, wish.coefficient);
        found.push(known.cloned());
        if known.is_some() {
            continue;
        }
        let direction = Direction {
            coefficient: wish.coefficient,
            ..setup.direction.clone()
        };
        for base in bases {
            let at = (wish.layer, base.mean_norms[wish.layer]);
            let acts = act(Field::Map, &direction, wish.rows.clone(), at, &shape)?;
            if acts.is_empty() {
                // It adds nothing, so the text is the unsteered one, exactly.
                let (numbers, texts) = (unsteered.numbers, unsteered.texts.clone());
                found[w] = Some(wish.cell(Some(numbers), texts));
            } else {
                items.push(Item {
                    base: &base.line,
                    acts,
                });
                of.push(w);
            }
        }
    }
    tell(meter.host, found.iter().flatten().cloned().collect());
    let mut told: Vec<Vec<Option<Told>>> = wishes.iter().map(|_| Vec::new()).collect();
    for chunk in chunks(&lab.model.config.shape, setup, &items) {
        let began = meter.host.now();
        let some = lines::write(lab, setup, &items[chunk.clone()], meter).await?;
        let rows = 2 * chunk.len() * setup.sampling.samples * setup.sampling.tokens;
        memory.pace = Some((meter.host.now() - began) / 1000.0 / rows as f64);
        let mut fresh = Vec::new();
        for (w, item) in of[chunk].iter().zip(some) {
            told[*w].push(item);
            if told[*w].len() == bases.len() {
                let (numbers, texts) = summed(setup, told[*w].iter());
                let cell = wishes[*w].cell(numbers, texts);
                memory.cells.push(cell.clone());
                found[*w] = Some(cell.clone());
                told[*w].clear();
                fresh.push(cell);
            }
        }
        tell(meter.host, fresh);
    }
    Ok(found.into_iter().flatten().collect())
}

impl Wish {
    fn cell(&self, numbers: Option<MapNumbers>, texts: Vec<String>) -> MapCell {
        MapCell {
            of: self.of,
            layer: self.layer,
            coefficient: self.coefficient,
            cosine: self.cosine,
            numbers,
            texts,
        }
    }
}

fn tell(host: &impl Host, cells: Vec<MapCell>) {
    if !cells.is_empty() {
        host.update(Update::Steer(SteerUpdate::MapCells { cells }));
    }
}

/// Numbers and texts over all prompts; no numbers where one has none.
#[allow(clippy::cast_precision_loss)] // a number of prompts
fn summed<'a>(
    setup: &Setup,
    told: impl ExactSizeIterator<Item = &'a Option<Told>>,
) -> (Option<MapNumbers>, Vec<String>) {
    let (count, mut whole, mut target) = (told.len(), true, 0.0);
    let mut texts = Vec::new();
    for told in told {
        match told {
            Some(told) => {
                target += told.target;
                texts.extend_from_slice(&told.texts);
            }
            None => whole = false,
        }
    }
    let read = || texts.iter().flatten().filter_map(|r| r.reading);
    let numbers = whole.then(|| MapNumbers {
        reading: (setup.gauge.is_some() && read().next().is_some())
            .then(|| read().sum::<f32>() / read().count() as f32),
        target: (!setup.targets.is_empty()).then(|| target / count.max(1) as f32),
        measures: measures(&texts, &setup.words),
    });
    (numbers, texts.iter().map(|t| said(t)).collect())
}

/// What a kept row takes.
fn row_bytes(shape: &Shape) -> usize {
    4 * CACHE.len() * shape.n_layer * shape.n_embd
}

/// Splits items so that each part fits the memory budget.
fn chunks(shape: &Shape, setup: &Setup, items: &[Item]) -> Vec<std::ops::Range<usize>> {
    let samples = setup.sampling.samples;
    let mut chunks: Vec<std::ops::Range<usize>> = Vec::new();
    let (mut bytes, mut texts) = (0, 0);
    for (i, item) in items.iter().enumerate() {
        let rows = item.base.tokens.len() + 2 * samples * setup.sampling.tokens;
        let own = rows * row_bytes(shape) + 2 * samples * 4 * shape.n_vocab;
        match chunks.last_mut() {
            Some(chunk) if bytes + own <= BYTES && texts + samples <= MOST_TEXTS => {
                chunk.end = i + 1;
                bytes += own;
                texts += samples;
            }
            _ => {
                chunks.push(i..i + 1);
                (bytes, texts) = (own, samples);
            }
        }
    }
    chunks
}

/// What so many texts take, at so many seconds a row.
#[allow(clippy::cast_precision_loss)] // an estimate
fn estimate(shape: &Shape, setup: &Setup, texts: usize, pace: f64) -> Estimate {
    let longest = setup.prompts.iter().map(Vec::len).max().unwrap_or(1);
    let full = Cost::full_pass(shape, longest + setup.sampling.tokens);
    let before = Cost::full_pass(shape, longest + setup.sampling.tokens - 1);
    // The steered model's row and the unsteered reader's.
    let rows = 2 * (texts * setup.sampling.tokens) as u64;
    Estimate {
        plan: PlanReport {
            runs: texts as u64,
            layer_rows: rows * (full.layer_rows - before.layer_rows),
            full_layer_rows: rows * full.layer_rows,
            multiplications: rows * (full.multiplications - before.multiplications),
            full_multiplications: rows * full.multiplications,
        },
        seconds: rows as f64 * pace,
    }
}
