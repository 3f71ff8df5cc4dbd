//! A sweep's results while they come in, with all that is needed to read them.

use crate::colour::Range;
use patchbay_engine::experiment::{
    Agreement, Axis, AxisKind, CellValues, Experiment, Frame, Interval, Located, MetricKind,
    MetricReport, Mode, PlanReport, Reading, Sweep, SweepReport,
};
use patchbay_engine::order::order;

/// One row or column: a layer, a head, a position of the patched run ...
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its number, or what the engine calls it.
    pub label: String,
    /// The token, where it is a position.
    pub token: Option<String>,
    /// Whether the prompts differ at the position.
    pub differs: bool,
}

/// One metric of every cell, `[row][column]`.
pub type Values<T> = Vec<Vec<Option<T>>>;

/// A heat map.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The experiment that it belongs to, without a chosen cell.
    pub experiment: Experiment,
    /// Which of its sweeps.
    pub index: usize,
    pub frame: Frame,
    pub rows: Vec<Column>,
    pub columns: Vec<Column>,
    /// Of the experiment's metrics, in their order.
    pub metrics: Vec<MetricReport>,
    /// Which metric is shown.
    pub shown: usize,
    /// Raw metrics of each patched run, by metric.
    pub values: Vec<Values<f32>>,
    /// Bootstrap intervals of the normalised values, where there are several pairs.
    pub intervals: Vec<Values<Interval>>,
    /// What a gradient says of the same runs, by metric, where the sweep asked for that.
    pub estimates: Vec<Values<f32>>,
    /// How well they agree with what was patched, by metric.
    pub agreement: Vec<Option<Agreement>>,
    /// Whether the map shows these, and not what the patched runs gave.
    pub estimated: bool,
    pub plan: PlanReport,
    /// Wall-clock seconds that all sweeps took, once they are done.
    pub seconds: Option<f64>,
    /// Whether values are differences of normalised values of two maps.
    pub difference: bool,
}

/// Where the values are that are farthest from 0, the farthest first; of equals the first.
#[must_use]
pub fn farthest(values: &[f32]) -> Vec<usize> {
    order(values.len(), &mut |a, b| {
        values[b].abs().total_cmp(&values[a].abs())
    })
}

impl Grid {
    /// A grid with no value yet.
    #[must_use]
    pub fn empty(
        experiment: &Experiment,
        index: usize,
        frame: Frame,
        reading: &Reading,
        metrics: &[MetricReport],
    ) -> Self {
        let side = |axis: &Axis| -> Vec<Column> {
            let roles: &[_] = match axis.kind() == AxisKind::Role {
                true => &reading.roles,
                false => &[],
            };
            let column = |(i, label): (usize, String)| {
                let role = roles.get(i).map(|of| match frame.sweep.mode {
                    Mode::Denoising => of.1,
                    Mode::Noising => of.0,
                });
                let position = axis.position(i).or(role);
                named(label, position, frame.sweep.mode, experiment, reading)
            };
            axis.labels().into_iter().enumerate().map(column).collect()
        };
        let (rows, columns) = (side(&frame.rows), side(&frame.columns));
        Self {
            experiment: experiment.sweeps_only(),
            index,
            values: vec![vec![vec![None; columns.len()]; rows.len()]; metrics.len()],
            intervals: Vec::new(),
            estimates: Vec::new(),
            agreement: Vec::new(),
            estimated: false,
            frame,
            rows,
            columns,
            metrics: metrics.to_vec(),
            shown: 0,
            plan: PlanReport::default(),
            seconds: None,
            difference: false,
        }
    }

    /// The same map before any of it was there.
    #[must_use]
    pub fn blank(mut self) -> Self {
        for value in self.values.iter_mut().flatten().flatten() {
            *value = None;
        }
        self.intervals.clear();
        self.estimates.clear();
        self.seconds = None;
        self
    }

    /// Enters cells of this sweep; what lies outside is left out.
    pub fn enter(&mut self, cells: &[CellValues]) {
        for cell in cells.iter().filter(|c| c.sweep == self.index) {
            for (values, value) in self.values.iter_mut().zip(&cell.values) {
                let row = values.get_mut(cell.row);
                if let Some(place) = row.and_then(|row| row.get_mut(cell.column)) {
                    *place = Some(*value);
                }
            }
        }
    }

    /// Takes over the finished sweep.
    pub fn finish(&mut self, report: SweepReport, metrics: &[MetricReport]) {
        self.values = report.values;
        self.intervals = report.intervals;
        let estimate = report.estimate.unwrap_or_default();
        (self.estimates, self.agreement) = (estimate.values, estimate.agreement);
        self.plan = report.plan;
        self.seconds = Some(report.seconds);
        self.metrics = metrics.to_vec();
    }

