//! A sweep's results while they come in, with all that is needed to read them.

use crate::colour::Range;
use patchbay_engine::experiment::{
    Estimate, Experiment, MetricReport, Mode, ModelInfo, PlanReport, Reading, Site, Sweep,
    SweepReport,
};

/// One column: a position of the patched run, or a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The token at the position; `None` for heads.
    pub token: Option<String>,
    /// Whether the prompts differ at the position.
    pub differs: bool,
}

/// The heat map.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The experiment that it belongs to, without a chosen cell.
    pub experiment: Experiment,
    pub sweep: Sweep,
    pub metric: MetricReport,
    pub columns: Vec<Column>,
    /// Raw metric of each patched run, `[layer][column]`.
    pub values: Vec<Vec<Option<f32>>>,
    pub plan: PlanReport,
    /// Wall-clock seconds that it took, once it is done.
    pub seconds: Option<f64>,
}

/// What the sweep depends on: the experiment without the chosen cell.
#[must_use]
pub fn key(experiment: &Experiment) -> Experiment {
    Experiment {
        cell: None,
        ..experiment.clone()
    }
}

impl Grid {
    /// A grid with no value yet; `None` where the experiment wants no sweep.
    #[must_use]
    pub fn empty(
        experiment: &Experiment,
        model: &ModelInfo,
        reading: &Reading,
        metric: &MetricReport,
        estimate: &Estimate,
    ) -> Option<Self> {
        let sweep = experiment.sweep.clone()?;
        let columns: Vec<_> = if sweep.site.per_head() {
            let head = Column {
                token: None,
                differs: false,
            };
            vec![head; model.n_head]
        } else {
            let patched = match sweep.mode {
                Mode::Denoising => &reading.corrupted,
                Mode::Noising => &reading.clean,
            };
            let column = |(position, token): (usize, &patchbay_engine::experiment::Token)| Column {
                token: Some(token.text.clone()),
                differs: reading.differing.contains(&position),
            };
            patched.iter().enumerate().map(column).collect()
        };
        Some(Self {
            experiment: key(experiment),
            values: vec![vec![None; columns.len()]; model.n_layer],
            sweep,
            metric: metric.clone(),
            columns,
            plan: estimate.plan,
            seconds: None,
        })
    }

    /// Enters cells `[layer, column, value]`; what lies outside is left out.
    pub fn enter(&mut self, cells: &[(usize, usize, f32)]) {
        for &(layer, column, value) in cells {
            if let Some(cell) = self
                .values
                .get_mut(layer)
                .and_then(|row| row.get_mut(column))
            {
                *cell = Some(value);
            }
        }
    }

    /// Takes over the finished sweep.
    pub fn finish(&mut self, report: SweepReport, metric: Option<MetricReport>) {
        self.values = report.values;
        self.plan = report.plan;
        self.seconds = Some(report.seconds);
        if let Some(metric) = metric {
            self.metric = metric;
        }
    }

    #[must_use]
    pub fn site(&self) -> Site {
        self.sweep.site
    }

    /// The metric of the run that is patched, without a patch.
    #[must_use]
    pub fn unpatched(&self) -> f32 {
        match self.sweep.mode {
            Mode::Denoising => self.metric.corrupted,
            Mode::Noising => self.metric.clean,
        }
    }

    #[must_use]
    pub fn value(&self, layer: usize, column: usize) -> Option<f32> {
        *self.values.get(layer)?.get(column)?
    }

    /// 0 is the corrupted run, 1 the clean run.
    #[must_use]
    pub fn normalised(&self, layer: usize, column: usize) -> Option<f32> {
        SweepReport::normalised(self.value(layer, column)?, &self.metric)
    }

