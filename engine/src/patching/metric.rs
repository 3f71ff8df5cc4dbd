//! Metrics: what has to be read of a run, and the numbers made of it.

use crate::experiment::MetricKind;
use crate::model::{Logits, Slope, Wanted};
use std::collections::HashMap;

/// A metric of one pair of prompts, as token ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetricTokens {
    pub kind: MetricKind,
    pub answers: Vec<u32>,
    /// Empty where the metric compares with nothing.
    pub wrongs: Vec<u32>,
}

/// Ranks are told apart by more than rounding: two logits of equal weights may
/// differ by this much, relative to their size.
const ROUNDING: f32 = 1e-6;

/// Everything that some metrics want of a run's logits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    tokens: Vec<u32>,
    at: HashMap<u32, usize>,
    normaliser: bool,
    all: bool,
}

impl Wishes {
    pub fn of<'a>(metrics: impl IntoIterator<Item = &'a MetricTokens>) -> Self {
        let mut wishes = Self::default();
        for metric in metrics {
            wishes.add(metric.answers.iter().chain(&metric.wrongs));
            let kind = metric.kind;
            wishes.normaliser |= !matches!(kind, MetricKind::LogitDifference | MetricKind::Rank);
            wishes.all |= matches!(kind, MetricKind::Rank | MetricKind::Kl);
        }
        wishes
    }

    /// The same for their derivatives, too: most depend on every logit.
    pub fn with_slopes(mut self, metrics: &[MetricTokens]) -> Self {
        let of_all =
            |m: &MetricTokens| !matches!(m.kind, MetricKind::LogitDifference | MetricKind::Rank);
        self.all |= metrics.iter().any(of_all);
        self
    }

    /// Tokens whose logits are wanted besides.
    pub fn add<'a>(&mut self, tokens: impl IntoIterator<Item = &'a u32>) {
        for token in tokens {
            self.at.entry(*token).or_insert_with(|| {
                self.tokens.push(*token);
                self.tokens.len() - 1
            });
        }
    }

    pub fn wanted(&self) -> Wanted {
        Wanted {
            tokens: self.tokens.clone(),
            normaliser: self.normaliser,
            top: 0,
            all: self.all,
        }
    }

    /// A token's logit among those read; NaN where it was not asked for.
    fn logit(&self, logits: &Logits, token: u32) -> f32 {
        let at = self.at.get(&token).and_then(|i| logits.tokens.get(*i));
        at.copied().unwrap_or(f32::NAN)
    }

    /// A metric of logits that were read as [`Self::wanted`] says; `clean` are
    /// the clean run's.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // f64 only carries sums
    pub fn value(&self, metric: &MetricTokens, logits: &Logits, clean: &Logits) -> f32 {
        let logit = |token: &u32| self.logit(logits, *token);
        let mean = |set: &[u32]| set.iter().map(logit).sum::<f32>() / set.len() as f32;
        let probability = |set: &[u32]| -> f64 {
            let each = set.iter().map(|t| logits.log_probability(logit(t)).exp());
            each.sum()
        };
        match metric.kind {
            MetricKind::LogitDifference => mean(&metric.answers) - mean(&metric.wrongs),
            MetricKind::Probability => probability(&metric.answers) as f32,
            MetricKind::LogProbability => self.log_probability(&metric.answers, logits) as f32,
            MetricKind::CrossEntropy => -self.log_probability(&metric.answers, logits) as f32,
            MetricKind::ProbabilityDifference => {
                (probability(&metric.answers) - probability(&metric.wrongs)) as f32
            }
            MetricKind::Rank => {
                let best = metric
                    .answers
                    .iter()
                    .map(logit)
                    .fold(f32::NEG_INFINITY, f32::max);
                let above = best + ROUNDING * best.abs().max(1.0);
                logits.all.iter().filter(|l| **l > above).count() as f32
            }
            MetricKind::Kl => {
                let terms = clean.all.iter().zip(&logits.all).map(|(c, l)| {
                    let c = clean.log_probability(*c);
                    c.exp() * (c - logits.log_probability(*l))
                });
                terms.sum::<f64>() as f32
            }
        }
    }

    /// A metric's derivative with respect to the logits that it is made of, which were
    /// read as [`Self::with_slopes`] says; `None` of a rank, which has none.
    pub fn slope(&self, metric: &MetricTokens, logits: &Logits, clean: &Logits) -> Option<Slope> {
        let probability = |logit: &f32| logits.log_probability(*logit).exp();
        // d p(set) / d logit = p (whether it is in the set - p(set))
        let of_set = |set: &[u32], by: f64, slope: &mut [f64]| {
            let in_set = |t: &u32| logits.all.get(*t as usize).map_or(0.0, probability);
            let whole: f64 = set.iter().map(in_set).sum();
            for (slope, logit) in slope.iter_mut().zip(&logits.all) {
                *slope -= by * probability(logit) * whole;
            }
            for t in set {
                if let Some(slope) = slope.get_mut(*t as usize) {
                    *slope += by * in_set(t);
                }
            }
        };
        let mut slope = vec![0.0; logits.all.len()];
        match metric.kind {
            MetricKind::LogitDifference => return Some(Slope::Tokens(difference(metric))),
            MetricKind::Rank => return None,
            MetricKind::Probability => of_set(&metric.answers, 1.0, &mut slope),
            MetricKind::ProbabilityDifference => {
                of_set(&metric.answers, 1.0, &mut slope);
                of_set(&metric.wrongs, -1.0, &mut slope);
            }
            MetricKind::LogProbability | MetricKind::CrossEntropy => {
                let sign = match metric.kind == MetricKind::CrossEntropy {
                    true => -1.0,
                    false => 1.0,
                };
                // Shares within the set by their logarithms, whose sum may be tiny.
                let whole = self.log_probability(&metric.answers, logits);
                for (slope, logit) in slope.iter_mut().zip(&logits.all) {
                    *slope = -sign * probability(logit);
                }
                for t in &metric.answers {
                    let share = logits
                        .all
                        .get(*t as usize)
                        .map(|logit| (logits.log_probability(*logit) - whole).exp());
                    if let (Some(slope), Some(share)) = (slope.get_mut(*t as usize), share) {
                        *slope += sign * share;
                    }
                }
            }
            MetricKind::Kl => {
                for ((slope, l), c) in slope.iter_mut().zip(&logits.all).zip(&clean.all) {
                    *slope = probability(l) - clean.log_probability(*c).exp();
                }
            }
        }
        #[allow(clippy::cast_possible_truncation)] // f64 only carried the sums
        Some(Slope::All(slope.into_iter().map(|s| s as f32).collect()))
    }

    /// `log(sum(p))` over a set, exact where the probabilities are tiny.
    pub fn log_probability(&self, set: &[u32], logits: &Logits) -> f64 {
        let each = |t: &u32| logits.log_probability(self.logit(logits, *t));
        match set {
            [one] => each(one),
            _ => {
                let logs: Vec<f64> = set.iter().map(each).collect();
                let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                most + logs.iter().map(|l| (l - most).exp()).sum::<f64>().ln()
            }
        }
    }
}