    #[must_use]
    pub fn sweep(&self) -> &Sweep {
        &self.frame.sweep
    }

    /// The metric shown, of both runs.
    #[must_use]
    pub fn metric(&self) -> MetricReport {
        if self.difference {
            return MetricReport {
                clean: 1.0,
                corrupted: -1.0,
                advice: None,
            };
        }
        self.metrics
            .get(self.shown)
            .cloned()
            .unwrap_or(MetricReport {
                clean: f32::NAN,
                corrupted: f32::NAN,
                advice: None,
            })
    }

    /// The kind of the metric shown.
    #[must_use]
    pub fn kind(&self) -> MetricKind {
        self.kind_of(self.shown)
    }

    /// The kind of one of its metrics.
    #[must_use]
    pub fn kind_of(&self, metric: usize) -> MetricKind {
        let metric = self.experiment.metrics.get(metric);
        metric.map_or(MetricKind::LogitDifference, |m| m.kind)
    }

    /// The metric of the run that is patched, without a patch.
    #[must_use]
    pub fn unpatched(&self) -> f32 {
        if self.difference {
            return 0.0;
        }
        match self.sweep().mode {
            Mode::Denoising => self.metric().corrupted,
            Mode::Noising => self.metric().clean,
        }
    }

    /// The metric shown of a cell, as the patched run or the estimate gave it.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> Option<f32> {
        *self.looked_at().get(self.shown)?.get(row)?.get(column)?
    }

    /// The same of the patched run.
    #[must_use]
    pub fn patched(&self, row: usize, column: usize) -> Option<f32> {
        *self.values.get(self.shown)?.get(row)?.get(column)?
    }

    /// The same of the estimate.
    #[must_use]
    pub fn estimate(&self, row: usize, column: usize) -> Option<f32> {
        *self.estimates.get(self.shown)?.get(row)?.get(column)?
    }

    /// The values that are looked at. A difference has its own in the place of both.
    fn looked_at(&self) -> &[Values<f32>] {
        match self.estimated && !self.estimates.is_empty() {
            true => &self.estimates,
            false => &self.values,
        }
    }

    /// 0 is the corrupted run, 1 the clean run.
    #[must_use]
    pub fn normalised(&self, row: usize, column: usize) -> Option<f32> {
        self.scaled(self.value(row, column)?)
    }

    /// A value of the metric shown on that scale.
    #[must_use]
    pub fn scaled(&self, value: f32) -> Option<f32> {
        match self.difference {
            true => None,
            false => SweepReport::normalised(value, &self.metric()),
        }
    }

    /// Whether its values can be read on the scale between both runs.
    #[must_use]
    pub fn is_normalisable(&self) -> bool {
        !self.difference && SweepReport::normalised(0.0, &self.metric()).is_some()
    }

    /// 95 % of bootstrapped normalised values lie in this, where there are several pairs.
    #[must_use]
    pub fn interval(&self, row: usize, column: usize) -> Option<Interval> {
        if self.estimated {
            return None;
        }
        *self.intervals.get(self.shown)?.get(row)?.get(column)?
    }

    /// Where in the model the patch of a cell is put.
    #[must_use]
    pub fn located(&self, (row, column): (usize, usize)) -> Option<Located> {
        self.frame.located(row, column)
    }

    /// Whether the engine has no run for the cell: a pattern has none above its diagonal.
    #[must_use]
    pub fn is_missing(&self, row: usize, column: usize) -> bool {
        let none = self.value(row, column).is_none() && !self.is_unpatched(row, column);
        self.is_complete() && none
    }

    /// Whether a cell was left to the estimate, of whichever metric there is one.
    #[must_use]
    pub fn is_unpatched(&self, row: usize, column: usize) -> bool {
        let known = |m: &Values<f32>| {
            m.get(row)
                .is_some_and(|r| matches!(r.get(column), Some(Some(_))))
        };
        self.patched(row, column).is_none() && self.estimates.iter().any(known)
    }

    /// What this map shows more than another one of the same size: differences of
    /// normalised values, cell by cell.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Option<Self> {
        if !self.is_like(other) {
            return None;
        }
        let mut difference = self.clone();
        difference.difference = true;
        difference.intervals.clear();
        difference.estimates.clear();
        difference.estimated |= other.estimated;
        for (row, cells) in difference
            .values
            .get_mut(self.shown)?
            .iter_mut()
            .enumerate()
        {
            for (column, value) in cells.iter_mut().enumerate() {
                let both = self
                    .normalised(row, column)
                    .zip(other.normalised(row, column));
                *value = both.map(|(own, others)| own - others);
            }
        }
        Some(difference)
    }

    /// Cells patched, and cells to patch.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let patched = self.values.get(self.shown).into_iter().flatten().flatten();
        let done = patched.filter(|v| v.is_some()).count();
        let most = self.sweep().estimate.and_then(|e| e.most);
        let all = match self.is_complete() {
            true => done,
            false => (self.rows.len() * self.columns.len()).min(most.unwrap_or(usize::MAX)),
        };
        (done, all)
    }

    /// Whether it is the whole map of an experiment's sweep, and of nothing older.
    #[must_use]
    pub fn is_whole_of(&self, experiment: &Experiment) -> bool {
        self.is_complete() && self.experiment == experiment.sweeps_only()
    }

    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.seconds.is_some()
    }

    /// All cells by row, then column.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, Option<f32>)> {
        let shown = self
            .looked_at()
            .get(self.shown)
            .map_or(&[][..], Vec::as_slice);
        shown.iter().enumerate().flat_map(|(row, cells)| {
            let cells = cells.iter().enumerate();
            cells.map(move |(column, value)| (row, column, *value))
        })
    }

    /// Cells by how far their patch moves the metric, the farthest first; of
    /// equals the first. Where a whole column moves alike, that is the earliest layer.
    #[must_use]
    pub fn ranked(&self, most: usize) -> Vec<(usize, usize)> {
        let unpatched = self.unpatched();
        let moved = |(row, column, value): (usize, usize, Option<f32>)| {
            Some(((row, column), value? - unpatched))
        };
        let (places, moved): (Vec<_>, Vec<_>) = self.cells().filter_map(moved).unzip();
        let farthest = farthest(&moved).into_iter().take(most);
        farthest.map(|i| places[i]).collect()
    }

    /// The cell whose patch moves the metric most.
    #[must_use]
    pub fn strongest(&self) -> Option<(usize, usize)> {
        self.ranked(1).first().copied()
    }

    /// One scale for what was patched and what was estimated.
    #[must_use]
    pub fn range(&self) -> Range {
        let metric = self.metric();
        let both = [&self.values, &self.estimates].map(|of| of.get(self.shown));
        Range::new(
            self.unpatched(),
            metric.clean,
            metric.corrupted,
            both.into_iter()
                .flatten()
                .flatten()
                .flatten()
                .filter_map(|v| *v),
        )
    }
}

