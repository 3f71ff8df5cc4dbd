//! Grids of patched runs: all sweeps of an experiment over all its pairs, in
//! chunks that fit the memory budget.

use super::bases::{Group, cases_of, group_size, lost, values};
use super::frame::frame;
use super::layout::{
    Chunk, Item, Layout, On, add, chunk_of, estimate, group_of, lay_out, piece, progress, scaled,
};
use super::means::Means;
use super::setup::Setup;
use super::tally::Tally;
use crate::backend::Backend;
use crate::experiment::{
    CellValues, Experiment, Field, Frame, MetricReport, PlanReport, SweepReport, Update,
};
use crate::host::{Beats, Cells, Crew, Host, SessionError, Turn};
use crate::lab::finite::{CELL, sound};
use crate::model::Logits;
use crate::rows::Shape;
use crate::session::Session;
use std::cell::Cell;

/// The grids of an experiment's sweeps.
pub(crate) fn frames(shape: &Shape, setup: &Setup) -> Result<Vec<Frame>, SessionError> {
    let frame = |sweep| {
        frame(shape, sweep, &setup.cases[0], &setup.roles)
            .map_err(|message| SessionError::of(Field::Sweeps, message))
    };
    setup.sweeps.iter().map(frame).collect()
}

impl<B: Backend> Session<B> {
    /// All sweeps over all cases, and the metrics' means; nothing where only a
    /// preview was wanted.
    pub(crate) async fn sweeps(
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
        let layout = lay_out(&shape, setup, &frames, first, host).await?;
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
            // The runs of the group before give their memory back first.
            drop(later.take());
            if g > 0 {
                let cases = cases_of(setup, g, size);
                later = Some(self.group(experiment, setup, cases, means, host).await?);
            }
            let group = later.as_ref().unwrap_or(first);
            let layout = match layout.take() {
                Some(layout) => layout,
                None => lay_out(&shape, setup, &frames, group, host).await?,
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
        let of_all = (seconds, engines, device);
        let mut reports = Vec::new();
        for (s, (frame, plan)) in frames.into_iter().zip(plans).enumerate() {
            reports.push(tally.report(s, frame, plan, of_all, host).await?);
        }
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
                let cases = cases_of(setup, g, size);
                // The runs of the group before give their memory back first.
                drop(later.take());
                let group = self.group(experiment, setup, cases, means, host).await?;
                layout = lay_out(&shape, setup, &frames, &group, host).await?;
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
        let unsound = |reads: &Vec<Option<Logits>>| !reads.iter().flatten().all(sound);
        if let Some(i) = reads.iter().position(unsound) {
            return Err(self.overflow(CELL, &runs[i], host).await);
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
}
