//! GPT-2: its files, and its forward pass over a plan of rows.

mod backward;
mod circuit;
mod config;
mod ends;
mod expected;
mod fields;
pub mod folder;
mod gpt2;
mod head;
mod header;
mod hooks;
mod incoming;
mod index;
mod loader;
pub mod mirrored;
mod places;
mod readout;
mod remark;
mod sample;
mod seed;
mod settings;
mod table;
mod tokenizer;
mod vectors;
mod vocabulary;
mod weights;

pub use backward::{Gradients, KEPT_FOR_GRADIENTS};
pub use circuit::{EdgeScores, KEPT_FOR_SENDERS, sent_change};
pub use config::{Activation, Config, ConfigError};
pub use expected::Expected;
pub use folder::{Folder, FolderError};
pub use gpt2::{Gpt2, Outcome};
pub use header::{Entry, Header};
pub use hooks::Store;
pub use index::Index;
pub use loader::{Loaded, Loader, combined_sha256};
pub use readout::{Logits, OfRuns, Wanted};
pub use remark::ModelRemark;
pub use sample::Sample;
pub use seed::Slope;
pub use tokenizer::{Tokenizer, TokenizerError, TokenizerFault};
pub use weights::{IndexFault, WeightsError};

use crate::backend::BackendError;
use crate::rows::PlanError;
use crate::sentence::{Says, Sentence};
use std::future::Future;

/// The three files of a plain model folder, as bytes; [`Folder`] has what else there may be.
#[derive(Clone, Debug)]
pub struct Files {
    /// `config.json`
    pub config: Vec<u8>,
    /// `tokenizer.json`
    pub tokenizer: Vec<u8>,
    /// `model.safetensors`
    pub weights: Vec<u8>,
}

/// Why a model could not be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The folder lacks a file that every model has.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// `config.json` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tokenizer's files cannot be used, or it cannot split a text.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The weights, or the list of their files, cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device failed, or is too small.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// What was to be run does not fit the model.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Whoever waited for it had it stopped.
    #[error("stopped")]
    Cancelled,
}

impl Sentence for ModelError {
    fn says(&self) -> Says {
        match self {
            Self::Folder(e) => e.says(),
            Self::Config(e) => e.says(),
            Self::Tokenizer(e) => e.says(),
            Self::Weights(e) => e.says(),
            Self::Backend(e) => e.says(),
            Self::Plan(e) => e.says(),
            Self::Cancelled => Says::new("model.stopped", []),
        }
    }
}

/// Whoever waits for a forward pass: it hears how far the pass has got, may
/// stop it, and gets a chance to do other things in between.
pub trait Pulse {
    /// Called between layers with the multiplications done since the last call.
    fn beat(
        &self,
        multiplications: u64,
    ) -> impl Future<Output = std::result::Result<(), Cancelled>>;
}

/// The pass was asked to stop.
#[derive(Clone, Copy, Debug)]
pub struct Cancelled;

impl From<Cancelled> for ModelError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// Waits without listening: for tests and short passes.
#[derive(Clone, Copy, Debug)]
pub struct Patient;

impl Pulse for Patient {
    async fn beat(&self, _: u64) -> std::result::Result<(), Cancelled> {
        Ok(())
    }
}
