//! Grids of patched runs: all sweeps of an experiment over all its pairs, in
//! chunks that fit the memory budget.

use super::bases::{Bases, Group, Means, group_size, lost, values};
use super::chunk_rows;
use super::frame::{Copies, exists, frame};
use super::paths::Path;
use super::setup::{Case, Setup};
use super::tally::Tally;
use crate::backend::Backend;
use crate::experiment::{
    Axes, CellValues, Estimate, Experiment, Frame, MetricReport, PlanReport, Progress, Stage,
    SweepReport, Update,
};
use crate::rows::{Cost, Run, Shape};
use crate::session::{Beats, Cells, Crew, Host, Session, SessionError, Turn};
use std::cell::Cell;
use std::ops::Range;

/// One cell of one sweep for one case.
#[derive(Clone, Copy, Debug)]
struct Item {
    sweep: usize,
    row: usize,
    column: usize,
    /// Among the group's.
    case: usize,
}

/// Items that are computed together.
struct Chunk {
    items: Range<usize>,
    multiplications: u64,
}

/// A group's patched runs, laid out.
struct Layout {
    items: Vec<Item>,
    chunks: Vec<Chunk>,
    /// By sweep.
    plans: Vec<PlanReport>,
}

/// The grids of an experiment's sweeps.
pub(super) fn frames(shape: &Shape, setup: &Setup) -> Result<Vec<Frame>, SessionError> {
    let frame = |sweep| {
        frame(shape, sweep, &setup.cases[0]).map_err(|message| SessionError::of("sweeps", message))
    };
    setup.sweeps.iter().map(frame).collect()
}

impl<B: Backend> Session<B> {
    /// All sweeps over all cases, and the metrics' means; nothing where only a
    /// preview was wanted.
    pub(super) async fn sweeps(
        &mut self,
        experiment: &Experiment,
        setup: &Setup,
        first: &Group,
        means: &Means,
        preview: bool,
        host: &impl Host,
    ) -> Result<Option<(Vec<SweepReport>, Vec<MetricReport>)>, SessionError> {
        let shape = self.model.config.shape;
        let frames = frames(&shape, setup)?;
        if !frames.is_empty() {
            host.update(Update::Frames {
                frames: frames.clone(),
            });
        }
        let key = Experiment {
            cell: None,
            generate: None,
            captures: Vec::new(),
            ..experiment.clone()
        };
        if let Some((_, reports, metrics)) = self.last_sweeps.as_ref().filter(|l| l.0 == key) {
            return Ok(Some((reports.clone(), metrics.clone())));
        }
        let (started, before_it) = (host.now(), self.backend.counters());
        let layout = lay_out(&shape, setup, &frames, first)?;
        let expected = scaled(&layout.plans, setup.cases.len(), first.cases.len());
        if !frames.is_empty() {
            host.update(Update::Estimate(estimate(expected, first.speed)));
        }
        if preview {
            return Ok(None);
        }
        let size = group_size(&shape, experiment, setup, self.kept_bytes);
        if host.shares() {
            self.share(experiment, setup, means, size, (first, layout), host)
                .await?;
            return Ok(None);
        }
        let mut tally = Tally::new(setup, &frames);
        let mut plans = vec![PlanReport::default(); setup.sweeps.len()];
        let before = Cell::new(0);
        let alone = Crew::default();
        let crew = host.crew().unwrap_or(&alone);
        let (mut later, mut layout) = (None, Some(layout));
        for g in 0..setup.cases.len().div_ceil(size) {
            let cases = g * size..((g + 1) * size).min(setup.cases.len());
            if g > 0 {
                later = Some(self.group(experiment, setup, cases, means, host).await?);
            }
            let group = later.as_ref().unwrap_or(first);
            let layout = match layout.take() {
                Some(layout) => layout,
                None => lay_out(&shape, setup, &frames, group)?,
            };
            for (sum, plan) in plans.iter_mut().zip(&layout.plans) {
                add(sum, plan);
            }
            tally.bases(group);
            if setup.cases.len() > 1 {
                host.update(Update::Metrics {
                    metrics: self.metric_reports(experiment, setup, first, &tally.metrics),
                });
            }
            crew.open((0..layout.chunks.len()).map(|c| piece(g, c)));
            loop {
                let say = |done| {
                    let done = before.get() + done;
                    Some(Update::Progress(progress(
                        done,
                        expected,
                        host.now() - started,
                    )))
                };
                let (at, cells) = match host.turn(crew).await {
                    Turn::Over => break,
                    Turn::Done { piece, cells } => (chunk_of(piece), cells),
                    Turn::Do(piece) => {
                        let at = chunk_of(piece);
                        let chunk = layout.chunks.get(at).ok_or_else(|| lost("no such piece"))?;
                        let pulse = Beats::new(host, &say);
                        (
                            at,
                            self.chunk(setup, group, &layout, chunk, &pulse, host)
                                .await?,
                        )
                    }
                };
                if let Some(chunk) = layout.chunks.get(at) {
                    before.set(before.get() + chunk.multiplications);
                }
                let mut touched = Vec::new();
                for (i, values) in cells {
                    let Some(item) = layout.items.get(i) else {
                        continue;
                    };
                    let at = (item.sweep, item.row, item.column);
                    tally.enter(at, group.cases.start + item.case, values);
                    if touched.last() != Some(&at) {
                        touched.push(at);
                    }
                }
                let cells = touched.into_iter().map(|(sweep, row, column)| CellValues {
                    sweep,
                    row,
                    column,
                    values: tally.means((sweep, row, column)),
                });
                host.update(Update::Cells {
                    cells: cells.collect(),
                });
                host.breathe().await?;
            }
            // Whoever waited for the others in vain was stopped.
            host.breathe().await?;
        }
        let engines = crew.hands();
        crew.close();
        let device = Some(self.backend.counters() - before_it).filter(|c| c.dispatches > 0);
        let seconds = (host.now() - started) / 1000.0;
        let reports: Vec<SweepReport> = frames
            .into_iter()
            .zip(plans)
            .enumerate()
            .map(|(s, (frame, plan))| tally.report(s, frame, plan, (seconds, engines, device)))
            .collect();
        let metrics = self.metric_reports(experiment, setup, first, &tally.metrics);
        self.last_sweeps = Some((key, reports.clone(), metrics.clone()));
        Ok(Some((reports, metrics)))
    }

