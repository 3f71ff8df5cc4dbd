//! A session whose weights are still on their way.

use super::{Session, steer};
use crate::backend::Backend;
use crate::experiment::ModelInfo;
use crate::model::{Config, Loader, ModelError, Store, Tokenizer};

/// A model that is being loaded: its small files have come, room for its weights
/// is reserved, and their bytes come in order.
pub struct Arriving<B: Backend> {
    name: String,
    backend: B,
    config: Config,
    tokenizer: Tokenizer,
    loader: Loader<B>,
}

impl<B: Backend> Arriving<B> {
    /// Reads `config.json` and `tokenizer.json` and reserves room on the device.
    ///
    /// # Errors
    /// [`ModelError`] naming the file and field that is not right, or when the
    /// device has no room.
    pub fn expect(
        name: &str,
        config: &[u8],
        tokenizer: &[u8],
        backend: B,
    ) -> Result<Self, ModelError> {
        let config = Config::from_json(config)?;
        backend.holds(config.parameters().saturating_mul(4))?;
        let tokenizer = Tokenizer::from_json(
            tokenizer,
            config.shape.n_vocab,
            config.bos_token_id,
            &config.unseen_tokens,
        )?;
        Ok(Self {
            name: name.into(),
            loader: Loader::reserve(&backend, config.clone())?,
            backend,
            config,
            tokenizer,
        })
    }

    /// Takes the next bytes of `model.safetensors`.
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

    /// Bytes of the whole of `model.safetensors`, once its header has come.
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
        let (model, sha256) = self.loader.finish()?;
        let shape = self.config.shape;
        let info = ModelInfo {
            name: self.name,
            n_layer: shape.n_layer,
            n_head: shape.n_head,
            n_embd: shape.n_embd,
            n_positions: shape.n_positions,
            n_vocab: shape.n_vocab,
            sha256,
            parameters: self.config.parameters(),
        };
        Ok(Session {
            backend_info: self.backend.info(),
            backend: self.backend,
            tokenizer: self.tokenizer,
            store: Store::new(shape),
            info,
            model,
            last_sweeps: None,
            embedding_deviation: None,
            kept_bytes: super::patch::KEPT_BYTES,
            memory: steer::Memory::default(),
        })
    }
}
