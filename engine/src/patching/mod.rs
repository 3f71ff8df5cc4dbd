//! The patching room: pairs of prompts, and grids of runs in which activations
//! of one are copied into the other.

mod advice;
mod bases;
mod brought;
mod captures;
mod cases;
mod cells;
mod circuit;
mod copies;
mod estimate;
mod frame;
mod generate;
mod given;
mod layout;
mod look;
mod means;
mod metric;
mod paths;
mod problem;
mod resident;
mod roles;
mod seen;
mod setup;
mod spaces;
mod steps;
mod sweep;
mod tally;
mod unfit;

use crate::backend::Backend;
use crate::directions::{self, Push};
use crate::experiment::{
    Cell, CircuitReport, Experiment, Field, MetricReport, Problem, Reading, Report, RunName,
    SweepReport, Update,
};
use crate::host::{Asked, Host, SessionError, Task};
use crate::lab::Lab;
use crate::rows::Shape;
use bases::Group;
pub(crate) use captures::MOST_CAPTURED;
use look::no_such_cell;
use means::Means;
use seen::Seen;
use setup::Setup;

/// Memory that the kept activations of a group of pairs may take at first, in bytes.
pub(crate) const KEPT_BYTES: usize = 256 << 20;

/// Memory that the activations of one chunk may take, in bytes.
const CHUNK_BYTES: usize = 64 << 20;

/// Rows in flight beyond which a matrix product gets no faster; more would only
/// make progress coarser.
const CHUNK_ROWS: usize = 256;

/// Prompts longer than this have attention patterns too large to copy or to show.
const LONGEST_PATTERN: usize = 256;

/// How many rows of activations are in flight at once.
fn chunk_rows(shape: &Shape, keys: usize) -> usize {
    let per_row = 4 * (7 * shape.n_embd + 2 * shape.n_inner + shape.n_head * keys);
    (CHUNK_BYTES / per_row).clamp(1, CHUNK_ROWS)
}

/// Numbers in the largest activation of a full chunk.
pub(crate) fn largest_activation(shape: &Shape) -> usize {
    CHUNK_ROWS * (3 * shape.n_embd).max(shape.n_inner)
}

/// What the patching room remembers between experiments.
pub(crate) struct Memory {
    /// The last sweeps, so that looking at one of their cells does not repeat them.
    last_sweeps: Option<(Experiment, Vec<SweepReport>, Vec<MetricReport>)>,
    /// The last circuit, for the same reason.
    last_circuit: Option<(Experiment, CircuitReport)>,
    pair: Option<Pair>,
    /// Bytes that the kept activations of pairs may take at a time.
    kept_bytes: usize,
}

/// The runs that were made last, and what of them.
struct Pair {
    of: Experiment,
    means: Means,
    /// The first pairs.
    group: Group,
    /// Once a cell was looked at.
    seen: Option<Seen>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            last_sweeps: None,
            last_circuit: None,
            pair: None,
            kept_bytes: KEPT_BYTES,
        }
    }
}

impl Memory {
    /// Gives back what it holds on the device.
    pub fn forget(&mut self) {
        self.pair = None;
    }

    /// From now on the kept activations of pairs may take so many bytes at a time.
    pub fn keep(&mut self, bytes: usize) {
        self.forget();
        self.kept_bytes = bytes;
    }
}

