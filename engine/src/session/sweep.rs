//! Grids of patched runs.

use super::runs::{Base, Bases, TOP};
use super::*;
use crate::experiment::{Cell, Estimate, PlanReport, Progress, Stage, Sweep};
use crate::model::{Logits, Wanted};
use crate::rows::{Cost, Edit, Op, Run, Shape, Source};

/// Memory that the activations of one chunk may take, in bytes.
const CHUNK_BYTES: usize = 64 << 20;

/// Rows in flight beyond which a matrix product gets no faster; more would only
/// make progress coarser.
const CHUNK_ROWS: usize = 256;

/// How many rows of activations are in flight at once.
fn rows_per_chunk(shape: &Shape, keys: usize) -> usize {
    let per_row = 4 * (7 * shape.n_embd + 2 * shape.n_inner + shape.n_head * keys);
    (CHUNK_BYTES / per_row).clamp(1, CHUNK_ROWS)
}

/// Numbers in the largest activation of a full chunk.
pub(super) fn largest_activation(shape: &Shape) -> usize {
    CHUNK_ROWS * (3 * shape.n_embd).max(shape.n_inner)
}

/// The run of one cell: the parent, with the site copied from the source. A
/// column is a position for block sites, and a head, at all positions, for head sites.
fn patched(sweep: &Sweep, (parent, source): (&Base, &Base), cell: Cell) -> Run {
    let len = parent.trace.tokens.len();
    let edit = |position, head| Edit {
        site: sweep.site,
        layer: cell.layer,
        head,
        position,
        op: Op::Replace(Source::Trace(source.trace.clone(), position)),
    };
    Run {
        edits: match sweep.site.per_head() {
            true => (0..len).map(|p| edit(p, Some(cell.column))).collect(),
            false => vec![edit(cell.column, None)],
        },
        reads: vec![len - 1],
        ..Run::over(&parent.trace)
    }
}

fn columns(shape: &Shape, setup: &Setup, sweep: &Sweep) -> usize {
    match sweep.site.per_head() {
        true => shape.n_head,
        false => setup.clean.len(),
    }
}

impl<B: Backend> Session<B> {
    /// The chosen cell's patched run, read closely.
    pub(super) async fn cell(
        &mut self,
        setup: &Setup,
        sweep: &Sweep,
        bases: &Bases,
        cell: Cell,
        host: &impl Host,
    ) -> Result<CellReport, SessionError> {
        let shape = self.model.config.shape;
        let columns = columns(&shape, setup, sweep);
        if cell.layer >= shape.n_layer || cell.column >= columns {
            return Err(SessionError::of(
                "cell",
                format!(
                    "The chosen cell is layer {}, column {}, but this sweep has layers 0 to {} and columns 0 to {}; choose another.",
                    cell.layer,
                    cell.column,
                    shape.n_layer - 1,
                    columns - 1
                ),
            ));
        }
        let roles = bases.roles(sweep);
        let mut wanted = Wanted {
            normaliser: true,
            top: TOP.min(shape.n_vocab),
            ..Wanted::default()
        };
        if let Some(metric) = &setup.metric {
            wanted.tokens = metric.wanted().tokens;
        }
        let runs = [patched(sweep, roles, cell)];
        let quiet = |_| None;
        let (mut reads, _) = self
            .compute(&runs, &wanted, &Beats::new(host, &quiet))
            .await?;
        let run = match reads[0][0].take() {
            Some(logits) => {
                let metric = setup.metric.map(|m| m.value(&logits));
                self.run_report(&logits, metric)
            }
            // The patch does not reach the last position: the run is its parent's.
            None => roles.0.report.clone(),
        };
        Ok(CellReport { cell, run })
    }

