//! A session whose weights are still on their way.

use super::Session;
use crate::backend::Backend;
use crate::experiment::ModelInfo;
use crate::lab::Lab;
use crate::model::folder::CONFIG;
use crate::model::{
    Config, Folder, FolderError, Index, Loaded, Loader, ModelError, ModelRemark, Tokenizer,
};
use crate::{directions, patching, steering};

/// A model that is being loaded: its small files have come, room for its weights
/// is reserved, and their bytes come in order.
pub struct Arriving<B: Backend> {
    name: String,
    backend: B,
    tokenizer: Tokenizer,
    loader: Loader<B>,
    remarks: Vec<ModelRemark>,
}

impl<B: Backend> Arriving<B> {
    /// Reads the folder's small files and reserves room on the device. Weights in
    /// shards, whose index is among the files, are expected in their order.
    ///
    /// # Errors
    /// [`ModelError`] naming the file and field that is not right, or when the
    /// device has no room.
    pub fn expect(name: &str, folder: &Folder, backend: B) -> Result<Self, ModelError> {
        let config = folder.get(CONFIG).ok_or(FolderError::Config)?;
        let config = Config::from_json(config)?;
        config.mirrored.check_all(folder)?;
        backend.holds(config.parameters().saturating_mul(4))?;
        let (tokenizer, remarks) = Tokenizer::of(folder, &config)?;
        let mut arriving = Self {
            name: name.into(),
            loader: Loader::reserve(&backend, config)?,
            backend,
            tokenizer,
            remarks,
        };
        if let Some(index) = folder.index()? {
            arriving.expect_shards(index)?;
        }
        Ok(arriving)
    }

    /// Expects the weights in several files, before the first of their bytes.
    ///
    /// # Errors
    /// When a tensor of the model is in none of them.
    pub fn expect_shards(&mut self, index: Index) -> Result<(), ModelError> {
        self.loader.expect_shards(&self.backend, index)
    }

    /// The name of the weights' file that comes now; `None` after the last one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.loader.file()
    }

    /// Ends that file; its SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// When bytes of it are missing.
    pub fn end_file(&mut self) -> Result<String, ModelError> {
        self.loader.end_file()
    }

    /// Takes the next bytes of that file.
    ///
    /// # Errors
    /// As soon as the file turns out not to be this model's.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.loader.push(&self.backend, bytes)
    }

    /// Waits until the device has what was pushed.
    ///
    /// # Errors
    /// When the device has no room for it, or is lost.
    pub async fn settle(&self) -> Result<(), ModelError> {
        Ok(self.backend.settle().await?)
    }

    /// Bytes of the whole of that file, once its header has come.
    #[must_use]
    pub fn file_bytes(&self) -> Option<u64> {
        self.loader.file_bytes()
    }

    /// The device that the model goes to.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The session, once all bytes have come.
    ///
    /// # Errors
    /// When bytes are missing.
    pub fn finish(self) -> Result<Session<B>, ModelError> {
        let Loaded {
            model,
            sha256,
            remarks,
        } = self.loader.finish()?;
        let shape = model.config.shape;
        let info = ModelInfo {
            name: self.name,
            n_layer: shape.n_layer,
            n_head: shape.n_head,
            n_embd: shape.n_embd,
            n_positions: shape.n_positions,
            n_vocab: shape.n_vocab,
            sha256,
            parameters: model.config.parameters(),
        };
        Ok(Session {
            lab: Lab::new(self.backend, model, self.tokenizer, info),
            remarks: [self.remarks, remarks].concat(),
            directions: directions::Memory::default(),
            patching: patching::Memory::default(),
            steering: steering::Memory::default(),
        })
    }
}