    /// Does pieces of another engine's sweeps until there are none left.
    async fn share(
        &mut self,
        experiment: &Experiment,
        setup: &Setup,
        means: &Means,
        size: usize,
        (first, layout): (&Group, Layout),
        host: &impl Host,
    ) -> Result<(), SessionError> {
        let shape = self.model.config.shape;
        let frames = frames(&shape, setup)?;
        let nobody = Crew::default();
        let (mut at, mut layout, mut later) = (0, layout, None);
        while let Turn::Do(piece) = host.turn(&nobody).await {
            let g = group_of(piece);
            if g != at {
                let cases = g * size..((g + 1) * size).min(setup.cases.len());
                // The runs of the group before give their memory back first.
                drop(later.take());
                let group = self.group(experiment, setup, cases, means, host).await?;
                layout = lay_out(&shape, setup, &frames, &group)?;
                (at, later) = (g, Some(group));
            }
            let group = later.as_ref().unwrap_or(first);
            let chunk = layout.chunks.get(chunk_of(piece));
            let chunk = chunk.ok_or_else(|| lost("no such piece"))?;
            let quiet = |_| None;
            let pulse = Beats::new(host, &quiet);
            let cells = self
                .chunk(setup, group, &layout, chunk, &pulse, host)
                .await?;
            host.update(Update::Piece { cells });
            host.breathe().await?;
        }
        Ok(())
    }

    /// The metrics of a chunk's items.
    async fn chunk<H: Host>(
        &mut self,
        setup: &Setup,
        group: &Group,
        layout: &Layout,
        chunk: &Chunk,
        pulse: &Beats<'_, H>,
        host: &H,
    ) -> Result<Cells, SessionError> {
        let shape = self.model.config.shape;
        let items = &layout.items[chunk.items.clone()];
        let on = |item: &Item| On::of(setup, group, item.sweep, item.case);
        let mut paths = Vec::new();
        for item in items {
            paths.extend(on(item).path(&shape, item.row, item.column));
        }
        let mut paths = self.path_runs(&paths, host).await?.into_iter();
        let mut runs = Vec::new();
        for item in items {
            runs.push(match on(item).is_path() {
                true => paths
                    .next()
                    .ok_or_else(|| lost("a path was not computed"))?,
                false => on(item).patched(&shape, item.row, item.column)?,
            });
        }
        let (reads, _) = self.compute(&runs, &group.wishes.wanted(), pulse).await?;
        let found = items.iter().zip(&reads).zip(chunk.items.clone());
        let found = found.map(|((item, reads), i)| {
            let on = on(item);
            let values = match &reads[0] {
                Some(logits) => values(
                    &group.wishes,
                    &on.case.metrics,
                    logits,
                    &on.bases.clean.logits,
                ),
                // Not reached: the run is its parent's.
                None => on.bases.varied(on.sweep).report.metrics.clone(),
            };
            (i, values)
        });
        Ok(found.collect())
    }
}

/// A sweep on one case.
pub(super) struct On<'a> {
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

    fn copies<'s>(&'s self, shape: &'s Shape) -> Copies<'s>
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

    /// The run of one cell: the run that is varied, with what the cell copies.
    pub fn patched(&self, shape: &Shape, row: usize, column: usize) -> Result<Run, SessionError> {
        let base = self.bases.varied(self.sweep);
        Ok(Run {
            edits: self.copies(shape).cell(row, column)?,
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
            copies: Copies {
                shape,
                sweep: self.sweep,
                case: self.case,
                brought: &self.bases.brought[self.index],
            },
            bases: self.bases,
            receiver,
            through_mlps,
            layer,
            head,
        })
    }
}

/// Splits a group's grids, cell by cell, into chunks that fit the memory budget.
fn lay_out(
    shape: &Shape,
    setup: &Setup,
    frames: &[Frame],
    group: &Group,
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
        let grid = (0..frame.rows.labels.len())
            .flat_map(|row| (0..frame.columns.labels.len()).map(move |column| (row, column)));
        for (row, column) in grid.filter(|(r, c)| exists(&frame.sweep, *r, *c)) {
            for case in 0..group.bases.len() {
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
fn path_cost(
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
fn piece(group: usize, chunk: usize) -> u64 {
    (group as u64) << 32 | chunk as u64
}

fn group_of(piece: u64) -> usize {
    usize::try_from(piece >> 32).unwrap_or(usize::MAX)
}

fn chunk_of(piece: u64) -> usize {
    usize::try_from(piece & u64::from(u32::MAX)).unwrap_or(usize::MAX)
}

fn add(sum: &mut PlanReport, plan: &PlanReport) {
    sum.runs += plan.runs;
    sum.layer_rows += plan.layer_rows;
    sum.full_layer_rows += plan.full_layer_rows;
    sum.multiplications += plan.multiplications;
    sum.full_multiplications += plan.full_multiplications;
}

/// What all cases take, from what some of them do.
fn scaled(plans: &[PlanReport], cases: usize, planned: usize) -> PlanReport {
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
