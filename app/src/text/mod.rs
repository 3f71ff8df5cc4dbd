//! Every sentence of the page, one table a language.
//!
//! A second language is one more table beside [`en`]. Sentences of the engine
//! (problems, failures, advice) come from the engine.

mod en;
mod table;

pub use table::*;

/// The language that the page speaks.
#[must_use]
pub fn text() -> &'static Text {
    &en::TEXT
}
