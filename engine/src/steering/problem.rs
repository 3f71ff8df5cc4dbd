//! What can be wrong with what the steering room is asked for, in sentences.

use crate::directions::Side;
use crate::experiment::Effect;
use crate::sentence::{Says, Sentence};
use serde::Serialize;
use std::fmt;

/// What can be wrong with what the steering room is asked for.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SteeringProblem {
    #[error(
        "The steering room is to run, but the experiment has no `steer`; write there at least what is to be continued."
    )]
    NoSteer,
    #[error("{samples} continuations were asked for; from 1 to {most} are written at once.")]
    Samples { samples: usize, most: usize },
    #[error(
        "The map is of direction {direction}, but the experiment has {directions}; choose one that it has."
    )]
    MapDirection { direction: usize, directions: usize },
    #[error(
        "The map's prompts have {tokens} tokens together, but at most {most} of this model fit into memory at once; take fewer or shorter ones."
    )]
    MapMemory { tokens: usize, most: usize },
    #[error(
        "The map reads along direction {direction}, but the experiment has {directions}; choose one that it has."
    )]
    ReadingDirection { direction: usize, directions: usize },
    #[error("The map reads at layer {layer}; this model has layers 0 to {last}.")]
    ReadingLayer { layer: usize, last: usize },
    #[error("“{name}” has no vector for layer {layer}; read at a layer that it has.")]
    ReadingNoVector { name: String, layer: usize },
    #[error(
        "“{name}” lies between no prompts, so its projections have no scale; read along a direction between two sets of prompts."
    )]
    ReadingNoScale { name: String },
    #[error(
        "At layer {layer} the positive prompts of “{name}” do not lie further along it than the negative ones, so it cannot be read there; take another layer."
    )]
    ReadingNotApart { layer: usize, name: String },
    #[error("The map names layer {layer}; this model has layers 0 to {last}.")]
    MapLayer { layer: usize, last: usize },
    #[error(
        "The map names layer {layer}, where “{name}” has length 0 and does nothing; leave that layer out."
    )]
    MapNoLength { layer: usize, name: String },
    #[error(
        "The map has {cells} cells; from 1 to {most} are computed, so choose other layers or coefficients."
    )]
    MapCells { cells: usize, most: usize },
    #[error(
        "The map has no effect to show: name target tokens, a direction to read with, or words that the text is hoped to hold."
    )]
    NoEffect,
    #[error(
        "The map is to compare by {}, but the experiment has none; name some, or compare by another effect.",
        Wanted(*effect)
    )]
    EffectMissing { effect: Effect },
    #[error(
        "Taking a direction out has no coefficient to vary; let it be added, subtracted, set or capped."
    )]
    MapProjectsOut,
    #[error(
        "The map asks for {samples} texts of {tokens} new tokens for each prompt; it takes 1 to {most} texts of at least 1."
    )]
    MapTexts {
        samples: usize,
        tokens: usize,
        most: usize,
    },
    #[error("The map has {prompts} prompts; at most {most} are continued.")]
    MapPrompts { prompts: usize, most: usize },
    #[error("{random} random directions a layer were asked for; at most {most} are tried.")]
    MapRandom { random: usize, most: usize },
    #[error(
        "The controls are to act with coefficient {coefficient}, which is none of the map's; they are compared with a cell of the map."
    )]
    ControlCoefficient { coefficient: f32 },
    #[error("The cap on perplexity is {cap} times the unsteered one; it is at least 1.")]
    Cap { cap: f32 },
    #[error(
        "The detector reads direction {direction}, but the experiment has {directions}; choose one that it has."
    )]
    DetectorDirection { direction: usize, directions: usize },
    #[error("The detector reads layer {layer}; this model has layers 0 to {last}.")]
    DetectorLayer { layer: usize, last: usize },
    #[error(
        "“{name}” has no vector for layer {layer}, or one of length 0; read at a layer that it has."
    )]
    DetectorNoVector { name: String, layer: usize },
    #[error(
        "There are no {side} held-out prompts; a detector is judged by both kinds, so write at least one of each."
    )]
    NoHeldOut { side: Side },
    #[error("There are {found} {side} held-out prompts, but at most {most} are read; take fewer.")]
    ManyHeldOut {
        found: usize,
        side: Side,
        most: usize,
    },
}

impl Sentence for SteeringProblem {
    fn says(&self) -> Says {
        Says::of("steering", self)
    }
}

/// What an effect needs.
struct Wanted(Effect);

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Effect::Words => "the words to count",
            Effect::Target => "target tokens",
            Effect::Reading => "a reading direction",
        })
    }
}
