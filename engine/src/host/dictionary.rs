//! Files of dictionaries, as a host reads them.

use crate::model::Cancelled;
use crate::sentence::{Said, Says, Sentence};
use serde::Serialize;

/// One file of a dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DictionaryFile<'a> {
    /// The dictionary's name: see [`dictionary::named`](crate::dictionary::named).
    pub dictionary: &'a str,
    /// The folder in it, of one activation.
    pub folder: String,
    /// The file in that.
    pub name: &'a str,
}

/// Why a file was not read.
#[derive(Debug)]
pub enum Unread {
    /// With what to do.
    Because(Said),
    Cancelled(Cancelled),
}

impl From<Cancelled> for Unread {
    fn from(e: Cancelled) -> Self {
        Self::Cancelled(e)
    }
}

impl From<NoFile> for Unread {
    fn from(e: NoFile) -> Self {
        Self::Because(e.said())
    }
}

/// Why there is no such file where files are looked for in a folder, or nowhere.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoFile {
    #[error("The dictionary {dictionary} cannot be read here, because nothing says where it is.")]
    Nowhere { dictionary: String },
    #[error("The dictionary {dictionary} is read from a folder; name it with --dictionary.")]
    NoFolder { dictionary: String },
    #[error("{path}: {reason}.")]
    Unread { path: String, reason: String },
}

impl Sentence for NoFile {
    fn says(&self) -> Says {
        Says::of("file", self)
    }
}
