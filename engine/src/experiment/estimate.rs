//! What a gradient says that patches would do, before any of them is made.

use super::tree::{field, whole};
use crate::order::order;
use serde::{Deserialize, Deserializer, Serialize};

/// An estimate of every cell of a sweep. To first order a patch changes the metric by its
/// gradient at the activation times the change of the activation (attribution patching:
/// Nanda, 2023; Kramár et al., 2024, arXiv 2403.00745).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Attribution {
    /// Whose gradient it is.
    pub method: AttributionMethod,
    /// So many cells, those that the estimate of the first metric moves the furthest, are
    /// patched, too, to compare it with; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<usize>,
}

/// Of what an estimate takes the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AttributionMethod {
    /// The run that is patched: attribution patching
    Atp,
    /// The same run by relevance instead of the derivative: LayerNorm's deviation is held,
    /// and the activation function is the line through 0 and its value; attention is exact,
    /// as its authors have it for GPT-2 (RelP: Jafari et al., 2025, arXiv 2508.21258)
    Relp,
    /// The mean over runs in which the site is moved from its own activations towards what
    /// a patch brings, at all positions of one layer at a time, in steps of the same size,
    /// the last of which ends there (Sundararajan et al., 2017; Hanna et al., 2024)
    IntegratedGradients {
        /// How many, from 1; 5 is usual.
        points: usize,
    },
}

impl AttributionMethod {
    /// Runs per layer that integrated gradients are taken of, at most.
    pub const MOST_POINTS: usize = 100;
}

/// What an estimate says of a sweep, and how far it is to be trusted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EstimateReport {
    /// Raw metrics as they would be, `[metric][row][column]`: the unpatched run's and the
    /// estimated change; means where there are several pairs or draws. `null` where there
    /// is no such cell, and for a metric without a derivative.
    pub values: Vec<Vec<Vec<Option<f32>>>>,
    /// By metric, how well that agrees with the cells that were patched; `null` where fewer
    /// than two were, or the metric has no derivative.
    pub agreement: Vec<Option<Agreement>>,
}

impl<'de> Deserialize<'de> for EstimateReport {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                values: field(of, "values")?,
                agreement: field(of, "agreement")?,
            })
        })
    }
}

/// How well estimated cells agree with patched ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Agreement {
    /// How many cells both are known of.
    pub cells: usize,
    /// Pearson's correlation over them; `null` where either does not vary.
    pub pearson: Option<f32>,
    /// Spearman's, of their ranks, equal values sharing the mean of theirs.
    pub spearman: Option<f32>,
    /// Where they differ the most.
    pub largest_miss: Miss,
}

impl<'de> Deserialize<'de> for Agreement {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            let miss = &of["largest_miss"];
            Ok(Self {
                cells: field(of, "cells")?,
                pearson: field(of, "pearson")?,
                spearman: field(of, "spearman")?,
                largest_miss: Miss {
                    row: field(miss, "row")?,
                    column: field(miss, "column")?,
                    exact: field(miss, "exact")?,
                    estimate: field(miss, "estimate")?,
                },
            })
        })
    }
}

/// A cell, as it was patched and as it was estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Miss {
    /// From 0.
    pub row: usize,
    /// From 0.
    pub column: usize,
    /// The patched run's metric, raw.
    pub exact: f32,
    /// What was estimated of it.
    pub estimate: f32,
}

impl Agreement {
    /// Compares `[row][column]` of one metric; `None` where fewer than two cells are known
    /// of both.
    #[must_use]
    pub fn of(exact: &[Vec<Option<f32>>], estimate: &[Vec<Option<f32>>]) -> Option<Self> {
        let mut both: Vec<Miss> = Vec::new();
        for (row, (exact, estimate)) in exact.iter().zip(estimate).enumerate() {
            for (column, pair) in exact.iter().zip(estimate).enumerate() {
                if let (Some(exact), Some(estimate)) = pair {
                    let (exact, estimate) = (*exact, *estimate);
                    both.push(Miss {
                        row,
                        column,
                        exact,
                        estimate,
                    });
                }
            }
        }
        let miss = |cell: &Miss| (cell.exact - cell.estimate).abs();
        let largest_miss = *both.iter().max_by(|a, b| miss(a).total_cmp(&miss(b)))?;
        if both.len() < 2 {
            return None;
        }
        let exact: Vec<f64> = both.iter().map(|cell| cell.exact.into()).collect();
        let estimate: Vec<f64> = both.iter().map(|cell| cell.estimate.into()).collect();
        Some(Self {
            cells: both.len(),
            pearson: correlation(&exact, &estimate),
            spearman: correlation(&ranks(&exact), &ranks(&estimate)),
            largest_miss,
        })
    }
}

/// Pearson's correlation.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // counts; f64 carries sums
fn correlation(a: &[f64], b: &[f64]) -> Option<f32> {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (of_a, of_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| f(a - of_a, b - of_b)).sum()
    };
    let (aa, bb) = (sum(&|a, _| a * a), sum(&|_, b| b * b));
    let ab = sum(&|a, b| a * b);
    let found = ab / (aa * bb).sqrt();
    found.is_finite().then_some(found as f32)
}

/// The place of each among all, from 0; equal ones share the mean of theirs.
#[allow(clippy::cast_precision_loss)] // counts
fn ranks(values: &[f64]) -> Vec<f64> {
    let order = order(values.len(), &mut |a, b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let same = order[from..]
            .iter()
            .take_while(|i| values[**i] == values[order[from]]);
        let to = from + same.count().max(1);
        for i in &order[from..to] {
            ranks[*i] = (from + to - 1) as f64 / 2.0;
        }
        from = to;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_is_written() {
        let exact = vec![vec![Some(0.1), Some(0.5), None]];
        let estimate = vec![vec![Some(0.2), Some(0.4), Some(0.9)]];
        let report = EstimateReport {
            agreement: vec![Agreement::of(&exact, &estimate), None],
            values: vec![estimate, vec![vec![None; 3]]],
        };
        assert!(report.agreement[0].is_some());
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            serde_json::from_str::<EstimateReport>(&json).unwrap(),
            report
        );
        let broken = json.replace("\"cells\"", "\"cell\"");
        assert!(serde_json::from_str::<EstimateReport>(&broken).is_err());
    }

    #[test]
    fn agreement_is_scipys() {
        let row = |values: [f32; 5]| vec![values.map(Some).to_vec()];
        let exact = row([0.1, 0.5, 0.5, 2.0, -1.0]);
        let estimate = row([0.2, 0.4, 0.9, 1.0, -3.0]);
        let found = Agreement::of(&exact, &estimate).unwrap();
        assert_eq!(found.cells, 5);
        // scipy.stats.pearsonr and spearmanr, 1.17.
        assert!(
            (found.pearson.unwrap() - 0.825_610_8).abs() < 1e-6,
            "{found:?}"
        );
        assert!(
            (found.spearman.unwrap() - 0.974_679_4).abs() < 1e-6,
            "{found:?}"
        );
        assert_eq!((found.largest_miss.row, found.largest_miss.column), (0, 4));
        let flat = Agreement::of(&row([1.0; 5]), &estimate).unwrap();
        assert_eq!((flat.pearson, flat.spearman), (None, None));
        // A cell that only one of them has is not compared.
        let mut some = estimate.clone();
        some[0][4] = None;
        assert_eq!(Agreement::of(&exact, &some).unwrap().cells, 4);
        assert_eq!(Agreement::of(&exact, &[vec![Some(1.0)]]), None);
    }
}
