//! What the worker itself has to say.

use crate::directions::files::FileError;
use crate::sentence::{Says, Sentence, within};
use serde::Serialize;

#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WorkerProblem {
    #[error("Patchbay's engine has a fault and stopped ({fault}); load the model again")]
    Stopped { fault: String },
    /// The browser refuses something that the worker needs.
    #[error("{reason}")]
    Browser { reason: String },
    #[error("no model is loaded; load one first")]
    NoModel,
    #[error("{name}: {fault}.")]
    DirectionFile {
        name: String,
        #[serde(serialize_with = "within")]
        fault: FileError,
    },
    #[error("this is not a request that the engine knows: {reason}")]
    UnknownRequest { reason: String },
    #[error("this is not a request that the engine knows: it does not say what to write")]
    NothingToWrite,
    #[error("this is not an experiment: {reason}; it needs clean, corrupted and metrics")]
    NoExperiment { reason: String },
    #[error("the experiment's field {path} cannot be read: {reason}")]
    Field { path: String, reason: String },
}

impl Sentence for WorkerProblem {
    fn says(&self) -> Says {
        Says::of("worker", self)
    }
}
