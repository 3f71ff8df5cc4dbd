//! One request, as everything that works on it is told of it.

use super::{Host, SessionError};
use crate::experiment::{Field, Problem};
use crate::sentence::Sentence;

/// Who asked, how prompts begin, and which field of the experiment is at work.
#[derive(Debug)]
pub(crate) struct Task<'a, H> {
    pub host: &'a H,
    /// Whether the model's start token stands in front of every prompt.
    pub bos: bool,
    /// The field that an error is about, unless it knows better.
    pub field: Field,
}

// Derived, it would ask the same of the host.
impl<H> Clone for Task<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Task<'_, H> {}

impl<H: Host> Task<'_, H> {
    /// The same, of another field.
    pub fn about(self, field: Field) -> Self {
        Self { field, ..self }
    }

    /// The experiment cannot be run because of the field at work.
    pub fn wrong(&self, sentence: impl Sentence) -> SessionError {
        SessionError::of(self.field, sentence)
    }
}

/// How an experiment is to be run.
pub(crate) struct Asked {
    /// What is known to be odd about it.
    pub told: Vec<Problem>,
    /// Whether a sweep or a map is only estimated.
    pub preview: bool,
    /// Numbers that its captures may have in all.
    pub most_captured: usize,
}
