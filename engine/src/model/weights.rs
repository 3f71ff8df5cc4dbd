//! What can be wrong with `model.safetensors`.

use super::folder::INDEX;
use crate::sentence::{Says, Sentence, debug, text, within};
use crate::source::WEIGHTS;
use crate::text::Plain;
use safetensors::Dtype;
use serde::Serialize;

/// Why a weight file cannot be used.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightsError {
    /// The file's first eight bytes are not the length of a header.
    #[error(
        "model.safetensors begins with a header of {found} bytes, but 2 to 16777216 were expected; this is not a safetensors file, or it is damaged"
    )]
    HeaderLength {
        /// The length that they would be.
        found: u64,
    },
    /// The header is not JSON, or its tensors overlap, leave holes or lack bytes.
    #[error("the header of model.safetensors is not readable: {}; the file is damaged", Plain(.0))]
    Header(#[serde(serialize_with = "text")] serde_json::Error),
    /// The bytes ended within the tensors.
    #[error(
        "model.safetensors ended after {found} bytes, but its header needs {expected}; the file is cut short, fetch it again"
    )]
    Short {
        /// Bytes that came.
        found: u64,
        /// Bytes of the whole file, by its header.
        expected: u64,
    },
    /// The bytes ended before the header did.
    #[error("model.safetensors ended after {found} bytes, inside its header; fetch it again")]
    NoHeader {
        /// Bytes that came.
        found: u64,
    },
    /// More bytes came than the header tells of.
    #[error(
        "model.safetensors goes on after the {expected} bytes that its header describes; it is not the file it claims to be"
    )]
    Long {
        /// Bytes of the whole file, by its header.
        expected: u64,
    },
    /// A tensor that the model needs is in no file.
    #[error("model.safetensors has no tensor {name}; is it a GPT-2 model?")]
    Missing {
        /// The tensor, as the checkpoint names it.
        name: String,
    },
    /// `tie_word_embeddings` is false, and there is no `lm_head.weight`.
    #[error(
        "config.json says that the output has a matrix of its own (tie_word_embeddings is false), but the file has no lm_head.weight; the head is missing: take the whole model, saved with its head"
    )]
    NoHead,
    /// The list of the shards cannot be used.
    #[error("model.safetensors.index.json cannot be used: {}", Plain(fault))]
    Index {
        /// What is wrong in it.
        #[serde(serialize_with = "within")]
        fault: IndexFault,
    },
    /// A shard has a tensor that the index says is in another.
    #[error(
        "tensor {name} is in {found}, but model.safetensors.index.json says {expected}; the files do not belong together"
    )]
    Elsewhere {
        /// The tensor, as the checkpoint names it.
        name: String,
        /// The shard that has it.
        found: String,
        /// The shard that the index names.
        expected: String,
    },
    /// What is wrong with one of several files.
    #[error("{}", of_shard(error, shard))]
    Shard {
        /// That file, as the index names it.
        shard: String,
        /// What would be said of it if it were the only file.
        #[serde(serialize_with = "within")]
        error: Box<WeightsError>,
    },
    /// A tensor is not of the size that `config.json` asks for.
    #[error("tensor {name}: expected shape {expected:?} from config.json, found {found:?}")]
    Shape {
        /// The tensor, as the checkpoint names it.
        name: String,
        /// By `config.json`.
        expected: Vec<usize>,
        /// In the file.
        found: Vec<usize>,
    },
    /// A tensor's values are of a kind that is not read.
    #[error("tensor {name}: expected F32, F16 or BF16, found {found:?}")]
    Dtype {
        /// The tensor, as the checkpoint names it.
        name: String,
        /// The kind of its values.
        #[serde(serialize_with = "debug")]
        found: Dtype,
    },
    /// A weight is infinite or not a number.
    #[error("tensor {name} has a value that is not a finite number; the file is damaged")]
    NotFinite {
        /// Its tensor, as the checkpoint names it.
        name: String,
    },
}

impl Sentence for WeightsError {
    fn says(&self) -> Says {
        Says::of("weights", self)
    }
}

/// Why the list of a model's shards cannot be used.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexFault {
    /// It is not JSON, or has no `weight_map` of names; in the parser's words.
    #[error("{0}")]
    Unread(String),
    /// The index is longer than any model's.
    #[error("it has {found} bytes, more than the {most} that are read")]
    TooLong {
        /// Its bytes.
        found: usize,
        /// Bytes that are read.
        most: usize,
    },
    /// It names no shard.
    #[error("its weight_map is empty")]
    Empty,
    /// It names more shards than any model has.
    #[error("it names {found} files, more than the {most} that are read")]
    TooMany {
        /// How many it names.
        found: usize,
        /// How many are read.
        most: usize,
    },
    /// It names a file that might not be in the folder.
    #[error(
        "it names the file “{name}”, but a shard is a .safetensors file in the same folder, its name of letters, digits, '-', '_' and '.'"
    )]
    Name {
        /// That name, cut where it is long.
        name: String,
    },
}

impl Sentence for IndexFault {
    fn says(&self) -> Says {
        Says::of("index", self)
    }
}

/// What is said of the one file, of a shard; the index keeps its name.
fn of_shard(error: &WeightsError, shard: &str) -> String {
    let said = error.to_string();
    let parts: Vec<String> = said
        .split(INDEX)
        .map(|p| p.replace(WEIGHTS, shard))
        .collect();
    parts.join(INDEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shards_fault_names_the_shard_and_the_index() {
        let error = WeightsError::Shard {
            shard: "a.safetensors".into(),
            error: Box::new(WeightsError::Elsewhere {
                name: "wte.weight".into(),
                found: WEIGHTS.into(),
                expected: "b.safetensors".into(),
            }),
        };
        let said = error.to_string();
        assert!(said.starts_with("tensor wte.weight is in a.safetensors, but model.safetensors.index.json says b.safetensors"), "{said}");
    }
}
