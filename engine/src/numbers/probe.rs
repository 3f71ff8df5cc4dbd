//! Linear probes: logistic regression with an L2 penalty, as scikit-learn's
//! `LogisticRegression` with its defaults (C = 1, an intercept that is not penalised).

use super::sides::Contrast;

/// `p(positive) = sigmoid(weights . x + bias)`
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub weights: Vec<f64>,
    pub bias: f64,
}

impl Probe {
    /// The log odds that `x` is on the positive side.
    #[must_use]
    pub fn score(&self, x: &[f32]) -> f64 {
        let pairs = self.weights.iter().zip(x);
        self.bias + pairs.map(|(w, x)| w * f64::from(*x)).sum::<f64>()
    }
}

/// The probe that minimises `|w|^2 / 2 + sum(log loss)`.
///
/// The best `w` is a sum of the rows, `X^T a`, so Newton's method runs on one
/// number a row and not one a column: each step solves a weighted ridge
/// regression (iteratively reweighted least squares), halved where it overshoots.
#[must_use]
pub fn fit(of: Contrast) -> Probe {
    let rows: Vec<&[f32]> = of
        .positive
        .iter()
        .chain(of.negative)
        .map(Vec::as_slice)
        .collect();
    let n = rows.len();
    let label = |i: usize| if i < of.positive.len() { 1.0 } else { 0.0 };
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let mut kernel = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            kernel[i * n + j] = dot(rows[i], rows[j]);
            kernel[j * n + i] = kernel[i * n + j];
        }
    }
    let scores = |a: &[f64]| -> Vec<f64> {
        let weighted = |i: usize| -> f64 {
            let row = &kernel[i * n..(i + 1) * n];
            row.iter().zip(a).map(|(k, a)| k * a).sum()
        };
        (0..n).map(|i| weighted(i) + a[n]).collect()
    };
    let loss = |a: &[f64], scores: &[f64]| -> f64 {
        let penalty: f64 = (0..n).map(|i| a[i] * (scores[i] - a[n])).sum();
        let log_loss = |i: usize| {
            let s = if label(i) == 1.0 {
                -scores[i]
            } else {
                scores[i]
            };
            s.max(0.0) + (-s.abs()).exp().ln_1p()
        };
        penalty / 2.0 + (0..n).map(log_loss).sum::<f64>()
    };
    // One number a row, then the intercept.
    let mut a = vec![0.0; n + 1];
    let mut now = scores(&a);
    let mut best = loss(&a, &now);
    for _ in 0..100 {
        let m = n + 1;
        let mut system = vec![0.0; m * (m + 1)];
        for i in 0..n {
            let p = sigmoid(now[i]);
            let w = (p * (1.0 - p)).max(1e-12);
            let row = &mut system[i * (m + 1)..(i + 1) * (m + 1)];
            row[..n].copy_from_slice(&kernel[i * n..(i + 1) * n]);
            row[i] += w.recip();
            row[n] = 1.0;
            row[m] = now[i] + (label(i) - p) / w;
        }
        // Stationary in the intercept: the numbers of the rows sum to nothing.
        system[n * (m + 1)..n * (m + 1) + n].fill(1.0);
        let Some(aim) = solve(system, m) else { break };
        let mut step = 1.0;
        let mut moved = 0.0;
        while step > 1e-6 {
            let next: Vec<f64> = a
                .iter()
                .zip(&aim)
                .map(|(a, b)| a + step * (b - a))
                .collect();
            let at = scores(&next);
            let found = loss(&next, &at);
            if found <= best {
                moved = best - found;
                (a, now, best) = (next, at, found);
                break;
            }
            step /= 2.0;
        }
        if moved <= 1e-12 * best.max(1e-12) {
            break;
        }
    }
    let mut weights = vec![0.0; rows.first().map_or(0, |r| r.len())];
    for (row, a) in rows.iter().zip(&a) {
        for (w, x) in weights.iter_mut().zip(*row) {
            *w += a * f64::from(*x);
        }
    }
    Probe {
        weights,
        bias: a[n],
    }
}

fn sigmoid(x: f64) -> f64 {
    (1.0 + (-x).exp()).recip()
}

