//! Every error, as the page shows it.

use super::load::{FetchError, LoadError};
use crate::backend::BackendError;
use crate::experiment::Field;
use crate::model::ModelError;
use crate::protocol::{Failure, FailureCode};
use crate::sentence::{Said, Sentence};
use crate::session::SessionError;

impl Failure {
    pub(super) fn new(code: FailureCode, sentence: &dyn Sentence) -> Self {
        Self::said(code, Said::of(sentence), None)
    }

    pub(super) fn said(code: FailureCode, said: Said, field: Option<Field>) -> Self {
        Self {
            code,
            message: said.message,
            says: said.says,
            field,
        }
    }
}

/// How a request ended without its answer.
#[derive(Debug)]
pub(super) enum Ended {
    Cancelled,
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SessionError> for Ended {
    fn from(e: SessionError) -> Self {
        let (code, field, said) = match e {
            SessionError::Experiment { field, said } => (FailureCode::Experiment, field, said),
            SessionError::Unread { field, said } => (FailureCode::Network, field, said),
            SessionError::Model(e) => return e.into(),
        };
        Failure::said(code, said, Some(field)).into()
    }
}

impl From<ModelError> for Ended {
    fn from(e: ModelError) -> Self {
        let code = match &e {
            ModelError::Cancelled => return Self::Cancelled,
            ModelError::Folder(_)
            | ModelError::Config(_)
            | ModelError::Tokenizer(_)
            | ModelError::Weights(_) => FailureCode::Model,
            ModelError::Backend(e) => code(e),
            // A layer, position or head that this model has not, or a prompt it cannot read.
            ModelError::Plan(_) => FailureCode::Experiment,
        };
        Failure::new(code, &e).into()
    }
}

fn code(e: &BackendError) -> FailureCode {
    match e {
        BackendError::OutOfMemory { .. } | BackendError::TooLarge { .. } => {
            FailureCode::OutOfMemory
        }
        BackendError::DeviceLost(_) => FailureCode::DeviceLost,
        BackendError::Unavailable { .. } => FailureCode::NoWebgpu,
        BackendError::Wrong(_) => FailureCode::WrongNumbers,
        BackendError::Shape { .. }
        | BackendError::TooMany { .. }
        | BackendError::Candle(_)
        | BackendError::Gpu(_)
        | BackendError::Internal(_) => FailureCode::Internal,
    }
}

impl From<LoadError> for Ended {
    fn from(e: LoadError) -> Self {
        let code = match &e {
            LoadError::Fetch(FetchError::Cancelled) => return Self::Cancelled,
            LoadError::Fetch(
                FetchError::Hash { .. } | FetchError::CutShort { .. } | FetchError::WebPage { .. },
            )
            | LoadError::Config(_)
            | LoadError::Weights(_)
            | LoadError::Name(_) => FailureCode::Model,
            LoadError::Fetch(_) => FailureCode::Network,
            LoadError::Model(_) => match e {
                LoadError::Model(e) => return e.into(),
                _ => FailureCode::Model,
            },
        };
        Failure::new(code, &e).into()
    }
}