    /// The whole grid; `None` where only a preview was wanted or there is no metric.
    pub(super) async fn sweep(
        &mut self,
        experiment: &Experiment,
        setup: &Setup,
        sweep: &Sweep,
        bases: &Bases,
        preview: bool,
        host: &impl Host,
    ) -> Result<Option<SweepReport>, SessionError> {
        let Some(metric) = setup.metric else {
            return Ok(None);
        };
        let key = Experiment {
            cell: None,
            generate: None,
            captures: Vec::new(),
            ..experiment.clone()
        };
        if let Some((_, report)) = self.last_sweep.as_ref().filter(|(done, _)| *done == key) {
            return Ok(Some(report.clone()));
        }
        let roles = bases.roles(sweep);
        let Some(unpatched) = roles.0.report.metric else {
            return Ok(None);
        };
        let shape = self.model.config.shape;
        let columns = columns(&shape, setup, sweep);
        let (started, before_it) = (host.now(), self.backend.counters());
        let (chunks, plan) = chunks(&shape, sweep, roles, columns)?;
        host.update(Update::Estimate(estimate(plan, bases.speed)));
        if preview {
            return Ok(None);
        }
        let mut values = vec![vec![None; columns]; shape.n_layer];
        let before = std::cell::Cell::new(0);
        let alone = Crew::default();
        let crew = host.crew().unwrap_or(&alone);
        crew.open(chunks.len());
        loop {
            let say = |done| {
                let done = before.get() + done;
                Some(Update::Progress(progress(done, plan, host.now() - started)))
            };
            let (piece, cells) = match host.turn(crew).await {
                Turn::Over => break,
                Turn::Done { piece, cells } => (piece, cells),
                Turn::Do(piece) => {
                    let pulse = Beats::new(host, &say);
                    let cells = &chunks[piece].cells;
                    let runs: Vec<Run> = cells.iter().map(|c| patched(sweep, roles, *c)).collect();
                    let (reads, _) = self.compute(&runs, &metric.wanted(), &pulse).await?;
                    let value = |read: &Option<Logits>| {
                        // Not reached: the run is its parent's.
                        read.as_ref()
                            .map_or(unpatched, |logits| metric.value(logits))
                    };
                    let found = cells.iter().zip(&reads);
                    let found = found.map(|(c, reads)| (c.layer, c.column, value(&reads[0])));
                    (piece, found.collect())
                }
            };
            before.set(before.get() + chunks[piece].multiplications);
            for (layer, column, value) in &cells {
                values[*layer][*column] = Some(*value);
            }
            host.update(Update::Cells { cells });
            host.breathe().await?;
        }
        // Whoever waited for the others in vain was stopped.
        host.breathe().await?;
        let engines = crew.hands();
        crew.close();
        let report = SweepReport {
            site: sweep.site,
            values,
            plan,
            seconds: (host.now() - started) / 1000.0,
            engines,
            device: Some(self.backend.counters() - before_it).filter(|c| c.dispatches > 0),
        };
        // An engine that does pieces for another has only those.
        if report.values.iter().flatten().all(Option::is_some) {
            self.last_sweep = Some((key, report.clone()));
        }
        Ok(Some(report))
    }
}

/// Cells that are computed together.
struct Chunk {
    cells: Vec<Cell>,
    multiplications: u64,
}

/// Splits the grid, layer by layer, into chunks that fit the memory budget.
fn chunks(
    shape: &Shape,
    sweep: &Sweep,
    roles: (&Base, &Base),
    columns: usize,
) -> Result<(Vec<Chunk>, PlanReport), SessionError> {
    let len = roles.0.trace.tokens.len();
    let most = rows_per_chunk(shape, len);
    let full = Cost::full_pass(shape, len);
    let mut plan = PlanReport::default();
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut rows = usize::MAX;
    for layer in 0..shape.n_layer {
        for column in 0..columns {
            let cell = Cell { layer, column };
            let cost = Cost::of(shape, &patched(sweep, roles, cell))?;
            plan.runs += 1;
            plan.layer_rows += cost.layer_rows;
            plan.multiplications += cost.multiplications;
            plan.full_layer_rows += full.layer_rows;
            plan.full_multiplications += full.multiplications;
            let own = match (cost.layer_rows, sweep.site.per_head()) {
                (0, _) => 0,
                (_, true) => len,
                (_, false) => len - column,
            };
            match chunks
                .last_mut()
                .filter(|_| rows.saturating_add(own) <= most)
            {
                Some(chunk) => {
                    chunk.cells.push(cell);
                    chunk.multiplications += cost.multiplications;
                    rows += own;
                }
                None => {
                    chunks.push(Chunk {
                        cells: vec![cell],
                        multiplications: cost.multiplications,
                    });
                    rows = own;
                }
            }
        }
    }
    Ok((chunks, plan))
}

#[allow(clippy::cast_precision_loss)] // an estimate
fn estimate(plan: PlanReport, speed: f64) -> Estimate {
    Estimate {
        plan,
        seconds: plan.multiplications as f64 / speed,
    }
}

#[allow(clippy::cast_precision_loss)] // an estimate
fn progress(done: u64, plan: PlanReport, milliseconds: f64) -> Progress {
    let share = done as f64 / plan.multiplications.max(1) as f64;
    Progress {
        stage: Stage::Sweep,
        done,
        total: plan.multiplications,
        seconds_left: (share > 0.0).then(|| milliseconds / 1000.0 * (1.0 - share).max(0.0) / share),
    }
}