/// Solves `m` equations, given as rows of `m + 1` numbers, by elimination with
/// the largest pivot of each column; `None` where they have no one solution.
fn solve(mut a: Vec<f64>, m: usize) -> Option<Vec<f64>> {
    let w = m + 1;
    for c in 0..m {
        let pivot = (c..m).max_by(|i, j| a[i * w + c].abs().total_cmp(&a[j * w + c].abs()))?;
        if a[pivot * w + c].abs() < 1e-300 {
            return None;
        }
        for k in 0..w {
            a.swap(c * w + k, pivot * w + k);
        }
        for r in c + 1..m {
            let factor = a[r * w + c] / a[c * w + c];
            if factor != 0.0 {
                for k in c..w {
                    a[r * w + k] -= factor * a[c * w + k];
                }
            }
        }
    }
    let mut x = vec![0.0; m];
    for r in (0..m).rev() {
        let known: f64 = (r + 1..m).map(|k| a[r * w + k] * x[k]).sum();
        x[r] = (a[r * w + m] - known) / a[r * w + r];
    }
    Some(x)
}

/// How many folds examples are held out in: five, or as many as the smaller side
/// has examples. `None` where that is fewer than two.
#[must_use]
pub fn folds(of: Contrast) -> Option<usize> {
    let k = 5.min(of.positive.len()).min(of.negative.len());
    (k >= 2).then_some(k)
}

/// How many of the examples held out in a fold are told right: example `i` of each
/// side is held out in fold `i % k`. One probe is fitted.
#[must_use]
pub fn told_right(of: Contrast, k: usize, fold: usize) -> usize {
    let split = |rows: &[Vec<f32>]| -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        let (held, kept): (Vec<_>, Vec<_>) = rows
            .iter()
            .cloned()
            .enumerate()
            .partition(|(i, _)| i % k == fold);
        let rows = |side: Vec<(usize, Vec<f32>)>| side.into_iter().map(|(_, r)| r).collect();
        (rows(held), rows(kept))
    };
    let (held_positive, positive) = split(of.positive);
    let (held_negative, negative) = split(of.negative);
    let probe = fit(Contrast {
        positive: &positive,
        negative: &negative,
    });
    let above = held_positive.iter().filter(|x| probe.score(x) > 0.0);
    let below = held_negative.iter().filter(|x| probe.score(x) <= 0.0);
    above.count() + below.count()
}

/// Share of held-out examples told right, over all folds; `None` where a side has
/// fewer than two.
#[must_use]
#[allow(clippy::cast_precision_loss)] // numbers of prompts
pub fn accuracy(of: Contrast) -> Option<f32> {
    let k = folds(of)?;
    let right: usize = (0..k).map(|fold| told_right(of, k, fold)).sum();
    Some(right as f32 / (of.positive.len() + of.negative.len()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::normals;

    fn cloud(seed: u64, n: usize, shift: f32) -> Vec<Vec<f32>> {
        let draw = |i: usize| {
            let mut x = normals(seed + i as u64, 6);
            x[2] += shift;
            x
        };
        (0..n).map(draw).collect()
    }

    #[test]
    fn the_gradient_vanishes_at_the_fit() {
        let (positive, negative) = (cloud(0, 20, 0.8), cloud(100, 15, -0.8));
        let of = Contrast {
            positive: &positive,
            negative: &negative,
        };
        let probe = fit(of);
        let rows = positive
            .iter()
            .map(|x| (x, 1.0))
            .chain(negative.iter().map(|x| (x, 0.0)));
        let mut gradient = probe.weights.clone();
        let mut of_bias = 0.0;
        for (x, y) in rows {
            let error = sigmoid(probe.score(x)) - y;
            of_bias += error;
            for (g, x) in gradient.iter_mut().zip(x) {
                *g += error * f64::from(*x);
            }
        }
        assert!(
            of_bias.abs() < 1e-6 && gradient.iter().all(|g| g.abs() < 1e-6),
            "{gradient:?}"
        );
        assert!(accuracy(of).unwrap() > 0.7);
    }

    #[test]
    fn luck_alone_is_near_one_half() {
        let (positive, negative) = (cloud(0, 60, 0.0), cloud(100, 60, 0.0));
        let of = Contrast {
            positive: &positive,
            negative: &negative,
        };
        let found = accuracy(of).unwrap();
        assert!((0.3..0.7).contains(&found), "{found}");
        let one = Contrast {
            positive: &positive[..1],
            ..of
        };
        assert_eq!(accuracy(one), None);
    }
}
