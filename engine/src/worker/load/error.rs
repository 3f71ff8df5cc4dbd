//! Why a model did not arrive.

use super::remark::Waiting;
use crate::model::{ConfigError, ModelError, WeightsError};
use crate::sentence::{Says, Sentence, within};
use crate::source::{NameError, Named, Place, Withheld};
use serde::Serialize;

/// Why a file did not arrive. Sentences for people: what, from where, what to do.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchError {
    #[error(
        "{url} is not there (status {status}); a model's folder has config.json, tokenizer.json (or vocab.json and merges.txt) and model.safetensors (or model.safetensors.index.json and its shards), so check the name or address"
    )]
    Missing { url: String, status: u16 },
    #[error(
        "{url} may not be fetched without an account (status {status}); choose a public model, or put its files on a server of your own"
    )]
    Denied { url: String, status: u16 },
    #[error("{0}")]
    Repository(Withheld),
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
    Unreachable {
        url: String,
        #[serde(serialize_with = "within")]
        reason: Break,
    },
    #[error(
        "{url} broke off after {done} bytes ({reason}), again and again; what has arrived is kept, check the connection and load again"
    )]
    Interrupted {
        url: String,
        done: u64,
        #[serde(serialize_with = "within")]
        reason: Break,
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
    Changed {
        url: String,
        #[serde(serialize_with = "within")]
        what: Change,
    },
    #[error(
        "{url} has more than {most} bytes, which is more than is read of it; check the address"
    )]
    TooLarge { url: String, most: usize },
    #[error(
        "{url} leads on to another address, which is not followed from here; open a link with that address, so that its host can be agreed to"
    )]
    LeadsOn { url: String },
    #[error(
        "{url} had not come whole after {seconds} seconds; check the connection, or take another server"
    )]
    Slow { url: String, seconds: u32 },
    #[error("{url} is not UTF-8; save it as UTF-8")]
    NoText { url: String },
    #[error(
        "{url} is a web page, not the file; the server may want a login, or the address is that of a page about it"
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
    #[error(
        "{url}: the server does not let this browser ask for a small part of it, and the whole{} is not fetched unasked; try another browser (those made from Chromium need no leave), or put the files on a server whose Access-Control-Allow-Headers names Range",
        .megabytes.map(|n| format!(" ({n} MB)")).unwrap_or_default()
    )]
    NoParts { url: String, megabytes: Option<u64> },
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

    /// Of a repository, what the hub may mean by its refusal.
    pub fn of(self, named: &Named, place: &Place) -> Self {
        let (Self::Denied { url, status } | Self::Missing { url, status }) = &self else {
            return self;
        };
        match named.withheld(place, url, *status) {
            Some(withheld) => Self::Repository(withheld),
            None => self,
        }
    }

    /// What is waited for, as a further request in so many seconds may bring what this
    /// one did not; `None` where none would.
    pub fn waiting(&self, seconds: f64) -> Option<Waiting> {
        match self {
            Self::Busy { status, .. } => Some(Waiting::Busy {
                status: *status,
                seconds,
            }),
            Self::Unreachable { reason, .. } => Some(Waiting::NoAnswer {
                reason: reason.clone(),
                seconds,
            }),
            Self::Interrupted { reason, .. } => Some(Waiting::BrokenOff {
                reason: reason.clone(),
                seconds,
            }),
            _ => None,
        }
    }

    /// Whether a further request may bring what this one did not.
    pub fn is_passing(&self) -> bool {
        self.waiting(0.0).is_some()
    }
}

impl Sentence for FetchError {
    fn says(&self) -> Says {
        match self {
            Self::Repository(withheld) => withheld.says(),
            e => Says::of("fetch", e),
        }
    }
}

/// Why bytes do not come.
#[derive(Clone, Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// The browser's word.
    #[error("{0}")]
    Browser(String),
    #[error("no answer for {seconds} seconds")]
    NoAnswer { seconds: u32 },
    #[error("no byte for {seconds} seconds")]
    NoByte { seconds: u32 },
    #[error("the connection ended early")]
    EndedEarly,
    #[error("its answer is not a list of files: {reason}")]
    NoList { reason: String },
}

impl Sentence for Break {
    fn says(&self) -> Says {
        Says::of("break", self)
    }
}

/// How a file changed while it was fetched.
#[derive(Clone, Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    #[error("it has no byte {from} any more")]
    NoByte { from: u64 },
    #[error("what this browser had kept of it is damaged")]
    Damaged,
    #[error("byte {asked} was asked for, byte {sent} was sent")]
    OtherByte { asked: u64, sent: u64 },
    #[error("its mark was {old}, now it is {new}")]
    Mark { old: String, new: String },
    #[error("it had {expected} bytes, now it has {found}")]
    Bytes { expected: u64, found: u64 },
}

impl Sentence for Change {
    fn says(&self) -> Says {
        Says::of("change", self)
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

impl Sentence for LoadError {
    fn says(&self) -> Says {
        match self {
            Self::Fetch(e) => e.says(),
            Self::Model(e) => e.says(),
            Self::Config(e) => e.says(),
            Self::Weights(e) => e.says(),
            Self::Name(e) => e.says(),
        }
    }
}

impl LoadError {
    /// Of a repository, what the hub may mean by its refusal.
    pub fn of(self, model: &str, place: &Place) -> Self {
        match (self, Named::parse(model)) {
            (Self::Fetch(e), Ok(named)) => Self::Fetch(e.of(&named, place)),
            (e, _) => e,
        }
    }

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
