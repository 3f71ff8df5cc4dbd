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
    /// The file is larger than directions of any model, so it is not read.
    #[error(
        "the file has {found} bytes, but directions take at most {LARGEST}; a model’s file is not one"
    )]
    TooLarge {
        /// Bytes of the file.
        found: usize,
    },
    /// A GGUF or safetensors file is broken or cut off.
    #[error("the file is not {format} as directions are written: {}", Plain(fault))]
    Format {
        /// `GGUF` or `safetensors`.
        format: &'static str,
        /// What is not as the format has it.
        #[serde(serialize_with = "within")]
        fault: FormatFault,
    },
    /// The file begins as JSON does, and is not JSON of one of the three forms.
    #[error(
        "the file is not JSON as directions are written: expected a list of numbers, an object of lists by layer, or a list of objects with layer and values; {}",
        Plain(fault)
    )]
    Json {
        /// Where it departs from them.
        #[serde(serialize_with = "within")]
        fault: FormatFault,
    },
    /// A GGUF file does not say what it holds.
    #[error(
        "the file's architecture is “not given”, but a control vector's is “controlvector”; a model’s file is not one"
    )]
    NoArchitecture,
    /// A GGUF file says that it holds something else.
    #[error(
        "the file's architecture is “{}”, but a control vector's is “controlvector”; a model’s file is not one",
        Plain(&short(found))
    )]
    Architecture {
        /// Its `general.architecture`.
        found: String,
    },
    /// The file has no vector, or its first one has no numbers.
    #[error("the file has no direction; one was expected for at least one layer")]
    Nothing,
    /// A tensor is not shaped as a direction is, or not of floats that are read.
    #[error(
        "tensor {} is {found}, but a direction is one row of 32-bit (in safetensors also 16-bit) numbers for each layer",
        Plain(&short(name))
    )]
    Tensor {
        /// The tensor's name in the file.
        name: String,
        /// The kind of its numbers and its shape.
        found: String,
    },
    /// Two layers' vectors have different widths.
    #[error(
        "the direction of layer {layer} has {found} numbers, but that of layer {first} has {expected}; all have the width of one model"
    )]
    Width {
        /// The layer whose vector differs.
        layer: usize,
        /// How many numbers it has.
        found: usize,
        /// The file's lowest layer, which all others are compared with.
        first: usize,
        /// How many numbers that layer's vector has.
        expected: usize,
    },
    /// A number is infinite or not a number.
    #[error("the direction of layer {layer} has a value that is not a finite number")]
    NotFinite {
        /// The layer of its vector.
        layer: usize,
    },
    /// Two vectors of a file are of the same layer.
    #[error("layer {layer} has more than one direction in the file, but one was expected")]
    Twice {
        /// That layer, counted from 0.
        layer: usize,
    },
    /// The metadata of a safetensors file names a site that there is not.
    #[error(
        "the file says that its directions belong at “{}”, which is no site that is known",
        Plain(&short(found))
    )]
    Site {
        /// The name there.
        found: String,
    },
    /// A tensor's name may mean a layer, and is not in the table of names; or it means
    /// none, and the file has other tensors.
    #[error(
        "tensor “{}” is not named as a direction is: expected {expected}; rename it, if it is one",
        Plain(&short(name))
    )]
    Name {
        /// The tensor's name in the file.
        name: String,
        /// The names that the format may have.
        expected: Names,
    },
    /// A name or the metadata means a site that directions do not act at.
    #[error(
        "the file’s vectors are of {site}, but no direction acts at {site}; it takes resid_pre, resid_mid, resid_post, attn_out, mlp_out or z"
    )]
    NoDirection {
        /// That site.
        site: Site,
    },
    /// Names, or a name and the metadata, mean different sites.
    #[error(
        "the file has vectors of {first} and of {other}, but a direction acts at one of them; keep the tensors of one in a file of their own"
    )]
    Sites {
        /// The site of the metadata, or else of the first vector.
        first: Site,
        /// The first one that differs.
        other: Site,
    },
    /// A direction was to be written in a format that has no place for its site.
    #[error(
        "a direction at {site} cannot be written as {format}, whose directions are added after a layer; write safetensors, or take resid_pre, resid_post or mlp_out"
    )]
    NoPlace {
        /// The direction's site.
        site: Site,
        /// What the file's name would end in.
        format: &'static str,
    },
    /// Nothing of a direction has a place in a safetensors or JSON file: it acts before
    /// layer 0 alone.
    #[error(
        "a direction before layer 0 cannot be written as {format}, whose directions are added after a layer; take a later layer"
    )]
    TooEarly {
        /// What the file's name would end in.
        format: &'static str,
    },
    /// Nothing of a direction has a place in a GGUF file, which begins after layer 1.
    #[error(
        "a direction at {site} of layer {layer} has no place in a control vector: it is added after layer 1 at the earliest, and llama.cpp refuses a file with layer 0. Take a later layer, or write safetensors or JSON"
    )]
    NoControl {
        /// The direction's site.
        site: Site,
        /// The last of its layers, counted from 0.
        layer: usize,
    },
    /// The direction that the file makes is beyond what an experiment may hold.
    #[error("the file is more than an experiment holds: {fault}")]
    Limit {
        /// Which limit, with what was found.
        #[serde(serialize_with = "within")]
        fault: Said,
    },
    /// The writer of the format failed; in its words.
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
    /// A GGUF file breaks off, or a value's kind is not known, so that its length is not.
    #[error("it ends before its data, or has a value of an unknown kind")]
    Early,
    /// A GGUF file is of a version that is not read.
    #[error("it is of version {found}, but 1, 2 and 3 are read")]
    Version {
        /// The version in its head.
        found: u64,
    },
    /// A GGUF file's `general.alignment` is 0.
    #[error("its alignment is 0, but data starts at multiples of it")]
    Alignment,
    /// Two values, or two tensors, of a GGUF file have one name.
    #[error("the name “{name}” stands in it twice; leave one")]
    NameTwice {
        /// That name, cut where it is long.
        name: String,
    },
    /// A GGUF file ends before a tensor's last number.
    #[error("it ends before the data of {name} does")]
    CutShort {
        /// The tensor's name.
        name: String,
    },
    /// In JSON, what stands for a vector is no list of numbers.
    #[error("layer {layer} has no list of numbers")]
    NoNumbers {
        /// The layer that it stands under, or that was said for a lone one.
        layer: usize,
    },
    /// A key of a JSON object names no layer.
    #[error("“{name}” stands where the number of a layer was expected")]
    NoLayerName {
        /// The key, cut where it is long.
        name: String,
    },
    /// An object in a JSON list has no `layer` that is a whole number from 0.
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
    /// Of safetensors and JSON.
    #[error(
        "direction.N or TransformerLens’s blocks.N.hook_resid_pre (resid_mid, resid_post, attn_out, mlp_out, or attn.hook_z), N being the layer, from 0"
    )]
    Tensors,
    /// Of GGUF.
    #[error("a control vector’s direction.N, N being the layer, from 0")]
    ControlVectors,
}
