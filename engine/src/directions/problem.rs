//! What can be wrong with a direction, and where directions come from, in sentences.

use crate::experiment::{Matrix, Method, Site};
use crate::sentence::{Listed, Says, Sentence};
use serde::Serialize;
use std::fmt;

/// What can be wrong with a direction.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DirectionProblem {
    #[error(
        "No direction acts at {site}, which is no vector of the residual stream; take one of {}.",
        Listed(sites)
    )]
    Site { site: Site, sites: Vec<Site> },
    #[error("Heads are probed and shifted at z, not at {site}; take z.")]
    HeadsElsewhere { site: Site },
    #[error(
        "Each head is shifted along a direction of its own, read in its own layer; leave from out."
    )]
    HeadsFrom,
    #[error(
        "This is a vector of the residual stream, and z is what heads have before they write to it; take resid_pre or another site of the stream."
    )]
    StreamAtZ,
    #[error("“{name}” acts at no layer; choose one.")]
    NoLayer { name: String },
    #[error("There is no layer {layer}; this model has layers 0 to {last}.")]
    Layer { layer: usize, last: usize },
    #[error("“{name}” acts at no position; choose one.")]
    NoPosition { name: String },
    #[error("There is no position {position}; this model reads positions 0 to {last}.")]
    Position { position: usize, last: usize },
    #[error(
        "“{name}” has a vector for each position of its prompts, but a file holds one a layer; take two sets of prompts instead of a pair."
    )]
    RowsInFile { name: String },
    #[error("“{name}” has no vector for layer {layer}; choose a layer that it has.")]
    NoVector { name: String, layer: usize },
    #[error(
        "“{name}” has length 0 at layer {layer}: its two sides have the same activations there, so it points nowhere. Take prompts that differ, or another layer."
    )]
    NoLength { name: String, layer: usize },
    #[error(
        "The coefficient of “{name}” is too large: it makes the vector {length:.0e} long at layer {layer}, and from 1.8e19 on 32-bit arithmetic cannot normalise it. Take a smaller one."
    )]
    TooStrong {
        name: String,
        length: f32,
        layer: usize,
    },
    #[error(
        "There are no {side} prompts; a direction lies between two sets, so write at least one a side."
    )]
    NoPrompts { side: Side },
    #[error("There are {found} {side} prompts, but at most {most} are read; take fewer.")]
    ManyPrompts {
        found: usize,
        side: Side,
        most: usize,
    },
    #[error(
        "This method compares the prompts pair by pair, but there are {positive} positive and {negative} negative ones; make them as many."
    )]
    UnevenSides { positive: usize, negative: usize },
    #[error(
        "A principal component needs at least two pairs of prompts; write more, or take the mean difference."
    )]
    OnePair,
    #[error(
        "The two prompts have different numbers of tokens, and this model has no token for a space to pad the shorter one with."
    )]
    NoSpace,
    #[error(
        "Heads are chosen by how well they tell prompts apart that their probe has not seen, so there have to be at least two prompts a side."
    )]
    FewPrompts,
    #[error(
        "Heads are shifted along their probe’s normal (logistic) or the difference of the means (mean_difference); take one of these methods."
    )]
    HeadsMethod,
    #[error(
        "The best {top} heads were asked for, but this model has {heads}; take from 1 to {heads}."
    )]
    Heads { top: usize, heads: usize },
    #[error(
        "There is no neuron {neuron} in layer {layer}; this model has layers 0 to {last_layer} with neurons 0 to {last_neuron}."
    )]
    Neuron {
        neuron: usize,
        layer: usize,
        last_layer: usize,
        last_neuron: usize,
    },
    #[error("No file is chosen yet; choose a safetensors, GGUF or JSON file with a direction.")]
    NoFile,
    #[error(
        "The file has a vector for layer {layer}, but this model has layers 0 to {last}; it was made on another model."
    )]
    FileLayer { layer: usize, last: usize },
    #[error(
        "The file’s vectors have {found} numbers, but this model is {width} wide; a vector fits only the model that it was made on."
    )]
    FileWidth { found: usize, width: usize },
    #[error("The file’s vector for layer {layer} has a value that is not a finite number.")]
    FileNotFinite { layer: usize },
    #[error(
        "The file has more than one vector for layer {layer}, and which is meant cannot be told; leave one."
    )]
    FileTwice { layer: usize },
    #[error(
        "A run is to be steered, but the steering room has no direction; make one there, or let no run be steered."
    )]
    NothingToSteerWith,
}

impl Sentence for DirectionProblem {
    fn says(&self) -> Says {
        Says::of("directions", self)
    }
}

/// One of the two sets of prompts that a direction lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    #[error("positive")]
    Positive,
    #[error("negative")]
    Negative,
}

/// Where a direction came from.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    #[error("“{positive}” less “{negative}”, position by position")]
    Pair { positive: String, negative: String },
    #[error(
        "{} of {positive} positive and {negative} negative prompts, read at each one’s last token",
        Found(*method)
    )]
    Contrast {
        method: Method,
        positive: usize,
        negative: usize,
    },
    #[error(
        "A shift of the {top} heads whose outputs best tell {positive} positive from {negative} negative prompts, each along {} by its standard deviation",
        Along(*method)
    )]
    Heads {
        top: usize,
        positive: usize,
        negative: usize,
        method: Method,
    },
    #[error(
        "{}",
        match matrix {
            Matrix::Embedding => "A row of the embedding",
            Matrix::Unembedding => "A row of the unembedding",
        }
    )]
    Token { matrix: Matrix },
    #[error("What neuron {neuron} of layer {layer}’s MLP writes to the residual stream")]
    Neuron { neuron: usize, layer: usize },
    #[error("A random direction of length 1, seed {seed}")]
    Random { seed: u64 },
    #[error(
        "Feature {feature} of the dictionary {dictionary} at {site} of layer {layer}: its row of the decoder"
    )]
    Feature {
        feature: usize,
        dictionary: String,
        site: Site,
        layer: usize,
    },
    #[error("{origin}{}", Zeros(zeros))]
    File {
        /// As the experiment has it.
        origin: String,
        /// Layers whose vectors are all zeros.
        zeros: Vec<usize>,
    },
}

impl Sentence for Origin {
    fn says(&self) -> Says {
        Says::of("origin", self)
    }
}

/// How a method finds a direction between two sets.
struct Found(Method);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Method::MeanDifference => "Difference of the means",
            Method::PcaDiff => "First principal component of the differences",
            Method::PcaCenter => "First principal component, each pair centred,",
            Method::Logistic => "Normal of a logistic regression",
        })
    }
}

/// What heads are shifted along.
struct Along(Method);

impl fmt::Display for Along {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Method::Logistic => "the normal of its probe",
            Method::MeanDifference | Method::PcaDiff | Method::PcaCenter => {
                "the difference of the means"
            }
        })
    }
}

/// What is said of layers whose vectors are all zeros.
struct Zeros<'a>(&'a [usize]);

impl fmt::Display for Zeros<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            [layer] => write!(
                f,
                "; its vector for layer {layer} is all zeros and does nothing"
            ),
            some => write!(
                f,
                "; its vectors for layers {} are all zeros and do nothing",
                Listed(some)
            ),
        }
    }
}