impl Grid {
    /// Whether another map has the same rows and columns, so that a cell of one is one
    /// of the other: a head that is patched is none whose path is.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let of = |g: &Self| g.sweep().axes().kind();
        of(self) == of(other)
            && (&self.frame.rows, &self.frame.columns) == (&other.frame.rows, &other.frame.columns)
    }

    /// The colour scale where another map is looked at beside this one: the wider of
    /// both, so that a colour is the same share of the distance between the two runs in
    /// either. The middle stays each map's own, its run without a patch.
    #[must_use]
    pub fn range_beside(&self, other: Option<&Self>) -> Range {
        let own = self.range();
        let distance = |g: &Self| (g.metric().clean - g.metric().corrupted).abs();
        let share = |g: &Self| g.range().step() / distance(g);
        match other {
            Some(other) => own.of_step(share(self).max(share(other)) * distance(self)),
            None => own,
        }
    }
}

/// A row or column; of a position the token of the run that is patched.
fn named(
    label: String,
    position: Option<usize>,
    mode: Mode,
    experiment: &Experiment,
    reading: &Reading,
) -> Column {
    let tokens = match mode {
        Mode::Denoising => &reading.corrupted,
        Mode::Noising => &reading.clean,
    };
    let aligned = match &experiment.alignment {
        None if reading.roles.is_empty() => None,
        None => Some(&reading.roles),
        by_hand => by_hand.as_ref(),
    };
    let clean = |position: usize| match aligned.filter(|_| mode == Mode::Denoising) {
        Some(pairs) => pairs.iter().find(|p| p.1 == position).map(|p| p.0),
        None => Some(position),
    };
    Column {
        label,
        token: position.and_then(|p| tokens.get(p)).map(|t| t.text.clone()),
        differs: position
            .and_then(clean)
            .is_some_and(|p| reading.differing.contains(&p)),
    }
}

#[cfg(test)]
pub(crate) mod tests;
