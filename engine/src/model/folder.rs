//! A model's folder: which files it may have, and which of them are read. The command
//! line and the page both go by [`Folder::gather`].

use super::index::Index;
use super::{ModelError, WeightsError};
use crate::json;
use crate::sentence::{Says, Sentence};
use crate::text::without_bom;
use serde::Serialize;
use std::collections::BTreeMap;

/// The model's sizes and settings: [`Config`](super::Config). No folder is without it.
pub const CONFIG: &str = "config.json";
/// How transformers writes texts with the model; its end tokens are read.
pub const GENERATION: &str = "generation_config.json";
/// The tokenizer in one file.
pub const TOKENIZER: &str = "tokenizer.json";
/// How text is split, and which tokens there are beside the vocabulary.
pub const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// Of older folders: the tokens that have a name, such as BOS.
pub const SPECIAL_TOKENS: &str = "special_tokens_map.json";
/// Of older folders: the ids of tokens beside the vocabulary.
pub const ADDED_TOKENS: &str = "added_tokens.json";
/// Where the tokenizer is two files: the pieces of text with their ids.
pub const VOCAB: &str = "vocab.json";
/// The other of the two: which pieces are joined, a pair a line, the first ones first.
pub const MERGES: &str = "merges.txt";
/// The weights, where they are one file.
pub use crate::source::WEIGHTS;
/// Which file has which of the weights, where they are several.
pub const INDEX: &str = "model.safetensors.index.json";

/// Every file that is read, weights in shards apart.
pub const NAMES: [&str; 10] = [
    CONFIG,
    GENERATION,
    TOKENIZER,
    TOKENIZER_CONFIG,
    SPECIAL_TOKENS,
    ADDED_TOKENS,
    VOCAB,
    MERGES,
    WEIGHTS,
    INDEX,
];

/// What a folder must have to be a model's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderError {
    /// There is no [`CONFIG`], without which nothing else is looked for.
    #[error(
        "the folder has no {CONFIG}; a model's folder has {CONFIG}, {TOKENIZER} (or {VOCAB} and {MERGES}) and {WEIGHTS} (or {INDEX} and its shards)"
    )]
    Config,
    /// There is no [`TOKENIZER`], and not both of [`VOCAB`] and [`MERGES`].
    #[error(
        "the folder has no tokenizer: neither {TOKENIZER} nor {VOCAB} and {MERGES} were found; put one or the other there"
    )]
    Tokenizer,
    /// There is no file of weights, and no index of several.
    #[error(
        "the folder has no weights: neither {WEIGHTS} nor {INDEX} was found; weights in other formats (pytorch_model.bin, GGUF, ONNX) are not read, so save the model as safetensors"
    )]
    Weights,
}

impl Sentence for FolderError {
    fn says(&self) -> Says {
        Says::of("folder", self)
    }
}

/// Where a folder's small files come from.
pub trait Shelf {
    /// What reading a file ends with, and what a folder that lacks one does.
    type Error: From<FolderError>;
    /// Whether the folder has a file of this name, where that is known before it is read.
    fn has(&self, name: &str) -> Option<bool>;
    /// The file; `None` where the folder has none of this name.
    fn read(
        &self,
        name: &'static str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>>;
}

/// The small files of a model's folder, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    files: BTreeMap<&'static str, Vec<u8>>,
}

impl Folder {
    /// The two files that say everything of most models.
    #[must_use]
    pub fn of(config: &[u8], tokenizer: &[u8]) -> Self {
        let mut folder = Self::default();
        folder.put(CONFIG, config.into());
        folder.put(TOKENIZER, tokenizer.into());
        folder
    }

    /// Adds a file, in the place of any of its name.
    pub fn put(&mut self, name: &'static str, bytes: Vec<u8>) {
        self.files.insert(name, bytes);
    }

    /// Takes a file out, if it is there.
    pub fn remove(&mut self, name: &str) {
        self.files.remove(name);
    }

    /// A file, without the byte order mark that some editors put in front.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|bytes| without_bom(bytes))
    }

    /// The names of the files that are there.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.files.keys().copied()
    }

    /// Reads what the folder has of the files that matter.
    ///
    /// Weights are not read, and whether they are there is looked at only where it is
    /// known beforehand; then the index is read where they are in shards.
    ///
    /// # Errors
    /// [`FolderError`] naming what was looked for, and what reading a file ends with.
    pub async fn gather<S: Shelf>(from: &S) -> Result<Self, S::Error> {
        let mut folder = Self::default();
        folder.take(from, CONFIG).await?;
        if folder.get(CONFIG).is_none() {
            return Err(FolderError::Config.into());
        }
        folder.take(from, GENERATION).await?;
        folder.take(from, TOKENIZER_CONFIG).await?;
        folder.take(from, TOKENIZER).await?;
        if folder.get(TOKENIZER).is_none() {
            folder.take(from, VOCAB).await?;
            folder.take(from, MERGES).await?;
            if folder.get(VOCAB).is_none() || folder.get(MERGES).is_none() {
                return Err(FolderError::Tokenizer.into());
            }
        }
        // Older folders have in files of their own what newer ones have in one.
        if !folder.has_added_tokens() {
            folder.take(from, SPECIAL_TOKENS).await?;
            folder.take(from, ADDED_TOKENS).await?;
        }
        if from.has(WEIGHTS) == Some(false) {
            folder.take_index(from).await?;
        }
        Ok(folder)
    }

    /// Reads the index of weights that are in shards.
    ///
    /// # Errors
    /// [`FolderError::Weights`] where there is none, and what reading it ends with.
    pub async fn take_index<S: Shelf>(&mut self, from: &S) -> Result<(), S::Error> {
        self.take(from, INDEX).await?;
        match self.get(INDEX) {
            Some(_) => Ok(()),
            None => Err(FolderError::Weights.into()),
        }
    }

    async fn take<S: Shelf>(&mut self, from: &S, name: &'static str) -> Result<(), S::Error> {
        if from.has(name) != Some(false)
            && let Some(bytes) = from.read(name).await?
        {
            self.put(name, bytes);
        }
        Ok(())
    }

    fn has_added_tokens(&self) -> bool {
        let config = self.get(TOKENIZER_CONFIG);
        let config: Option<serde_json::Value> = config.and_then(|b| json::read(b).ok());
        config.is_some_and(|c| c.get("added_tokens_decoder").is_some())
    }

    /// Which shards the weights are in; `None` where they are one file.
    ///
    /// # Errors
    /// [`WeightsError::Index`] when the index cannot be used.
    pub fn index(&self) -> Result<Option<Index>, ModelError> {
        let index = self.get(INDEX).map(Index::parse).transpose();
        index.map_err(|e: WeightsError| e.into())
    }
}