/// Everything that the patching room shows.
pub(crate) async fn run<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut directions::Memory,
    memory: &mut Memory,
    experiment: &Experiment,
    asked: Asked,
    task: Task<'_, impl Host>,
) -> Result<Report, SessionError> {
    let (tokenizer, config) = (&lab.tokenizer, &lab.model.config);
    let (mut reading, setup) = Setup::read(tokenizer, config, experiment, asked.told, task).await;
    let (shape, mut cell) = (config.shape, experiment.cell);
    if let Ok(setup) = &setup
        && let Some(chosen) = cell.filter(|_| !setup.sweeps.is_empty())
        && let Some(problem) = no_such_cell(&shape, setup, chosen)?
    {
        // It was chosen in a grid that was larger: the rest goes on without it.
        cell = None;
        let problem = Problem::of(Field::Cell, false, &problem);
        reading.problems.push(problem);
    }
    task.host.update(Update::Reading(reading.clone()));
    let mut setup = setup?;
    captures::fit(&shape, experiment, &setup.cases[0], asked.most_captured)?;
    setup.push = Push::of(lab, known, experiment, task).await?;
    let of = Experiment {
        captures: experiment.captures.clone(),
        generate: experiment.generate,
        ..experiment.sweeps_only()
    };
    // Runs of another experiment give their memory back before these are made.
    let known = memory.pair.take().filter(|pair| pair.of == of);
    let mut pair = match known {
        Some(pair) => pair,
        None => {
            let means = means::all(lab, &setup, task).await?;
            let size = resident::group_size(&shape, experiment, &setup, memory.kept_bytes);
            let first = resident::cases_of(&setup, 0, size);
            let group = bases::group(lab, experiment, &setup, first, &means, task).await?;
            Pair {
                of,
                means,
                group,
                seen: None,
            }
        }
    };
    if cells::miss_spaces(&mut reading, &setup, &pair.group) {
        task.host.update(Update::Reading(reading.clone()));
    }
    let wish = (reading, cell, asked.preview);
    let report = shown(lab, memory, experiment, &setup, &mut pair, wish, task).await;
    memory.pair = Some(pair);
    report
}

/// What is told of runs that are there.
async fn shown<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Memory,
    experiment: &Experiment,
    setup: &Setup,
    pair: &mut Pair,
    (reading, cell, preview): (Reading, Option<Cell>, bool),
    task: Task<'_, impl Host>,
) -> Result<Report, SessionError> {
    let Pair {
        group, means, seen, ..
    } = pair;
    let group = &*group;
    let found: Vec<_> = group.metrics().collect();
    let metrics = bases::metric_reports(lab, experiment, setup, group, &found);
    let bases = &group.bases[0];
    task.host.update(Update::Runs {
        clean: bases.clean.report.clone(),
        corrupted: bases.corrupted.report.clone(),
        metrics: metrics.clone(),
    });
    let mut report = Report {
        reading,
        clean: bases.clean.report.clone(),
        corrupted: bases.corrupted.report.clone(),
        metrics,
        captures: group.captures.clone(),
        ..lab.report(experiment)
    };
    // The chosen cell first: it is what the person is looking at.
    if let Some(cell) = cell.filter(|_| !setup.sweeps.is_empty()) {
        let cell = look::cell(lab, setup, group, seen, cell, task).await?;
        task.host.update(Update::Cell(cell.clone()));
        report.cell = Some(cell);
    }
    if let Some((sweeps, metrics)) = sweep::all(
        lab,
        memory,
        experiment,
        setup,
        (group, means),
        preview,
        task,
    )
    .await?
    {
        (report.sweeps, report.metrics) = (sweeps, metrics);
    }
    if let Some(wanted) = experiment
        .circuit
        .filter(|_| !preview && !task.host.shares())
    {
        let key = experiment.sweeps_only();
        let known = memory.last_circuit.take().filter(|last| last.0 == key);
        let found = match known {
            Some((_, found)) => found,
            None => circuit::find(lab, setup, wanted, task).await?,
        };
        report.circuit = Some(found.clone());
        memory.last_circuit = Some((key, found));
    }
    if let Some(generate) = experiment.generate {
        for (name, base, report) in [
            (RunName::Clean, &bases.clean, &mut report.clean),
            (RunName::Corrupted, &bases.corrupted, &mut report.corrupted),
        ] {
            let (trace, logits) = (&base.trace, base.logits.all.as_slice());
            let acts = given::acts(lab, setup, &trace.tokens, name, task).await?;
            report.continuation =
                generate::greedy(lab, trace, logits, &acts, generate, task).await?;
        }
    }
    Ok(report)
}
