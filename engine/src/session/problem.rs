//! What can be wrong with a report's numbers or with what a file is asked for.

use crate::directions::files::FileError;
use crate::sentence::{Says, Sentence, within};
use serde::Serialize;

#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionProblem {
    #[error(
        "The result {path} is not a finite number: 32-bit arithmetic overflowed on the way to it. Read it, and what depends on it, as missing."
    )]
    NotFinite { path: String },
    #[error(
        "Direction {direction} was asked for, but the experiment has {directions}; choose one that it has."
    )]
    NoDirection { direction: usize, directions: usize },
    #[error("“{name}”: {fault}.")]
    DirectionFile {
        name: String,
        #[serde(serialize_with = "within")]
        fault: FileError,
    },
    #[error("{reason}.")]
    ActivationsFile { reason: String },
    #[error("No activation is chosen; choose at least one.")]
    NoActivation,
    #[error(
        "Some of these activations are not finite numbers: 32-bit arithmetic overflowed on the way to them. Take sites before that."
    )]
    ActivationsNotFinite,
}

impl Sentence for SessionProblem {
    fn says(&self) -> Says {
        Says::of("session", self)
    }
}
