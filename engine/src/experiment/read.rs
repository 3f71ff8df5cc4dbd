//! How the model's tokenizer read an experiment: what the page draws as chips.

use super::{Field, TokenRef, Tokens};
use crate::sentence::{Said, Says, Sentence};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// One token of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Token {
    /// In the model's vocabulary, from 0.
    pub id: u32,
    /// The token as text, leading space included. Where `bytes` is set it has bytes
    /// that are no whole character, each as `\x` and two hexadecimal digits.
    pub text: String,
    /// Whether the token is only a part of a character, or has such a part: `text`
    /// then shows it and is not read as it, so it is named by its id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bytes: bool,
    /// Whether the model never met this token while it was trained.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

impl Token {
    /// How an experiment names it: by its text, or by its id where that is not read
    /// as the token.
    #[must_use]
    pub fn reference(&self) -> TokenRef {
        match self.bytes {
            true => TokenRef::Id(self.id),
            false => TokenRef::Text(self.text.clone()),
        }
    }

    /// What tokens say together: parts of a character become the character.
    pub fn joined<'a>(tokens: impl IntoIterator<Item = &'a Self>) -> String {
        let mut all = Vec::new();
        for token in tokens {
            let mut rest = token.text.as_str();
            while let Some(at) = rest.find("\\x").filter(|_| token.bytes) {
                all.extend_from_slice(&rest.as_bytes()[..at]);
                rest = &rest[at + 2..];
                let byte = rest.get(..2).map(|hex| u8::from_str_radix(hex, 16));
                match byte {
                    Some(Ok(byte)) => {
                        all.push(byte);
                        rest = &rest[2..];
                    }
                    _ => all.extend_from_slice(b"\\x"),
                }
            }
            all.extend_from_slice(rest.as_bytes());
        }
        shown(&all).0
    }
}

/// Bytes as text, and whether some of them are no whole character: those are
/// shown as `\x` and two hexadecimal digits each.
#[must_use]
pub fn shown(bytes: &[u8]) -> (String, bool) {
    let (mut text, mut broken) = (String::new(), false);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            broken = true;
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    (text, broken)
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
    /// The part of the experiment, by its path: `clean`, `steer.directions.2` ...
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub field: Field,
    /// What is wrong, what was expected and found, and what to do, as a sentence.
    pub message: String,
    /// The same for other languages.
    #[serde(default)]
    pub says: Says,
    /// Whether it keeps the experiment (or its sweep) from running.
    pub fatal: bool,
}

impl Problem {
    /// What is wrong with a field, as a sentence; `fatal` where it keeps that from
    /// running.
    // As the limits: compiled with whoever calls it.
    #[inline]
    pub fn of(field: Field, fatal: bool, sentence: &dyn Sentence) -> Self {
        let Said { message, says } = Said::of(sentence);
        Self {
            field,
            message,
            says,
            fatal,
        }
    }

    /// Its sentence.
    #[inline]
    #[must_use]
    pub fn said(self) -> Said {
        Said {
            message: self.message,
            says: self.says,
        }
    }
}

/// What is probably to be mended in one cell of the table of pairs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CellRemark {
    /// Which of the pairs: 0 is the experiment's own prompts and answers, 1 the first
    /// of its further pairs.
    pub pair: usize,
    /// `clean`, `corrupted`, `answer` or `wrong`
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub field: Field,
    /// What is to be mended.
    pub fault: CellFault,
    /// What to write instead, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Tokens>,
}

/// What may be wrong with a cell of the table of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CellFault {
    /// An answer has no space in front, and the clean run finds it likelier with one.
    NoSpace,
    /// An answer is not one token.
    NotOneToken,
    /// It holds tokens that the model never met in training.
    Unseen,
    /// A prompt ends with a space, which the next word brings itself.
    EndsInSpace,
}

/// How the tokenizer read the experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reading {
    /// The clean prompt of the first pair, BOS included. Empty in the steering room.
    pub clean: Vec<Token>,
    /// The corrupted prompt of the first pair; where noise corrupts, the clean one again.
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
    /// Which of the experiment's further pairs cannot be run, counted from 0: the
    /// rest can be run without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_pairs: Vec<usize>,
    /// What is probably to be mended in the table of pairs, cell by cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellRemark>,
    /// Pairs of prompts, or draws of noise, that results are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<usize>,
    /// How the first metric's answer was read; of a set, `pieces` are those of all its
    /// tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Choice>,
    /// How its wrong answer was read, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Choice>,
    /// What keeps something from running, and what is likely not meant.
    pub problems: Vec<Problem>,
}
