//! What a detector shows, in sentences.

use crate::sentence::{Says, Sentence};
use serde::Serialize;
use std::fmt;

/// Whether a direction tells the two kinds of prompts apart.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DetectorTold {
    #[error(
        "{area}, but the best of {random} random directions reaches {best:.2}: it does no better than random."
    )]
    AsRandom {
        area: Area,
        random: usize,
        best: f32,
    },
    #[error(
        "{area}; the best of {random} random directions reaches {best:.2}, but the direction found with shuffled labels {shuffled:.2}: the labels do not matter."
    )]
    AsShuffled {
        area: Area,
        random: usize,
        best: f32,
        shuffled: f32,
    },
    #[error(
        "{area}, more than the best of {random} random directions ({best:.2}) and than the direction found with shuffled labels ({shuffled:.2})."
    )]
    Better {
        area: Area,
        random: usize,
        best: f32,
        shuffled: f32,
    },
    #[error("{area}, more than the best of {random} random directions ({best:.2}).")]
    BetterThanRandom {
        area: Area,
        random: usize,
        best: f32,
    },
}

impl Sentence for DetectorTold {
    fn says(&self) -> Says {
        Says::of("detector", self)
    }
}

/// The area under the curve, and of how many prompts.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Area {
    pub auc: f32,
    pub positive: usize,
    pub negative: usize,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            auc,
            positive,
            negative,
        } = self;
        write!(
            f,
            "On {positive} positive and {negative} negative held-out prompts the area under the curve is {auc:.2} (0.5 is chance, 1 is perfect)"
        )
    }
}

/// What to know before believing a detector's numbers.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DetectorWarning {
    #[error(
        "This direction has no prompts of its own to choose a threshold by; give one, or judge by the whole curve."
    )]
    NoThreshold,
    #[error(
        "{count} of the held-out prompts, such as “{first}”, are among those that the direction was found on, so the curve is too good; take others."
    )]
    SeenBefore { count: usize, first: String },
    #[error("“{prompt}” stands on both sides; no detector can be right about it.")]
    OnBothSides { prompt: String },
    #[error(
        "The smaller side has {count} of the held-out prompts: too few for the rates to say much."
    )]
    Few { count: usize },
    #[error(
        "Of the direction's own prompts the negative ones lie further along it: it points the wrong way here."
    )]
    WrongWay,
}

impl Sentence for DetectorWarning {
    fn says(&self) -> Says {
        Says::of("warning", self)
    }
}
