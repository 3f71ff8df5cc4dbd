//! Files of dictionaries, as a host reads them.

use crate::model::Cancelled;

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
    /// As a sentence, with what to do.
    Because(String),
    Cancelled(Cancelled),
}

impl From<Cancelled> for Unread {
    fn from(e: Cancelled) -> Self {
        Self::Cancelled(e)
    }
}
