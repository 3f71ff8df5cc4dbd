//! Grids of patched runs: all sweeps of an experiment over all its pairs, in
//! chunks that fit the memory budget.

use super::Memory;
use super::bases;
use super::bases::{Group, values};
use super::estimate::Estimates;
use super::frame::frame;
use super::layout::{
    Chosen, Chunk, Item, Layout, On, add, chunk_of, estimate, group_of, lay_out, piece, progress,
    scaled,
};
use super::means::Means;
use super::paths;
use super::resident::{cases_of, group_size};
use super::setup::Setup;
use super::tally::Tally;
use crate::backend::Backend;
use crate::experiment::{
    CellValues, Experiment, Field, Frame, MetricReport, PlanReport, SweepReport, Update,
};
use crate::host::{Beats, Cells, Crew, Host, SessionError, Task, Turn};
use crate::lab::Lab;
use crate::lab::overflow::{CELL, sound};
use crate::model::Logits;
use crate::rows::Shape;
use std::cell::Cell;

/// The grids of an experiment's sweeps.
pub(crate) fn frames(shape: &Shape, setup: &Setup) -> Result<Vec<Frame>, SessionError> {
    let frame = |sweep| {
        frame(shape, sweep, &setup.cases[0], &setup.roles)
            .map_err(|problem| SessionError::of(Field::Sweeps, problem))
    };
    setup.sweeps.iter().map(frame).collect()
}

