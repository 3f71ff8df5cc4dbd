//! Metrics: what has to be read of a run, and the numbers made of it.

use crate::experiment::MetricKind;
use crate::model::{Logits, Wanted};
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
