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
    /// Whoever asked did not want it any more.
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
    /// The host has no way to read files of dictionaries.
    #[error("The dictionary {dictionary} cannot be read here, because nothing says where it is.")]
    Nowhere {
        /// Its name in the experiment.
        dictionary: String,
    },
    /// The command line was not told in which folder dictionaries are.
    #[error("The dictionary {dictionary} is read from a folder; name it with --dictionary.")]
    NoFolder {
        /// Its name in the experiment.
        dictionary: String,
    },
    /// The file is not in that folder, or cannot be read there.
    #[error("{path}: {reason}.")]
    Unread {
        /// Where it was looked for.
        path: String,
        /// The system's words.
        reason: String,
    },
}

impl Sentence for NoFile {
    fn says(&self) -> Says {
        Says::of("file", self)
    }
}
