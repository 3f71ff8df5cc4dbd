//! Why a model did not arrive.

use crate::model::{ConfigError, ModelError, WeightsError};
use crate::source::NameError;

/// Why a file did not arrive. Sentences for people: what, from where, what to do.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(
        "{url} is not there (status {status}); a model's folder has config.json, tokenizer.json (or vocab.json and merges.txt) and model.safetensors (or model.safetensors.index.json and its shards), so check the name or address"
    )]
    Missing { url: String, status: u16 },
    #[error(
        "{url} may not be fetched without an account (status {status}); choose a public model, or put its files on a server of your own"
    )]
    Denied { url: String, status: u16 },
    #[error(
        "{url}: the server is busy (status {status}) and stayed so; what has arrived is kept, try again later"
    )]
    Busy {
        url: String,
        status: u16,
        /// Seconds that the server asks to wait, where it says.
        after: Option<f64>,
    },
    #[error(
        "{url} was answered with status {status}, which is neither the file nor a known fault; check the address"
    )]
    Status { url: String, status: u16 },
    #[error(
        "{url} could not be reached ({reason}); check the address and the connection; a server other than this page's must allow it (CORS)"
    )]
    Unreachable { url: String, reason: String },
    #[error(
        "{url} broke off after {done} bytes ({reason}), again and again; what has arrived is kept, check the connection and load again"
    )]
    Interrupted {
        url: String,
        done: u64,
        reason: String,
    },
    #[error(
        "{url}: the server has {found} bytes of it, but the file's own header needs {expected}; the copy there is cut short, so take another source"
    )]
    CutShort {
        url: String,
        found: u64,
        expected: u64,
    },
    #[error(
        "{url} changed on the server while it was fetched ({what}); what had arrived was deleted, load again"
    )]
    Changed { url: String, what: String },
    #[error(
        "{url} is a web page, not the file; the server may want a login, or the address is that of a page about the model"
    )]
    WebPage { url: String },
    #[error(
        "{file} of {folder} has the SHA-256 {found}, but {expected} is published for it; it was damaged or replaced on the way and is not used. What had arrived was deleted: load again, and if it happens again take another source"
    )]
    Hash {
        file: String,
        folder: String,
        found: String,
        expected: String,
    },
    #[error(
        "{url}: the server sends only the whole file, where a small part of it was asked for; take another source, whose server knows ranges"
    )]
    WholeOnly { url: String },
    #[error("stopped")]
    Cancelled,
}

impl FetchError {
    /// Whether it may say that a folder has no such file.
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::Denied { .. } | Self::WebPage { .. }
        )
    }

    /// Why a further request may bring what this one did not; `None` where none would.
    pub fn passing(&self) -> Option<String> {
        match self {
            Self::Busy { status, .. } => Some(format!("The server is busy (status {status})")),
            Self::Unreachable { reason, .. } => {
                Some(format!("The server does not answer ({reason})"))
            }
            Self::Interrupted { reason, .. } => {
                Some(format!("The connection broke off ({reason})"))
            }
            _ => None,
        }
    }
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Name(#[from] NameError),
}

impl LoadError {
    /// Whether it says that the files are not right, so that what is kept of
    /// them is no good.
    pub fn blames_files(&self) -> bool {
        match self {
            Self::Fetch(e) => matches!(
                e,
                FetchError::Changed { .. } | FetchError::Hash { .. } | FetchError::CutShort { .. }
            ),
            Self::Model(e) => matches!(
                e,
                ModelError::Config(_) | ModelError::Tokenizer(_) | ModelError::Weights(_)
            ),
            Self::Config(_) | Self::Weights(_) => true,
            Self::Name(_) => false,
        }
    }
}
