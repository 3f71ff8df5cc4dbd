//! Answers that there are with and without a space in front.

use crate::experiment::{Field, Tokens};

/// An answer without a space in front, whose tokens are tokens with one, too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spaceless {
    /// 0 is the experiment's own.
    pub pair: usize,
    pub field: Field,
    pub written: Vec<u32>,
    pub spaced: Vec<u32>,
    /// How it is written with spaces.
    pub instead: Tokens,
}

/// A token without a space in front and the one with it, by id, and the latter's text.
pub(crate) struct Twin {
    pub written: u32,
    pub spaced: u32,
    pub text: String,
}
