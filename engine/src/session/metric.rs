use super::setup::MetricTokens;
use crate::experiment::MetricKind;
use crate::model::{Logits, Wanted};

impl MetricTokens {
    /// What has to be read to compute the metric: the answer's logit first, the
    /// wrong answer's second.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            tokens: vec![self.answer, self.wrong],
            normaliser: self.kind != MetricKind::LogitDifference,
            ..Wanted::default()
        }
    }

    /// The metric of logits read as [`Self::wanted`] says.
    pub fn value(&self, logits: &Logits) -> f32 {
        self.of(logits, logits.tokens[0], logits.tokens[1])
    }

    /// The metric from the answer's and the wrong answer's logits.
    #[allow(clippy::cast_possible_truncation)] // f64 only carried the sum
    pub fn of(&self, logits: &Logits, answer: f32, wrong: f32) -> f32 {
        match self.kind {
            MetricKind::LogitDifference => answer - wrong,
            MetricKind::Probability => logits.log_probability(answer).exp() as f32,
            MetricKind::LogProbability => logits.log_probability(answer) as f32,
        }
    }
}
