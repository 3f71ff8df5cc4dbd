//! What a map shows, in sentences.

use crate::experiment::Effect;
use crate::sentence::{Says, Sentence};
use serde::Serialize;
use std::fmt;

/// Whether a direction does better than random ones.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VerdictTold {
    #[error(
        "At its best layer of the map, no push stays in the coherent band (a perplexity of at most {cap} times the unsteered one), so there is nothing to compare."
    )]
    NoPush { cap: f32 },
    #[error(
        "At layer {layer}, no push stays in the coherent band (a perplexity of at most {cap} times the unsteered one), so there is nothing to compare."
    )]
    NoPushAt { layer: usize, cap: f32 },
    #[error(
        "{at}, but the text there is outside the coherent band: its perplexity is more than {cap} times the unsteered one."
    )]
    Incoherent { at: At, cap: f32 },
    #[error("{at}: the direction does no better than leaving the model alone.")]
    AsUnsteered { at: At },
    #[error(
        "{at}; no random direction was tried, so nothing says whether it does better than one."
    )]
    NoneTried { at: At },
    #[error(
        "{at}, more than under any of {tried} random directions of the same length ({}), within {cap} times the unsteered perplexity.{}",
        Best(*best),
        Choice(*chosen)
    )]
    Better {
        at: At,
        tried: usize,
        /// The largest effect of a random one in the coherent band.
        best: Option<f32>,
        cap: f32,
        /// Whether the direction had all cells to choose from.
        chosen: bool,
    },
    #[error(
        "{at}, but {as_good} of {tried} random directions of the same length do as much or more ({}): it does no better than random.{}",
        Best(*best),
        Choice(*chosen)
    )]
    AsRandom {
        at: At,
        as_good: usize,
        tried: usize,
        best: Option<f32>,
        chosen: bool,
    },
}

impl Sentence for VerdictTold {
    fn says(&self) -> Says {
        Says::of("verdict", self)
    }
}

/// Where the direction was compared, and its effect there.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct At {
    pub layer: usize,
    /// Whether it is the best of all layers.
    pub best: bool,
    pub coefficient: f32,
    pub by: Effect,
    pub effect: f32,
    pub unsteered: f32,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = self.layer;
        match self.best {
            true => write!(f, "At its best layer of the map, {layer},"),
            false => write!(f, "At layer {layer},"),
        }?;
        let by = match self.by {
            Effect::Words => "share of texts with one of the words",
            Effect::Target => "probability of the target tokens",
            Effect::Reading => "reading of the text by the unsteered model",
        };
        write!(
            f,
            " with coefficient {}, the {by} is {:.2} ({:.2} unsteered)",
            self.coefficient, self.effect, self.unsteered
        )
    }
}

/// The best of the random directions.
struct Best(Option<f32>);

impl fmt::Display for Best {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(best) => write!(f, "{best:.2} at best"),
            None => f.write_str("none of them in the coherent band"),
        }
    }
}

/// What the direction had that the random ones had not.
struct Choice(bool);

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            true => {
                " The direction had all cells of the map to choose from; the random ones had the coefficients that suit it."
            }
            false => "",
        })
    }
}
