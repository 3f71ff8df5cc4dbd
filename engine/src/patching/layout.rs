//! The patched runs of a group, laid out in chunks that fit the memory budget.

use super::bases::{Bases, Group};
use super::chunk_rows;
use super::copies::Copies;
use super::frame::exists;
use super::paths::Path;
use super::setup::{Case, Setup};
use crate::experiment::{Axes, Estimate, Frame, PlanReport, Progress, Stage};
use crate::host::{Host, SessionError, Task};
use crate::rows::{Cost, Edit, Run, Shape};
use std::collections::HashSet;
use std::ops::Range;

/// One cell of one sweep for one case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub sweep: usize,
    pub row: usize,
    pub column: usize,
    /// Among the group's.
    pub case: usize,
}

/// Items that are computed together.
pub(crate) struct Chunk {
    pub items: Range<usize>,
    pub multiplications: u64,
}

/// A group's patched runs, laid out.
pub(crate) struct Layout {
    pub items: Vec<Item>,
    pub chunks: Vec<Chunk>,
    /// By sweep.
    pub plans: Vec<PlanReport>,
}

/// A sweep on one case.
pub(crate) struct On<'a> {
    pub sweep: &'a crate::experiment::Sweep,
    index: usize,
    pub case: &'a Case,
    pub bases: &'a Bases,
}

impl<'a> On<'a> {
    pub fn of(setup: &'a Setup, group: &'a Group, sweep: usize, case: usize) -> Self {
        Self {
            sweep: &setup.sweeps[sweep],
            index: sweep,
            case: &setup.cases[group.cases.start + case],
            bases: &group.bases[case],
        }
    }

    pub fn is_path(&self) -> bool {
        matches!(self.sweep.axes(), Axes::Paths { .. })
    }

    fn copies<'s>(&self, shape: &'s Shape) -> Copies<'s>
    where
        'a: 's,
    {
        Copies {
            shape,
            sweep: self.sweep,
            case: self.case,
            brought: &self.bases.brought[self.index],
        }
    }

    /// What one cell copies.
    pub fn edits(
        &self,
        shape: &Shape,
        row: usize,
        column: usize,
    ) -> Result<Vec<Edit>, SessionError> {
        self.copies(shape).cell(row, column)
    }

    /// The run of one cell: the run that is varied, with what the cell copies.
    pub fn patched(&self, shape: &Shape, row: usize, column: usize) -> Result<Run, SessionError> {
        let base = self.bases.varied(self.sweep);
        Ok(Run {
            edits: self.edits(shape, row, column)?,
            reads: vec![base.trace.tokens.len() - 1],
            ..Run::over(&base.trace)
        })
    }

    /// The path of one cell, where the sweep is one of paths.
    pub fn path<'s>(self, shape: &'s Shape, layer: usize, head: usize) -> Option<Path<'s>>
    where
        'a: 's,
    {
        let Axes::Paths {
            receiver,
            through_mlps,
        } = self.sweep.axes()
        else {
            return None;
        };
        Some(Path {
            copies: self.copies(shape),
            bases: self.bases,
            receiver,
            through_mlps,
            layer,
            head,
        })
    }
}

/// The cells of a grid that are patched, counted row by row; `None` where all are.
pub(crate) type Chosen = Option<HashSet<usize>>;

/// Items laid out between two breaths.
const BREATH: usize = 64;

