//! Directions between two sets of activations.

use super::measure::norm;
use super::probe::{Probe, fit};
use super::sides::Contrast;
use crate::experiment::Method;

/// A direction and what is known of how well it fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// `n_embd` numbers, from the negative side towards the positive one.
    pub vector: Vec<f32>,
    /// Share of the variance along it, 0 to 1, for principal components.
    pub explained: Option<f32>,
}

/// The direction from the negative to the positive side. Principal components
/// and probes have length 1, as the named tools give them.
///
/// Both sides have at least one row, and paired methods as many on each side;
/// rows without a partner are left out.
#[must_use]
pub fn contrast(of: Contrast, method: Method) -> Found {
    match method {
        Method::MeanDifference => {
            let (p, n) = (mean(of.positive), mean(of.negative));
            let vector = p.iter().zip(&n).map(|(p, n)| narrow(p - n)).collect();
            Found {
                vector,
                explained: None,
            }
        }
        Method::PcaDiff => {
            let pairs = of.positive.iter().zip(of.negative);
            let rows = pairs.map(|(p, n)| difference(p, n, 1.0)).collect();
            signed(principal(rows), of)
        }
        Method::PcaCenter => {
            let pairs = of.positive.iter().zip(of.negative);
            let rows = pairs.flat_map(|(p, n)| [difference(p, n, 0.5), difference(n, p, 0.5)]);
            signed(principal(rows.collect()), of)
        }
        Method::Logistic => {
            let Probe { weights, .. } = fit(of);
            let length = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
            let scale = if length > 0.0 { length.recip() } else { 0.0 };
            Found {
                vector: weights.iter().map(|w| narrow(w * scale)).collect(),
                explained: None,
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation)] // f32 is wanted
fn narrow(x: f64) -> f32 {
    x as f32
}

fn difference(a: &[f32], b: &[f32], scale: f64) -> Vec<f64> {
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| scale * (f64::from(*a) - f64::from(*b)))
        .collect()
}

#[allow(clippy::cast_precision_loss)] // numbers of prompts
fn mean(rows: &[Vec<f32>]) -> Vec<f64> {
    let mut sum = vec![0.0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (s, x) in sum.iter_mut().zip(row) {
            *s += f64::from(*x);
        }
    }
    sum.iter().map(|s| s / rows.len() as f64).collect()
}

/// The first principal component of rows, centred first, by way of their
/// `[rows, rows]` matrix of dot products; and the share of variance along it.
#[allow(clippy::cast_precision_loss)] // numbers of prompts
fn principal(mut rows: Vec<Vec<f64>>) -> Found {
    let n = rows.len();
    let width = rows.first().map_or(0, Vec::len);
    for c in 0..width {
        let mean = rows.iter().map(|r| r[c]).sum::<f64>() / n as f64;
        rows.iter_mut().for_each(|r| r[c] -= mean);
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let gram: Vec<f64> = (0..n * n)
        .map(|i| dot(&rows[i / n], &rows[i % n]))
        .collect();
    let total: f64 = (0..n).map(|i| gram[i * n + i]).sum();
    if total <= 0.0 {
        return Found {
            vector: vec![0.0; width],
            explained: Some(0.0),
        };
    }
    // Squared again and again, the matrix becomes a multiple of the outer
    // product of its largest eigenvector: a million steps of power iteration in twenty.
    let mut power = gram.clone();
    for _ in 0..20 {
        let scale = (0..n).map(|i| power[i * n + i]).sum::<f64>().recip();
        power.iter_mut().for_each(|x| *x *= scale);
        // It is symmetric, so a column is a row.
        power = (0..n * n)
            .map(|i| {
                let (a, b) = (i / n * n, i % n * n);
                dot(&power[a..a + n], &power[b..b + n])
            })
            .collect();
    }
    let column = (0..n).max_by(|a, b| power[a * n + a].total_cmp(&power[b * n + b]));
    let column = column.unwrap_or(0) * n;
    let weights = &power[column..column + n];
    let mut vector = vec![0.0; width];
    for (row, weight) in rows.iter().zip(weights) {
        for (v, x) in vector.iter_mut().zip(row) {
            *v += weight * x;
        }
    }
    let length = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|v| *v /= length);
    let along: f64 = rows.iter().map(|r| dot(r, &vector).powi(2)).sum();
    Found {
        vector: vector.into_iter().map(narrow).collect(),
        explained: Some(narrow(along / total)),
    }
}

/// Turned so that in more pairs the positive side lies further along it.
fn signed(mut found: Found, of: Contrast) -> Found {
    let along = |row: &[f32]| -> f64 {
        let pairs = row.iter().zip(&found.vector);
        pairs.map(|(x, v)| f64::from(*x) * f64::from(*v)).sum()
    };
    let pairs = of.positive.iter().zip(of.negative);
    let (mut smaller, mut larger) = (0, 0);
    for (p, n) in pairs {
        match along(p).total_cmp(&along(n)) {
            std::cmp::Ordering::Less => smaller += 1,
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => larger += 1,
        }
    }
    if smaller > larger {
        found.vector.iter_mut().for_each(|v| *v = -*v);
    }
    debug_assert!(norm(&found.vector) < 1.001);
    found
}
