//! What is measured of a run: numbers made from the logits at its last position.

use super::TokenRef;
use serde::{Deserialize, Serialize};

/// A number computed from the logits at the last position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// What is computed of the logits.
    pub kind: MetricKind,
    /// The token, or the set of tokens, that the clean run should predict.
    pub answer: Tokens,
    /// What it is compared with; only the differences need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Tokens>,
}

/// One token, or a set of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Tokens {
    /// One token.
    One(TokenRef),
    /// A set, of which logits are averaged and probabilities summed.
    Any(Vec<TokenRef>),
}

impl Tokens {
    /// The tokens, however many.
    #[must_use]
    pub fn list(&self) -> &[TokenRef] {
        match self {
            Self::One(token) => std::slice::from_ref(token),
            Self::Any(tokens) => tokens,
        }
    }
}

impl From<&str> for Tokens {
    fn from(text: &str) -> Self {
        Self::One(TokenRef::Text(text.into()))
    }
}

/// What is computed of the next token's logits, or of their softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// logit(answer) - logit(wrong), each the mean over its set
    LogitDifference,
    /// softmax probability of the answer, 0 to 1, the sum over its set
    Probability,
    /// natural logarithm of that probability
    LogProbability,
    /// probability(answer) - probability(wrong), each the sum over its set
    /// (Hanna et al., 2023, for greater-than)
    ProbabilityDifference,
    /// how many tokens have a larger logit than the answer's best: 0 is the
    /// likeliest
    Rank,
    /// Kullback-Leibler divergence of this run's next token from the clean
    /// run's, KL(clean || run), in nats
    Kl,
    /// minus the log probability of the answer, in nats
    CrossEntropy,
}

impl MetricKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 7] = [
        Self::LogitDifference,
        Self::Probability,
        Self::LogProbability,
        Self::ProbabilityDifference,
        Self::Rank,
        Self::Kl,
        Self::CrossEntropy,
    ];

    /// Whether the answer is compared with a wrong one.
    #[must_use]
    pub fn compares(self) -> bool {
        matches!(self, Self::LogitDifference | Self::ProbabilityDifference)
    }
}
