//! What can be wrong with a direction's file, in sentences.

use super::LARGEST;
use crate::experiment::Site;
use crate::sentence::{Said, Says, Sentence, within};
use crate::text::{Plain, short};
use serde::Serialize;

/// Why a file holds no direction that can be used.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileError {
    #[error(
        "the file has {found} bytes, but directions take at most {LARGEST}; a model’s file is not one"
    )]
    TooLarge { found: usize },
    #[error("the file is not {format} as directions are written: {}", Plain(fault))]
    Format {
        format: &'static str,
        #[serde(serialize_with = "within")]
        fault: FormatFault,
    },
    #[error(
        "the file is not JSON as directions are written: expected a list of numbers, an object of lists by layer, or a list of objects with layer and values; {}",
        Plain(fault)
    )]
    Json {
        #[serde(serialize_with = "within")]
        fault: FormatFault,
    },
    #[error(
        "the file's architecture is “not given”, but a control vector's is “controlvector”; a model’s file is not one"
    )]
    NoArchitecture,
    #[error(
        "the file's architecture is “{}”, but a control vector's is “controlvector”; a model’s file is not one",
        Plain(&short(found))
    )]
    Architecture { found: String },
    #[error("the file has no direction; one was expected for at least one layer")]
    Nothing,
    #[error(
        "tensor {} is {found}, but a direction is one row of 32-bit (in safetensors also 16-bit) numbers for each layer",
        Plain(&short(name))
    )]
    Tensor { name: String, found: String },
    #[error(
        "the direction of layer {layer} has {found} numbers, but that of layer {first} has {expected}; all have the width of one model"
    )]
    Width {
        layer: usize,
        found: usize,
        first: usize,
        expected: usize,
    },
    #[error("the direction of layer {layer} has a value that is not a finite number")]
    NotFinite { layer: usize },
    #[error("layer {layer} has more than one direction in the file, but one was expected")]
    Twice { layer: usize },
    #[error(
        "the file says that its directions belong at “{}”, which is no site that is known",
        Plain(&short(found))
    )]
    Site { found: String },
    #[error(
        "tensor “{}” is not named as a direction is: expected {expected}; rename it, if it is one",
        Plain(&short(name))
    )]
    Name { name: String, expected: Names },
    #[error(
        "the file’s vectors are of {site}, but no direction acts at {site}; it takes resid_pre, resid_mid, resid_post, attn_out, mlp_out or z"
    )]
    NoDirection { site: Site },
    #[error(
        "the file has vectors of {first} and of {other}, but a direction acts at one of them; keep the tensors of one in a file of their own"
    )]
    Sites { first: Site, other: Site },
    #[error(
        "a direction at {site} cannot be written as {format}, whose directions are added after a layer; write safetensors, or take resid_pre, resid_post or mlp_out"
    )]
    NoPlace { site: Site, format: &'static str },
    #[error(
        "a direction before layer 0 cannot be written as {format}, whose directions are added after a layer; take a later layer"
    )]
    TooEarly { format: &'static str },
    #[error(
        "a direction at {site} of layer {layer} has no place in a control vector: it is added after layer 1 at the earliest, and llama.cpp refuses a file with layer 0. Take a later layer, or write safetensors or JSON"
    )]
    NoControl { site: Site, layer: usize },
    #[error("the file is more than an experiment holds: {fault}")]
    Limit {
        #[serde(serialize_with = "within")]
        fault: Said,
    },
    #[error("the file could not be written: {0}")]
    Written(String),
}

impl Sentence for FileError {
    fn says(&self) -> Says {
        Says::of("direction_file", self)
    }
}

/// What is not as it should be in a file's format.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatFault {
    /// What reads it says.
    #[error("{0}")]
    Unread(String),
    #[error("it ends before its data, or has a value of an unknown kind")]
    Early,
    #[error("it is of version {found}, but 1, 2 and 3 are read")]
    Version { found: u64 },
    #[error("its alignment is 0, but data starts at multiples of it")]
    Alignment,
    #[error("the name “{name}” stands in it twice; leave one")]
    NameTwice { name: String },
    #[error("it ends before the data of {name} does")]
    CutShort { name: String },
    #[error("layer {layer} has no list of numbers")]
    NoNumbers { layer: usize },
    #[error("“{name}” stands where the number of a layer was expected")]
    NoLayerName { name: String },
    #[error("a vector has no layer")]
    NoLayer,
}

impl Sentence for FormatFault {
    fn says(&self) -> Says {
        Says::of("format", self)
    }
}

/// The names that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    #[error(
        "direction.N or TransformerLens’s blocks.N.hook_resid_pre (resid_mid, resid_post, attn_out, mlp_out, or attn.hook_z), N being the layer, from 0"
    )]
    Tensors,
    #[error("a control vector’s direction.N, N being the layer, from 0")]
    ControlVectors,
}
