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
    #[error(
        "model.safetensors begins with a header of {found} bytes, but 2 to 16777216 were expected; this is not a safetensors file, or it is damaged"
    )]
    HeaderLength { found: u64 },
    #[error("the header of model.safetensors is not readable: {}; the file is damaged", Plain(.0))]
    Header(#[serde(serialize_with = "text")] serde_json::Error),
    #[error(
        "model.safetensors ended after {found} bytes, but its header needs {expected}; the file is cut short, fetch it again"
    )]
    Short { found: u64, expected: u64 },
    #[error("model.safetensors ended after {found} bytes, inside its header; fetch it again")]
    NoHeader { found: u64 },
    #[error(
        "model.safetensors goes on after the {expected} bytes that its header describes; it is not the file it claims to be"
    )]
    Long { expected: u64 },
    #[error("model.safetensors has no tensor {name}; is it a GPT-2 model?")]
    Missing { name: String },
    #[error(
        "config.json says that the output has a matrix of its own (tie_word_embeddings is false), but the file has no lm_head.weight; the head is missing: take the whole model, saved with its head"
    )]
    NoHead,
    #[error("model.safetensors.index.json cannot be used: {}", Plain(fault))]
    Index {
        #[serde(serialize_with = "within")]
        fault: IndexFault,
    },
    #[error(
        "tensor {name} is in {found}, but model.safetensors.index.json says {expected}; the files do not belong together"
    )]
    Elsewhere {
        name: String,
        found: String,
        expected: String,
    },
    /// What is wrong with one of several files.
    #[error("{}", of_shard(error, shard))]
    Shard {
        shard: String,
        #[serde(serialize_with = "within")]
        error: Box<WeightsError>,
    },
    #[error("tensor {name}: expected shape {expected:?} from config.json, found {found:?}")]
    Shape {
        name: String,
        expected: Vec<usize>,
        found: Vec<usize>,
    },
    #[error("tensor {name}: expected F32, F16 or BF16, found {found:?}")]
    Dtype {
        name: String,
        #[serde(serialize_with = "debug")]
        found: Dtype,
    },
    #[error("tensor {name} has a value that is not a finite number; the file is damaged")]
    NotFinite { name: String },
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
    #[error("{0}")]
    Unread(String),
    #[error("it has {found} bytes, more than the {most} that are read")]
    TooLong { found: usize, most: usize },
    #[error("its weight_map is empty")]
    Empty,
    #[error("it names {found} files, more than the {most} that are read")]
    TooMany { found: usize, most: usize },
    #[error(
        "it names the file “{name}”, but a shard is a .safetensors file in the same folder, its name of letters, digits, '-', '_' and '.'"
    )]
    Name { name: String },
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