/// All sweeps over all cases, and the metrics' means; nothing where only a
/// preview was wanted.
pub(crate) async fn all<B: Backend>(
    lab: &mut Lab<B>,
    memory: &mut Memory,
    experiment: &Experiment,
    setup: &Setup,
    (first, means): (&Group, &Means),
    preview: bool,
    task: Task<'_, impl Host>,
) -> Result<Option<(Vec<SweepReport>, Vec<MetricReport>)>, SessionError> {
    let shape = lab.model.config.shape;
    let frames = frames(&shape, setup)?;
    if !frames.is_empty() {
        task.host.update(Update::Frames {
            frames: frames.clone(),
        });
    }
    let key = experiment.sweeps_only();
    if let Some((_, reports, metrics)) = memory.last_sweeps.as_ref().filter(|l| l.0 == key) {
        return Ok(Some((reports.clone(), metrics.clone())));
    }
    let (started, before_it) = (task.host.now(), lab.backend.counters());
    let mut estimates = Estimates::new(setup, &frames);
    estimates.add(lab, setup, &frames, first, task).await?;
    // By the first pairs, which all engines know from the start.
    let chosen = estimates.chosen(&frames);
    let grids = (frames.as_slice(), chosen.as_slice());
    let layout = lay_out(&shape, setup, grids, first, task).await?;
    let expected = scaled(&layout.plans, setup.cases.len(), first.cases.len());
    if !frames.is_empty() {
        task.host
            .update(Update::Estimate(estimate(expected, first.speed)));
    }
    if preview {
        return Ok(None);
    }
    let size = group_size(&shape, experiment, setup, memory.kept_bytes);
    if task.host.shares() {
        let grids = (grids, size);
        share(lab, experiment, setup, means, grids, (first, layout), task).await?;
        return Ok(None);
    }
    let mut tally = Tally::new(setup, &frames);
    let mut plans = vec![PlanReport::default(); setup.sweeps.len()];
    let before = Cell::new(0);
    let alone = Crew::default();
    let crew = task.host.crew().unwrap_or(&alone);
    let (mut later, mut layout) = (None, Some(layout));
    for g in 0..setup.cases.len().div_ceil(size) {
        // The runs of the group before give their memory back first.
        drop(later.take());
        if g > 0 {
            let cases = cases_of(setup, g, size);
            later = Some(bases::group(lab, experiment, setup, cases, means, task).await?);
        }
        let group = later.as_ref().unwrap_or(first);
        let layout = match layout.take() {
            Some(layout) => layout,
            None => {
                estimates.add(lab, setup, &frames, group, task).await?;
                lay_out(&shape, setup, grids, group, task).await?
            }
        };
        for (sum, plan) in plans.iter_mut().zip(&layout.plans) {
            add(sum, plan);
        }
        tally.bases(group);
        if setup.cases.len() > 1 {
            task.host.update(Update::Metrics {
                metrics: bases::metric_reports(lab, experiment, setup, first, &tally.metrics),
            });
        }
        crew.open((0..layout.chunks.len()).map(|c| piece(g, c)));
        loop {
            let say = |done| {
                let done = before.get() + done;
                Some(Update::Progress(progress(
                    done,
                    expected,
                    task.host.now() - started,
                )))
            };
            let (at, cells) = match task.host.turn(crew).await {
                Turn::Over => break,
                Turn::Done { piece, cells } => (chunk_of(piece), cells),
                Turn::Do(piece) => {
                    let at = chunk_of(piece);
                    let chunk = layout
                        .chunks
                        .get(at)
                        .ok_or_else(|| SessionError::lost("no such piece"))?;
                    let pulse = Beats::new(task.host, &say);
                    (
                        at,
                        compute(lab, setup, group, &layout, chunk, &pulse, task).await?,
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
            task.host.update(Update::Cells {
                cells: cells.collect(),
            });
            task.host.breathe().await?;
        }
        // Whoever waited for the others in vain was stopped.
        task.host.breathe().await?;
    }
    let engines = crew.hands();
    crew.close();
    let device = Some(lab.backend.counters() - before_it).filter(|c| c.dispatches > 0);
    let seconds = (task.host.now() - started) / 1000.0;
    let of_all = (seconds, engines, device);
    let mut reports = Vec::new();
    for (s, (frame, plan)) in frames.iter().zip(plans).enumerate() {
        let mut report = tally.report(s, frame.clone(), plan, of_all, task).await?;
        report.estimate = estimates.report(s, frame, &report.values);
        reports.push(report);
    }
    let metrics = bases::metric_reports(lab, experiment, setup, first, &tally.metrics);
    memory.last_sweeps = Some((key, reports.clone(), metrics.clone()));
    Ok(Some((reports, metrics)))
}

/// Does pieces of another engine's sweeps until there are none left.
async fn share<B: Backend>(
    lab: &mut Lab<B>,
    experiment: &Experiment,
    setup: &Setup,
    means: &Means,
    (grids, size): ((&[Frame], &[Chosen]), usize),
    (first, layout): (&Group, Layout),
    task: Task<'_, impl Host>,
) -> Result<(), SessionError> {
    let shape = lab.model.config.shape;
    let nobody = Crew::default();
    let (mut at, mut layout, mut later) = (0, layout, None);
    while let Turn::Do(piece) = task.host.turn(&nobody).await {
        let g = group_of(piece);
        if g != at {
            let cases = cases_of(setup, g, size);
            // The runs of the group before give their memory back first.
            drop(later.take());
            let group = bases::group(lab, experiment, setup, cases, means, task).await?;
            layout = lay_out(&shape, setup, grids, &group, task).await?;
            (at, later) = (g, Some(group));
        }
        let group = later.as_ref().unwrap_or(first);
        let chunk = layout.chunks.get(chunk_of(piece));
        let chunk = chunk.ok_or_else(|| SessionError::lost("no such piece"))?;
        let pulse = Beats::quiet(task.host);
        let cells = compute(lab, setup, group, &layout, chunk, &pulse, task).await?;
        task.host.update(Update::Piece { cells });
        task.host.breathe().await?;
    }
    Ok(())
}

/// The metrics of a chunk's items.
async fn compute<B: Backend, H: Host>(
    lab: &mut Lab<B>,
    setup: &Setup,
    group: &Group,
    layout: &Layout,
    chunk: &Chunk,
    pulse: &Beats<'_, H>,
    task: Task<'_, H>,
) -> Result<Cells, SessionError> {
    let shape = lab.model.config.shape;
    let items = &layout.items[chunk.items.clone()];
    let on = |item: &Item| On::of(setup, group, item.sweep, item.case);
    let mut paths = Vec::new();
    for item in items {
        paths.extend(on(item).path(&shape, item.row, item.column));
    }
    let mut paths = paths::runs(lab, &paths, task).await?.into_iter();
    let mut runs = Vec::new();
    for item in items {
        runs.push(match on(item).is_path() {
            true => paths
                .next()
                .ok_or_else(|| SessionError::lost("a path was not computed"))?,
            false => on(item).patched(&shape, item.row, item.column)?,
        });
    }
    let (reads, _) = lab.compute(&runs, &group.wishes.wanted(), pulse).await?;
    let unsound = |reads: &Vec<Option<Logits>>| !reads.iter().flatten().all(sound);
    if let Some(i) = reads.iter().position(unsound) {
        return Err(lab.overflow(CELL, &runs[i], task).await);
    }
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
