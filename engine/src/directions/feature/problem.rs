//! What can be wrong with a dictionary, in sentences.

use crate::experiment::Site;
use crate::model::WeightsError;
use crate::sentence::{Listed, Says, Sentence, within};
use serde::Serialize;

/// Why a dictionary's feature is not to be had.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DictionaryProblem {
    #[error(
        "The dictionary {dictionary} at {folder} is not as SAELens writes one: {fault}. Check its name, or take another."
    )]
    Files {
        dictionary: String,
        folder: String,
        #[serde(serialize_with = "within")]
        fault: DictionaryFault,
    },
    #[error(
        "{file} of the dictionary {dictionary} ended after {found} of the {wanted} bytes that were asked for; the copy there is cut short, so take another source."
    )]
    CutShort {
        file: String,
        dictionary: String,
        found: u64,
        wanted: u64,
    },
    #[error(
        "“{name}” is no dictionary; write {known}, a repository of the hub as owner/name, or the address of a folder (https://...)."
    )]
    Name { name: String, known: &'static str },
    #[error(
        "A feature’s direction lies in the residual stream, not at {site}; take resid_pre, as most dictionaries do."
    )]
    Site { site: Site },
    #[error(
        "The dictionary {dictionary} was made on GPT-2 small, which is {width} wide, but this model is {n_embd} wide; open gpt2, or take a dictionary of this model."
    )]
    OfGpt2 {
        dictionary: String,
        width: usize,
        n_embd: usize,
    },
    #[error(
        "The dictionary {dictionary} has resid_pre of layers 0 to {last} and resid_post of layer {last}, but not {site} of layer {layer}."
    )]
    Place {
        dictionary: String,
        last: usize,
        site: Site,
        layer: usize,
    },
    #[error("There is no feature {feature}; the dictionary {dictionary} has features 0 to {last}.")]
    Feature {
        feature: usize,
        dictionary: String,
        last: usize,
    },
    #[error(
        "There is no feature {feature}; the dictionary {dictionary} has features 0 to {last} there."
    )]
    FeatureThere {
        feature: usize,
        dictionary: String,
        last: usize,
    },
    #[error(
        "The dictionary {dictionary} is of a model that is {width} wide, but this model is {n_embd} wide; take a dictionary of this model."
    )]
    Width {
        dictionary: String,
        width: usize,
        n_embd: usize,
    },
}

impl Sentence for DictionaryProblem {
    fn says(&self) -> Says {
        Says::of("dictionary", self)
    }
}

/// What is not as `SAELens` writes it in a dictionary's files.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DictionaryFault {
    #[error("{fault}")]
    Header {
        #[serde(serialize_with = "within")]
        fault: WeightsError,
    },
    #[error("it has no header")]
    NoHeader,
    #[error("its header would have {found} bytes")]
    LongHeader { found: u64 },
    #[error("it ends within its header")]
    EndsInHeader,
    #[error("{name} has numbers of the kind {found}, but 32-bit ones were expected")]
    Numbers { name: &'static str, found: String },
    #[error("it has no tensor {name}")]
    NoTensor { name: &'static str },
    #[error("W_dec is {shape:?}, but has a row for each feature")]
    Decoder { shape: Vec<usize> },
    #[error("{name} is {shape:?}, but by W_dec it would be {expected:?}")]
    Shape {
        name: &'static str,
        shape: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error("it has a value that is not a finite number")]
    NotFinite,
    #[error("its cfg.json is not JSON ({reason})")]
    NotJson { reason: String },
    #[error("its cfg.json is no JSON object")]
    NoObject,
    #[error("its {name} is {found}, but activations are known only for {expected}")]
    Setting {
        name: String,
        found: String,
        expected: Known,
    },
    #[error("it gives two values of {}", .names.join(" and "))]
    TwoValues { names: Vec<String> },
    #[error(
        "its cfg.json has a field {name}, of which it is not known what it does to an activation"
    )]
    Field { name: String },
    #[error(
        "its sae_lens_training_version is null and it has no {missing}, so it is not known whether the model’s writing weights were centred"
    )]
    NoVersion { missing: &'static str },
}

impl Sentence for DictionaryFault {
    fn says(&self) -> Says {
        Says::of("dictionary_file", self)
    }
}

/// For which values of a setting activations are known.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    #[error("{}", Listed(.0))]
    Values(Vec<String>),
    #[error("true or false")]
    Flag,
    #[error("none")]
    None,
    #[error("versions, such as 6.0.0")]
    Versions,
    #[error("an object")]
    Object,
}
