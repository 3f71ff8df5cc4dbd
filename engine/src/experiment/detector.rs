//! A direction as a detector: how well its projection tells prompts apart that
//! it was not found on.

use super::{Site, Token};
use crate::sentence::Says;
use serde::{Deserialize, Serialize};

/// Monitoring: the last token of each held-out prompt is projected on a
/// direction, and at or above a threshold the prompt counts as positive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Detector {
    /// Which of the experiment's directions.
    #[serde(default)]
    pub direction: usize,
    /// The layer read at; the first one that the direction acts at when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// Held-out prompts of the kind that is to be detected.
    pub positive: Vec<String>,
    /// Held-out prompts of the other kind.
    pub negative: Vec<String>,
    /// A projection; midway between the two means of the direction's own
    /// prompts when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

/// What a detector found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DetectorReport {
    /// The direction's name.
    pub direction: String,
    /// The direction's site, at which prompts are read.
    pub site: Site,
    /// The layer read at, from 0.
    pub layer: usize,
    /// The direction's own prompts, where it was found between some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Means>,
    /// Not there where none was given and the direction has no prompts of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// Of the held-out prompts at the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// The positive ones, in the experiment's order, then the negative ones.
    pub prompts: Vec<Detected>,
    /// The ROC curve from (0, 0) to (1, 1), a point for each score, the largest first.
    pub roc: Vec<RocPoint>,
    /// The area under it: the probability that a positive prompt scores higher
    /// than a negative one, ties counted half.
    pub auc: f32,
    /// What directions reach that know nothing of the matter.
    pub controls: DetectorControls,
    /// Whether the area is larger than that of each control.
    pub better: bool,
    /// The same as a sentence.
    pub said: String,
    /// The sentence for other languages.
    #[serde(default)]
    pub says: Says,
    /// What to know before believing the numbers, as sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The same for other languages, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings_say: Vec<Says>,
}

/// Mean projections of a direction's own prompts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Means {
    /// Of the prompts that it points towards.
    pub positive: f32,
    /// Of the prompts that it points away from.
    pub negative: f32,
}

impl Means {
    /// Midway between the two: the threshold where none is given.
    #[must_use]
    pub fn middle(self) -> f32 {
        f32::midpoint(self.positive, self.negative)
    }
}

/// A held-out prompt as the detector sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Detected {
    /// Which side it was given on.
    pub positive: bool,
    /// The prompt as the tokenizer read it, BOS included where it is on.
    pub tokens: Vec<Token>,
    /// Of each token; the last one is the prompt's score.
    pub projections: Vec<f32>,
}

impl Detected {
    /// The projection of its last token, which is held against a threshold.
    #[must_use]
    pub fn score(&self) -> f32 {
        self.projections.last().copied().unwrap_or_default()
    }
}

/// Shares of the positive and of the negative prompts that are detected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rates {
    /// Of the positive prompts, 0 to 1.
    pub true_positive: f32,
    /// Of the negative prompts, 0 to 1.
    pub false_positive: f32,
}

/// A point of a ROC curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RocPoint {
    /// `null` of the first point: above all scores.
    pub threshold: Option<f32>,
    /// What is detected at this threshold.
    pub rates: Rates,
}

/// The area under the curve of directions that know nothing of the matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DetectorControls {
    /// How many random directions were read with, and the largest area of them,
    /// each turned the way that suits it.
    pub random: usize,
    /// The largest area of a random one, 0.5 to 1.
    pub best_random: f32,
    /// The direction that the same method finds with shuffled labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffled: Option<f32>,
}

impl DetectorReport {
    /// The rates of the held-out prompts at any threshold.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // numbers of prompts
    pub fn rates_at(&self, threshold: f32) -> Rates {
        let share = |positive: bool| {
            let side = || self.prompts.iter().filter(|p| p.positive == positive);
            let found = side().filter(|p| p.score() >= threshold).count();
            found as f32 / side().count().max(1) as f32
        };
        Rates {
            true_positive: share(true),
            false_positive: share(false),
        }
    }
}
