//! Results of many pairs or draws: their means, and how sure they are.

use super::bases::Group;
use super::setup::Setup;
use crate::experiment::{Counters, Frame, Interval, PlanReport, SweepReport};
use crate::host::{Host, Task};
use crate::model::Cancelled;
use crate::numbers::resamples;

/// Resamples of a bootstrap: enough for 95 % intervals to two digits.
const RESAMPLES: usize = 400;

/// Values that are handed back for each pair at most; means and intervals are
/// there for any number.
const MOST_TOLD: usize = 1_000_000;

/// What was found of every cell for every case.
pub(crate) struct Tally {
    cases: usize,
    metrics_count: usize,
    /// By sweep: rows, columns, and the metrics of `[cell][case]`, empty where not found.
    grids: Vec<Grid>,
    /// Metrics of the clean and the corrupted run of each case so far.
    pub metrics: Vec<[Vec<f32>; 2]>,
}

struct Grid {
    rows: usize,
    columns: usize,
    found: Vec<Vec<f32>>,
}

/// A sweep, a row and a column.
type At = (usize, usize, usize);

impl Tally {
    pub fn new(setup: &Setup, frames: &[Frame]) -> Self {
        let cases = setup.cases.len();
        let grid = |frame: &Frame| {
            let (rows, columns) = (frame.rows.len(), frame.columns.len());
            Grid {
                rows,
                columns,
                found: vec![Vec::new(); rows * columns * cases],
            }
        };
        Self {
            cases,
            metrics_count: setup.metrics,
            grids: frames.iter().map(grid).collect(),
            metrics: Vec::new(),
        }
    }

    /// Notes the metrics of a group's own runs.
    pub fn bases(&mut self, group: &Group) {
        self.metrics.extend(group.metrics());
    }

    pub fn enter(&mut self, at: At, case: usize, values: Vec<f32>) {
        let cases = self.cases;
        if let Some(grid) = self.grids.get_mut(at.0) {
            let cell = at.1 * grid.columns + at.2;
            if let Some(found) = grid.found.get_mut(cell * cases + case) {
                *found = values;
            }
        }
    }

    /// What was found of a cell, case by case.
    fn found(&self, (sweep, row, column): At) -> impl Iterator<Item = (usize, &Vec<f32>)> {
        let grid = &self.grids[sweep];
        let cell = row * grid.columns + column;
        let of_cell = &grid.found[cell * self.cases..(cell + 1) * self.cases];
        of_cell.iter().enumerate().filter(|(_, v)| !v.is_empty())
    }

    /// The means of a cell's metrics over the cases found so far.
    pub fn means(&self, at: At) -> Vec<f32> {
        let mut sums = vec![0.0f64; self.metrics_count];
        let mut count = 0.0;
        for (_, values) in self.found(at) {
            sums.iter_mut()
                .zip(values)
                .for_each(|(s, v)| *s += f64::from(*v));
            count += 1.0;
        }
        #[allow(clippy::cast_possible_truncation)] // f64 only carried the sums
        sums.iter().map(|s| (s / count) as f32).collect()
    }

    pub async fn report(
        &self,
        sweep: usize,
        frame: Frame,
        plan: PlanReport,
        (seconds, engines, device): (f64, usize, Option<Counters>),
        task: Task<'_, impl Host>,
    ) -> Result<SweepReport, Cancelled> {
        let several = self.cases > 1;
        let grid = &self.grids[sweep];
        let told = self.cases * grid.rows * grid.columns * self.metrics_count <= MOST_TOLD;
        Ok(SweepReport {
            values: self.each(sweep, |at, m| {
                let mut found = self.found(at).peekable();
                found.peek()?;
                self.means(at).get(m).copied()
            }),
            intervals: match several {
                true => self.intervals(sweep, task).await?,
                false => Vec::new(),
            },
            pairs: match several && told {
                true => (0..self.cases)
                    .map(|case| self.of_case(sweep, case))
                    .collect(),
                false => Vec::new(),
            },
            estimate: None,
            frame,
            plan,
            seconds,
            engines,
            device,
        })
    }

    fn of_case(&self, sweep: usize, case: usize) -> Vec<Vec<Vec<Option<f32>>>> {
        let grid = &self.grids[sweep];
        self.each(sweep, |(_, row, column), m| {
            let cell = row * grid.columns + column;
            grid.found[cell * self.cases + case].get(m).copied()
        })
    }

    /// Percentile intervals of the ratio of means (Efron and Tibshirani, 1993):
    /// cases are drawn again with replacement, the same for every cell.
    async fn intervals(
        &self,
        sweep: usize,
        task: Task<'_, impl Host>,
    ) -> Result<Vec<Vec<Vec<Option<Interval>>>>, Cancelled> {
        let draws = resamples(0, RESAMPLES, self.cases);
        let grid = &self.grids[sweep];
        let mut all = Vec::new();
        for m in 0..self.metrics_count {
            let sum = |draw: &Vec<usize>, of: &dyn Fn(usize) -> f32| -> f64 {
                draw.iter().map(|c| f64::from(of(*c))).sum()
            };
            // The ends of the scale are the same for every cell.
            let base = |run: usize| -> Vec<f64> {
                let of = |c: usize| self.metrics[c][run][m];
                draws.iter().map(|draw| sum(draw, &of)).collect()
            };
            let (clean, corrupted) = (base(0), base(1));
            let interval = |at: At| {
                let found: Vec<f32> = self.found(at).map(|(_, values)| values[m]).collect();
                if found.len() < self.cases {
                    return None;
                }
                let shares = draws.iter().zip(clean.iter().zip(&corrupted));
                let shares = shares.map(|(draw, (clean, corrupted))| {
                    (sum(draw, &|c| found[c]) - corrupted) / (clean - corrupted)
                });
                percentiles(shares.filter(|s| s.is_finite()).collect())
            };
            let mut rows = Vec::new();
            for row in 0..grid.rows {
                let mut cells = Vec::new();
                for column in 0..grid.columns {
                    task.host.breathe().await?;
                    cells.push(interval((sweep, row, column)));
                }
                rows.push(cells);
            }
            all.push(rows);
        }
        Ok(all)
    }

    /// `[metric][row][column]`
    fn each<T>(
        &self,
        sweep: usize,
        of: impl Fn(At, usize) -> Option<T>,
    ) -> Vec<Vec<Vec<Option<T>>>> {
        let grid = &self.grids[sweep];
        let row = |m: usize, row: usize| -> Vec<Option<T>> {
            (0..grid.columns)
                .map(|column| of((sweep, row, column), m))
                .collect()
        };
        (0..self.metrics_count)
            .map(|m| (0..grid.rows).map(|r| row(m, r)).collect())
            .collect()
    }
}

/// The middle 95 % of all resamples; nothing where some of them have no value.
fn percentiles(mut shares: Vec<f64>) -> Option<Interval> {
    if shares.len() < RESAMPLES {
        return None;
    }
    shares.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation)] // f64 only carried the sums
    let at = |i: usize| shares[i] as f32;
    Some((at(RESAMPLES / 40), at(RESAMPLES - 1 - RESAMPLES / 40)))
}
