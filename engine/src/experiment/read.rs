//! How the model's tokenizer read an experiment: what the page draws as chips.

use serde::{Deserialize, Serialize};

/// One token of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Token {
    pub id: u32,
    /// The token as text, leading space included; a piece that is not whole
    /// UTF-8 is shown with U+FFFD.
    pub text: String,
    /// Whether the model never met this token while it was trained.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

/// How an answer field was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Choice {
    /// The tokens that the text splits into: one, or the choice is not usable.
    pub pieces: Vec<Token>,
    /// What to write instead, where the text is not one token or lacks the
    /// leading space that the prompt asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// A part of the experiment that cannot be run as it stands, or that is likely
/// not what was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The field, by its name in the experiment: `clean`, `corrupted`, `answer`, `wrong`, `sweep` ...
    pub field: String,
    /// What is wrong, what was expected and found, and what to do, as a sentence.
    pub message: String,
    /// Whether it keeps the experiment (or its sweep) from running.
    pub fatal: bool,
}

/// How the tokenizer read the experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reading {
    pub clean: Vec<Token>,
    pub corrupted: Vec<Token>,
    /// Whether BOS was put in front of texts: as the experiment has it, but never where
    /// the model has no such token.
    #[serde(default)]
    pub bos: bool,
    /// Positions of the clean prompt whose tokens differ from the corrupted one's
    /// there, where both have the same length or are aligned.
    pub differing: Vec<usize>,
    /// Where the lengths differ: which positions seem to belong together, clean
    /// then corrupted, to be taken as the experiment's `alignment`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alignment: Vec<(usize, usize)>,
    /// The positions of the experiment's roles in the first pair, clean then corrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<(usize, usize)>,
    /// Pairs of prompts, or draws of noise, that results are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Choice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Choice>,
    pub problems: Vec<Problem>,
}
