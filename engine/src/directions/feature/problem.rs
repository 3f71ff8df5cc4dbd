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
    /// The header is none of a safetensors file.
    #[error("{fault}")]
    Header {
        /// What the reader of models' weights says of it.
        #[serde(serialize_with = "within")]
        fault: WeightsError,
    },
    /// The file is too short for the eight bytes that tell how long its header is.
    #[error("it has no header")]
    NoHeader,
    /// The header would be longer than a few tensors need, so it is not read.
    #[error("its header would have {found} bytes")]
    LongHeader {
        /// Bytes of the length and the header, as the file's first eight bytes have it.
        found: u64,
    },
    /// The file ends before its header does.
    #[error("it ends within its header")]
    EndsInHeader,
    /// A tensor is not of 32-bit floats.
    #[error("{name} has numbers of the kind {found}, but 32-bit ones were expected")]
    Numbers {
        /// The tensor, as `SAELens` names it.
        name: &'static str,
        /// The kind of its numbers, as safetensors calls it.
        found: String,
    },
    /// A tensor that the feature or its activation needs is not in the file.
    #[error("it has no tensor {name}")]
    NoTensor {
        /// The tensor, as `SAELens` names it.
        name: &'static str,
    },
    /// `W_dec` is no matrix.
    #[error("W_dec is {shape:?}, but has a row for each feature")]
    Decoder {
        /// As the header has it, where `[features, width]` was expected.
        shape: Vec<usize>,
    },
    /// Another tensor does not fit `W_dec [features, width]`.
    #[error("{name} is {shape:?}, but by W_dec it would be {expected:?}")]
    Shape {
        /// The tensor, as `SAELens` names it.
        name: &'static str,
        /// As the header has it.
        shape: Vec<usize>,
        /// As it would be by `W_dec`.
        expected: Vec<usize>,
    },
    /// A number of the feature's row, or of its encoder, is infinite or not a number.
    #[error("it has a value that is not a finite number")]
    NotFinite,
    /// `cfg.json` cannot be parsed.
    #[error("its cfg.json is not JSON ({reason})")]
    NotJson {
        /// The parser's words.
        reason: String,
    },
    /// `cfg.json` is JSON of another kind.
    #[error("its cfg.json is no JSON object")]
    NoObject,
    /// A setting has a value with which it is not known how activations are computed.
    #[error("its {name} is {found}, but activations are known only for {expected}")]
    Setting {
        /// The setting's first name, with what it lies in.
        name: String,
        /// Its value, as JSON, cut where it is long.
        found: String,
        /// What it may be.
        expected: Known,
    },
    /// A setting stands in the file more than once, with different values.
    #[error("it gives two values of {}", .names.join(" and "))]
    TwoValues {
        /// The names that it is looked for under.
        names: Vec<String>,
    },
    /// A config of a version that writes few fields has one that is not known.
    #[error(
        "its cfg.json has a field {name}, of which it is not known what it does to an activation"
    )]
    Field {
        /// The field's name.
        name: String,
    },
    /// Neither the version that trained it nor a setting tells how the model was loaded.
    #[error(
        "its sae_lens_training_version is null and it has no {missing}, so it is not known whether the model’s writing weights were centred"
    )]
    NoVersion {
        /// The setting that would have told.
        missing: &'static str,
    },
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
    /// One of these, as the file would write them.
    #[error("{}", Listed(.0))]
    Values(Vec<String>),
    /// A setting that is on or off.
    #[error("true or false")]
    Flag,
    /// A setting that may not be there, or only as `false`.
    #[error("none")]
    None,
    /// A version of `SAELens`.
    #[error("versions, such as 6.0.0")]
    Versions,
    /// A setting that holds others, by their names.
    #[error("an object")]
    Object,
}
