//! Every sentence of the page, one table a language.
//!
//! A second language is one more table beside [`en`]. Sentences of the engine
//! (problems, failures, advice) come with a code and arguments, by which the table says
//! them, and in English for those that it does not say.

mod en;
mod table;
mod words;
mod workshop;

pub use table::*;
pub use words::{TourText, WordsText};
pub use workshop::{CollectText, MakeText, WorkshopText};

use crate::format::shortened;
use patchbay_engine::sentence::{Says, Sentence};

/// Characters of a sentence of the engine at most.
const LONGEST: usize = 1_500;

/// The language that the page speaks.
#[must_use]
pub fn text() -> &'static Text {
    &en::TEXT
}

/// The sentences of parts that are loaded when they are first wanted stand by themselves,
/// so that they come with them.
#[must_use]
pub fn workshop() -> &'static WorkshopText {
    &en::WORKSHOP
}

/// As [`workshop`].
#[must_use]
pub fn steer() -> &'static SteerText {
    &en::STEER
}

/// As [`workshop`].
#[must_use]
pub fn alignment() -> &'static AlignmentText {
    &en::ALIGNMENT
}

/// As [`workshop`].
#[must_use]
pub fn template() -> &'static TemplateText {
    &en::TEMPLATE
}

/// As [`workshop`].
#[must_use]
pub fn estimate() -> &'static EstimateText {
    &en::ESTIMATE
}

/// As [`workshop`].
#[must_use]
pub fn look() -> &'static LookText {
    &en::LOOK
}

/// As [`workshop`].
#[must_use]
pub fn raw() -> &'static RawText {
    &en::RAW
}

/// As [`workshop`].
#[must_use]
pub fn forms() -> &'static FormsText {
    &en::FORMS
}

/// As [`workshop`].
#[must_use]
pub fn make() -> &'static MakeText {
    &en::MAKE
}

/// As [`workshop`].
#[must_use]
pub fn collect() -> &'static CollectText {
    &en::COLLECT
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
