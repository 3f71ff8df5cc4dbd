//! Every sentence of the page, one table a language.
//!
//! A second language is one more table beside [`en`]. Sentences of the engine
//! (problems, failures, advice) come with a code and arguments, by which the table says
//! them, and in English for those that it does not say.

mod en;
mod table;
mod words;

pub use table::*;
pub use words::{TourText, WordsText};

use crate::format::shortened;
use patchbay_engine::sentence::{Says, Sentence};

/// Characters of a sentence of the engine at most.
const LONGEST: usize = 1_500;

/// The language that the page speaks.
#[must_use]
pub fn text() -> &'static Text {
    &en::TEXT
}

/// A sentence of the engine: in the page's language, or as it came.
#[must_use]
pub fn said(message: &str, says: &Says) -> String {
    let said = (text().says)(says).unwrap_or_else(|| message.into());
    // A file or a link may have been quoted.
    shortened(&said, LONGEST)
}

/// The same of an error that the page itself found.
#[must_use]
pub fn say(sentence: &impl Sentence) -> String {
    said(&sentence.to_string(), &sentence.says())
}
