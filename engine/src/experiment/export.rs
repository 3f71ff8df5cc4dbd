//! What an experiment gives as a file.

use super::{RunName, Site};
use crate::sentence::Said;
use serde::{Deserialize, Serialize};

/// What is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Export {
    /// A direction of the steering room, at every layer that it has.
    Direction {
        /// Which of the experiment's directions, from 0.
        direction: usize,
        /// In what form the file holds it.
        format: Format,
    },
    /// Activations of the patching room's two runs, of the first pair: these
    /// sites at all layers and positions, in one safetensors file by
    /// TransformerLens's names, as `clean.blocks.0.hook_resid_pre`.
    Activations {
        /// Which activations; at least one site.
        sites: Vec<Site>,
    },
    /// One site of one run as a NumPy array, `[layer, position, ...]`.
    Array {
        /// Which activation; without a layer the array lacks that dimension.
        site: Site,
        /// Which of the first pair's runs.
        run: RunName,
    },
}

/// How a direction is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A tensor `direction.0`, `direction.1` ... for each layer, of 32-bit floats.
    Safetensors,
    /// A control vector, as repeng and llama.cpp write it.
    Gguf,
    /// An object of lists of numbers, by layer.
    Json,
}

impl Format {
    /// What the file's name ends in.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Gguf => "gguf",
            Self::Json => "json",
        }
    }
}

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// A name for it, with its ending.
    pub name: String,
    /// The whole file.
    pub bytes: Vec<u8>,
    /// What is not in it, and why.
    pub remark: Option<Said>,
}