/// Splits a group's grids, cell by cell, into chunks that fit the memory budget; of grids
/// of which only some cells are `chosen` those.
pub(crate) async fn lay_out(
    shape: &Shape,
    setup: &Setup,
    (frames, chosen): (&[Frame], &[Chosen]),
    group: &Group,
    task: Task<'_, impl Host>,
) -> Result<Layout, SessionError> {
    let mut layout = Layout {
        items: Vec::new(),
        chunks: Vec::new(),
        plans: vec![PlanReport::default(); frames.len()],
    };
    let longest = |c: &Case| c.clean.len().max(c.corrupted.len());
    let keys = setup.cases[group.cases.clone()].iter().map(longest).max();
    let most = chunk_rows(shape, keys.unwrap_or(1));
    let mut rows = usize::MAX;
    for (sweep, frame) in frames.iter().enumerate() {
        let grid = (0..frame.rows.len())
            .flat_map(|row| (0..frame.columns.len()).map(move |column| (row, column)));
        let wanted = |row: usize, column: usize| {
            let cell = row * frame.columns.len() + column;
            let left_out = chosen.get(sweep).and_then(Option::as_ref);
            exists(&frame.sweep, row, column) && left_out.is_none_or(|some| some.contains(&cell))
        };
        for (row, column) in grid.filter(|(r, c)| wanted(*r, *c)) {
            for case in 0..group.bases.len() {
                if layout.items.len().is_multiple_of(BREATH) {
                    task.host.breathe().await?;
                }
                let on = On::of(setup, group, sweep, case);
                let len = on.bases.varied(on.sweep).trace.tokens.len();
                let (cost, own, passes) = match on.is_path() {
                    false => {
                        let run = on.patched(shape, row, column)?;
                        let from = run.edits.iter().map(|e| e.position).min();
                        (Cost::of(shape, &run)?, len - from.unwrap_or(len), 1)
                    }
                    true => {
                        let (cost, passes) = path_cost(shape, on, row, column)?;
                        (cost, len, passes)
                    }
                };
                let plan = &mut layout.plans[sweep];
                let full = Cost::full_pass(shape, len);
                plan.runs += 1;
                plan.layer_rows += cost.layer_rows;
                plan.multiplications += cost.multiplications;
                plan.full_layer_rows += passes * full.layer_rows;
                plan.full_multiplications += passes * full.multiplications;
                let own = if cost.layer_rows == 0 { 0 } else { own };
                let i = layout.items.len();
                match layout
                    .chunks
                    .last_mut()
                    .filter(|_| rows.saturating_add(own) <= most)
                {
                    Some(chunk) => {
                        chunk.items.end = i + 1;
                        chunk.multiplications += cost.multiplications;
                        rows += own;
                    }
                    None => {
                        layout.chunks.push(Chunk {
                            items: i..i + 1,
                            multiplications: cost.multiplications,
                        });
                        rows = own;
                    }
                }
                layout.items.push(Item {
                    sweep,
                    row,
                    column,
                    case,
                });
            }
        }
    }
    Ok(layout)
}

/// What the runs of a path cost together, at most, and how many they are.
pub(crate) fn path_cost(
    shape: &Shape,
    on: On<'_>,
    row: usize,
    column: usize,
) -> Result<(Cost, u64), SessionError> {
    let (mut cost, mut passes) = (Cost::default(), 0);
    if let Some(path) = on.path(shape, row, column) {
        for run in path.likely_runs()? {
            cost += Cost::of(shape, &run)?;
            passes += 1;
        }
    }
    Ok((cost, passes))
}

/// A piece by its group and its chunk.
pub(crate) fn piece(group: usize, chunk: usize) -> u64 {
    (group as u64) << 32 | chunk as u64
}

pub(crate) fn group_of(piece: u64) -> usize {
    usize::try_from(piece >> 32).unwrap_or(usize::MAX)
}

pub(crate) fn chunk_of(piece: u64) -> usize {
    usize::try_from(piece & u64::from(u32::MAX)).unwrap_or(usize::MAX)
}

pub(crate) fn add(sum: &mut PlanReport, plan: &PlanReport) {
    sum.runs += plan.runs;
    sum.layer_rows += plan.layer_rows;
    sum.full_layer_rows += plan.full_layer_rows;
    sum.multiplications += plan.multiplications;
    sum.full_multiplications += plan.full_multiplications;
}

/// What all cases take, from what some of them do.
pub(crate) fn scaled(plans: &[PlanReport], cases: usize, planned: usize) -> PlanReport {
    let mut sum = PlanReport::default();
    plans.iter().for_each(|plan| add(&mut sum, plan));
    let all = |n: u64| n * cases as u64 / planned.max(1) as u64;
    PlanReport {
        runs: all(sum.runs),
        layer_rows: all(sum.layer_rows),
        full_layer_rows: all(sum.full_layer_rows),
        multiplications: all(sum.multiplications),
        full_multiplications: all(sum.full_multiplications),
    }
}

#[allow(clippy::cast_precision_loss)] // an estimate
pub(crate) fn estimate(plan: PlanReport, speed: f64) -> Estimate {
    Estimate {
        plan,
        seconds: plan.multiplications as f64 / speed,
    }
}

#[allow(clippy::cast_precision_loss)] // an estimate
pub(crate) fn progress(done: u64, plan: PlanReport, milliseconds: f64) -> Progress {
    let share = done as f64 / plan.multiplications.max(1) as f64;
    Progress {
        stage: Stage::Sweep,
        done,
        total: plan.multiplications,
        seconds_left: (share > 0.0).then(|| milliseconds / 1000.0 * (1.0 - share).max(0.0) / share),
    }
}
