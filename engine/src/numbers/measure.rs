//! Measures of distributions, vectors and texts.

use std::collections::HashSet;

/// Natural logarithms of the softmax of `logits`, in f64.
#[must_use]
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let largest = f64::from(largest);
    let sum: f64 = logits.iter().map(|l| (f64::from(*l) - largest).exp()).sum();
    let normaliser = largest + sum.ln();
    logits.iter().map(|l| f64::from(*l) - normaliser).collect()
}

/// KL(p || q) in nats, from their logarithms; never negative by rounding.
#[must_use]
pub fn kl(p: &[f64], q: &[f64]) -> f64 {
    let sum: f64 = p.iter().zip(q).map(|(p, q)| p.exp() * (p - q)).sum();
    sum.max(0.0)
}

/// The `k` largest: their places and values, largest first, the smaller place
/// first among equals.
#[must_use]
pub fn top(values: &[f32], k: usize) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(k + 1);
    for (i, v) in (0..).zip(values) {
        if best.len() == k && best.last().is_some_and(|b| b.1 >= *v) {
            continue;
        }
        let place = best.partition_point(|b| b.1 >= *v);
        best.insert(place, (i, *v));
        best.truncate(k);
    }
    best
}

/// The standard deviation of rows along a direction, that of the rows
/// themselves (divided by their number).
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // counts; f64 only carried the sums
pub fn deviation(rows: &[Vec<f32>], along: &[f32]) -> f32 {
    let length: f64 = along.iter().map(|x| f64::from(*x).powi(2)).sum();
    if length == 0.0 || rows.is_empty() {
        return 0.0;
    }
    let dot = |row: &Vec<f32>| -> f64 {
        let pairs = row.iter().zip(along);
        pairs.map(|(x, v)| f64::from(*x) * f64::from(*v)).sum()
    };
    let places: Vec<f64> = rows.iter().map(|r| dot(r) / length.sqrt()).collect();
    let mean = places.iter().sum::<f64>() / places.len() as f64;
    let squares: f64 = places.iter().map(|p| (p - mean).powi(2)).sum();
    (squares / places.len() as f64).sqrt() as f32
}

/// Euclidean length.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // f64 only carried the sum
pub fn norm(v: &[f32]) -> f32 {
    v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt() as f32
}

/// Cosine of the angle between two vectors of one width; 0 where either has no length.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // f64 only carried the sum
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum();
    let lengths = f64::from(norm(a)) * f64::from(norm(b));
    if lengths == 0.0 {
        0.0
    } else {
        (dot / lengths) as f32
    }
}

/// Distinct pairs of neighbours in `texts`, as a share of all pairs (Li et
/// al., 2016's distinct-2); 1 where there is no pair.
#[must_use]
#[allow(clippy::cast_precision_loss)] // small counts
pub fn distinct(texts: &[Vec<u32>]) -> f32 {
    let pairs = || texts.iter().flat_map(|t| t.windows(2));
    let distinct: HashSet<&[u32]> = pairs().collect();
    match pairs().count() {
        0 => 1.0,
        all => distinct.len() as f32 / all as f32,
    }
}

/// The dot product with `v` at length 1.
#[must_use]
pub fn projection(x: &[f32], v: &[f32]) -> f32 {
    cosine(x, v) * norm(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_small_cases() {
        let p = log_softmax(&[0.0, 0.0]);
        assert!((p[0] - 0.5f64.ln()).abs() < 1e-12);
        let q = log_softmax(&[0.0, 3f32.ln()]);
        // 1/2 ln(2) + 1/2 ln(2/3)
        let expected = 0.5 * 2f64.ln() + 0.5 * (2.0f64 / 3.0).ln();
        assert!((kl(&p, &q) - expected).abs() < 1e-6);
        assert_eq!(kl(&p, &p), 0.0);
        assert_eq!(
            top(&[1.0, 3.0, 3.0, 2.0], 3),
            [(1, 3.0), (2, 3.0), (3, 2.0)]
        );
        assert_eq!(top(&[1.0], 3), [(0, 1.0)]);
        assert!((cosine(&[1.0, 0.0], &[1.0, 1.0]) - 0.5f32.sqrt()).abs() < 1e-6);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
        assert_eq!(distinct(&[vec![1, 2, 1, 2, 1]]), 0.5);
        assert_eq!(distinct(&[vec![1]]), 1.0);
    }
}