/// The derivative of a logit difference: the same at any logits. Tokens that are on both
/// sides count as often as they are named.
#[allow(clippy::cast_precision_loss)] // small sets
fn difference(metric: &MetricTokens) -> Vec<(u32, f32)> {
    let mut slope: Vec<(u32, f32)> = Vec::new();
    for (set, sign) in [(&metric.answers, 1.0), (&metric.wrongs, -1.0)] {
        for token in set {
            let by = sign / set.len() as f32;
            match slope.iter_mut().find(|(id, _)| id == token) {
                Some((_, sum)) => *sum += by,
                None => slope.push((*token, by)),
            }
        }
    }
    slope
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::log_softmax;

    /// Logits as a run's are read.
    fn read(wishes: &Wishes, all: &[f32]) -> Logits {
        let wanted = wishes.wanted().tokens;
        Logits {
            tokens: wanted.iter().map(|t| all[*t as usize]).collect(),
            log_sum_exp: f64::from(all[0]) - log_softmax(all)[0],
            top: Vec::new(),
            all: all.to_vec(),
        }
    }

    #[test]
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // small
    fn slopes_are_those_of_the_values() {
        let logits: Vec<f32> = (0..9).map(|i| (i as f32 * 1.7).sin() * 2.0).collect();
        let clean: Vec<f32> = (0..9).map(|i| (i as f32 * 0.9).cos() * 2.0).collect();
        for kind in MetricKind::ALL {
            // A token on both sides counts for both.
            for (answers, wrongs) in [(vec![2], vec![5]), (vec![2, 7, 3], vec![5, 3])] {
                let metric = MetricTokens {
                    kind,
                    answers,
                    wrongs,
                };
                let wishes = Wishes::of([&metric]).with_slopes(std::slice::from_ref(&metric));
                let clean = read(&wishes, &clean);
                let found = wishes.slope(&metric, &read(&wishes, &logits), &clean);
                let Some(found) = found else {
                    assert_eq!(kind, MetricKind::Rank);
                    continue;
                };
                let found: Vec<f32> = match found {
                    Slope::All(all) => all,
                    Slope::Tokens(tokens) => {
                        let mut all = vec![0.0; logits.len()];
                        tokens.iter().for_each(|(t, by)| all[*t as usize] += by);
                        all
                    }
                };
                for (i, found) in found.iter().enumerate() {
                    let at = |by: f32| {
                        let mut moved = logits.clone();
                        moved[i] += by;
                        wishes.value(&metric, &read(&wishes, &moved), &clean)
                    };
                    let central = (at(1e-2) - at(-1e-2)) / 2e-2;
                    assert!(
                        (found - central).abs() < 2e-4,
                        "{kind:?} of token {i}: {found}, {central}"
                    );
                }
            }
        }
    }
}
