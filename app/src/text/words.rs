//! Sentences about the field's terms, and of the tour.

use crate::terms::Term;

/// What terms are called, and how their explanations are shown.
pub struct WordsText {
    /// The file beside the page that says what each term means, by its name.
    pub file: &'static str,
    pub name: fn(Term) -> &'static str,
    pub ask: fn(&str) -> String,
    pub source: fn(&str) -> String,
    pub waiting: &'static str,
    pub failed: &'static str,
    pub keys: &'static str,
    pub all: &'static str,
    pub title: &'static str,
    pub close: &'static str,
    pub filter: &'static str,
    pub found: fn(usize) -> String,
    /// Under the settings that Zhang and Nanda compare: the metric, what corrupts, the
    /// window, which way.
    pub advice: [&'static str; 4],
}

/// The first minutes.
pub struct TourText {
    pub label: &'static str,
    pub again: &'static str,
    pub step: fn(usize) -> String,
    pub waiting: &'static str,
    /// With what the model expects after each of the two prompts.
    pub prompts: fn(&str, &str) -> String,
    pub next: &'static str,
    pub map: &'static str,
    pub own: &'static str,
    pub there: &'static str,
    pub last: &'static str,
    pub skip: &'static str,
    pub done: &'static str,
}
