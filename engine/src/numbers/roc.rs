//! Receiver operating characteristic: how well scores tell two sets apart, at
//! every threshold at once (Fawcett, 2006).

use crate::experiment::{Rates, RocPoint};

/// The curve from (0, 0) to (1, 1): a point for each distinct score as the
/// threshold, the largest first, as scikit-learn's `roc_curve` without
/// dropping points on a line. Neither side is empty.
#[must_use]
#[allow(clippy::cast_precision_loss)] // numbers of prompts
pub fn roc(positive: &[f32], negative: &[f32]) -> Vec<RocPoint> {
    let mut scores: Vec<f32> = positive.iter().chain(negative).copied().collect();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    scores.dedup();
    let share = |side: &[f32], threshold: f32| {
        let found = side.iter().filter(|s| **s >= threshold).count();
        found as f32 / side.len().max(1) as f32
    };
    let at = |threshold: f32| RocPoint {
        threshold: Some(threshold),
        rates: Rates {
            true_positive: share(positive, threshold),
            false_positive: share(negative, threshold),
        },
    };
    let start = RocPoint {
        threshold: None,
        rates: Rates::default(),
    };
    std::iter::once(start)
        .chain(scores.into_iter().map(at))
        .collect()
}

/// The area under the curve, as the share of pairs in which the positive score
/// is the larger, equal ones counted half (Mann and Whitney's U).
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // a share of few pairs
pub fn auc(positive: &[f32], negative: &[f32]) -> f32 {
    let won = |p: f32, n: f32| match p.total_cmp(&n) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    };
    let pairs = positive
        .iter()
        .flat_map(|p| negative.iter().map(|n| won(*p, *n)));
    let count = (positive.len() * negative.len()).max(1);
    (pairs.sum::<f64>() / count as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The trapezoids under the curve are the area that ranks give.
    #[test]
    fn the_area_under_the_curve_is_that_of_the_ranks() {
        let (positive, negative) = ([3.0, 2.0, 2.0, 0.5], [2.0, 1.0, -1.0]);
        let curve = roc(&positive, &negative);
        let area: f32 = curve
            .windows(2)
            .map(|w| {
                let [a, b] = [w[0].rates, w[1].rates];
                (b.false_positive - a.false_positive)
                    * f32::midpoint(a.true_positive, b.true_positive)
            })
            .sum();
        // 3 + (2 + 1/2) + (2 + 1/2) + 1 of twelve pairs.
        assert!((auc(&positive, &negative) - 9.0 / 12.0).abs() < 1e-6);
        assert!((area - auc(&positive, &negative)).abs() < 1e-6);
        // Five distinct scores, and the start.
        assert_eq!(curve.len(), 6);
        let last = curve.last().map(|p| p.rates);
        assert_eq!(
            last,
            Some(Rates {
                true_positive: 1.0,
                false_positive: 1.0
            })
        );
    }
}
