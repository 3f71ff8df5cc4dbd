//! Why an experiment ended without a report.

use crate::backend::BackendError;
use crate::experiment::{Field, Problem};
use crate::model::{Cancelled, ModelError, TokenizerError};
use crate::numbers::SamplingError;
use crate::rows::PlanError;
use crate::sentence::{Said, Says, Sentence, Stop};

/// Why an experiment ended without a report.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The experiment cannot be run as it stands.
    #[error("{said}")]
    Experiment {
        /// What of it is to be changed.
        field: Field,
        /// Why, and how.
        said: Said,
    },
    /// A dictionary's file could not be read.
    #[error("{said}")]
    Unread {
        /// The direction that is a feature of it.
        field: Field,
        /// Why, and what to do.
        said: Said,
    },
    /// The model or the device failed, or the request was stopped.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl SessionError {
    /// The experiment cannot be run because of one of its fields.
    pub(crate) fn of(field: Field, sentence: impl Sentence) -> Self {
        Self::Experiment {
            field,
            said: sentence.said(),
        }
    }

    /// A fault of the engine's own: something that must be there is not.
    pub(crate) fn lost(what: &str) -> Self {
        BackendError::Internal(what.into()).into()
    }
}

impl Sentence for SessionError {
    fn says(&self) -> Says {
        match self {
            Self::Experiment { said, .. } | Self::Unread { said, .. } => said.says(),
            Self::Model(e) => e.says(),
        }
    }
}

impl From<Problem> for SessionError {
    fn from(problem: Problem) -> Self {
        Self::Experiment {
            field: problem.field,
            said: problem.said(),
        }
    }
}

impl From<BackendError> for SessionError {
    fn from(e: BackendError) -> Self {
        Self::Model(e.into())
    }
}

impl From<PlanError> for SessionError {
    fn from(e: PlanError) -> Self {
        Self::Model(e.into())
    }
}

impl From<TokenizerError> for SessionError {
    fn from(e: TokenizerError) -> Self {
        Self::Model(e.into())
    }
}

impl From<Cancelled> for SessionError {
    fn from(_: Cancelled) -> Self {
        Self::Model(ModelError::Cancelled)
    }
}

impl From<SamplingError> for SessionError {
    fn from(e: SamplingError) -> Self {
        match e {
            SamplingError::Candle(e) => BackendError::from(e).into(),
            SamplingError::NotFinite => SessionError::of(Field::direction(0), Stop(e)),
            SamplingError::Temperature { .. }
            | SamplingError::TopK
            | SamplingError::TopP { .. }
            | SamplingError::RepetitionPenalty { .. }
            | SamplingError::FrequencyPenalty { .. } => SessionError::of(Field::Sampling, Stop(e)),
        }
    }
}
