//! Every sentence of the page, one table a language.
//!
//! A second language is one more table beside [`en`]. Sentences of the engine
//! (problems, failures, advice) come from the engine.

mod en;
mod table;
mod words;

pub use table::*;
pub use words::{TourText, WordsText};

/// The language that the page speaks.
#[must_use]
pub fn text() -> &'static Text {
    &en::TEXT
}