    /// Cells computed, and cells in all.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let done = self.cells().filter(|(_, _, v)| v.is_some()).count();
        (done, self.values.iter().map(Vec::len).sum())
    }

    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.seconds.is_some()
    }

    /// All cells by layer, then column.
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, Option<f32>)> {
        self.values.iter().enumerate().flat_map(|(layer, row)| {
            row.iter()
                .enumerate()
                .map(move |(column, value)| (layer, column, *value))
        })
    }

    /// The cell whose patch moves the metric most, the first of equals. Where a
    /// whole column moves it alike, that is the earliest layer.
    #[must_use]
    pub fn strongest(&self) -> Option<(usize, usize)> {
        let mut best: Option<(usize, usize, f32)> = None;
        for (layer, column, value) in self.cells() {
            let Some(value) = value else { continue };
            let distance = (value - self.unpatched()).abs();
            if best.is_none_or(|(_, _, most)| distance > most) {
                best = Some((layer, column, distance));
            }
        }
        best.map(|(layer, column, _)| (layer, column))
    }

    #[must_use]
    pub fn range(&self) -> Range {
        Range::new(
            self.unpatched(),
            self.metric.clean,
            self.metric.corrupted,
            self.cells().filter_map(|(_, _, value)| value),
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use patchbay_engine::experiment::Token;

    pub(crate) fn model() -> ModelInfo {
        ModelInfo {
            name: "mini".into(),
            n_layer: 2,
            n_head: 3,
            n_embd: 6,
            n_positions: 8,
            n_vocab: 300,
            sha256: String::new(),
            parameters: 1000,
        }
    }

    pub(crate) fn reading() -> Reading {
        let tokens = |texts: &[&str]| {
            texts
                .iter()
                .zip(0..)
                .map(|(text, id)| Token {
                    id,
                    text: (*text).into(),
                    unseen: false,
                })
                .collect()
        };
        Reading {
            clean: tokens(&["When", " John"]),
            corrupted: tokens(&["When", " \"Bob\""]),
            differing: vec![1],
            ..Reading::default()
        }
    }

    pub(crate) fn metric() -> MetricReport {
        MetricReport {
            clean: 3.0,
            corrupted: -1.0,
            advice: None,
        }
    }

    pub(crate) fn grid(site: Site, mode: Mode) -> Grid {
        let experiment = Experiment {
            sweep: Some(Sweep { site, mode }),
            ..Experiment::default()
        };
        let estimate = Estimate {
            plan: PlanReport::default(),
            seconds: 1.0,
        };
        Grid::empty(&experiment, &model(), &reading(), &metric(), &estimate).unwrap()
    }

    #[test]
    fn columns_are_the_patched_runs_tokens_or_the_heads() {
        let tokens = |grid: Grid| -> Vec<_> {
            grid.columns
                .into_iter()
                .map(|c| (c.token, c.differs))
                .collect()
        };
        let when = (Some("When".to_owned()), false);
        assert_eq!(
            tokens(grid(Site::ResidPre, Mode::Denoising)),
            [when.clone(), (Some(" \"Bob\"".into()), true)]
        );
        assert_eq!(
            tokens(grid(Site::MlpOut, Mode::Noising)),
            [when, (Some(" John".into()), true)]
        );
        assert_eq!(tokens(grid(Site::Z, Mode::Noising)), vec![(None, false); 3]);
    }

    #[test]
    fn cells_come_in_one_by_one() {
        let mut grid = grid(Site::ResidPre, Mode::Denoising);
        assert_eq!((grid.progress(), grid.strongest()), ((0, 4), None));
        grid.enter(&[
            (0, 1, 1.0),
            (1, 0, -2.0),
            (1, 1, 1.0),
            (9, 0, 5.0),
            (0, 9, 5.0),
        ]);
        assert_eq!(grid.progress(), (3, 4));
        assert_eq!(grid.strongest(), Some((0, 1)));
        assert_eq!(grid.normalised(0, 1), Some(0.5));
        assert_eq!(grid.normalised(0, 0), None);
        assert!(!grid.is_complete());
    }

    #[test]
    fn one_scale_for_both_modes() {
        let mut noising = grid(Site::ResidPre, Mode::Noising);
        noising.enter(&[(0, 1, -1.0)]);
        assert_eq!(noising.normalised(0, 1), Some(0.0));
        assert_eq!(noising.unpatched(), 3.0);
        assert_eq!(noising.range().place(-1.0), -1.0);
    }
}
