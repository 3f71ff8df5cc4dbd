//! Why an experiment ended without a report.

use crate::backend::BackendError;
use crate::experiment::{Field, Problem};
use crate::model::{Cancelled, ModelError, TokenizerError};
use crate::numbers::SamplingError;
use crate::rows::PlanError;
use crate::text::Plain;

/// Why an experiment ended without a report.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The experiment cannot be run as it stands.
    #[error("{}", Plain(message))]
    Experiment { field: Field, message: String },
    /// A dictionary's file could not be read.
    #[error("{}", Plain(message))]
    Unread { field: Field, message: String },
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl SessionError {
    /// The experiment cannot be run because of one of its fields.
    pub(crate) fn of(field: impl Into<Field>, message: impl Into<String>) -> Self {
        Self::Experiment {
            field: field.into(),
            message: message.into(),
        }
    }

    /// A fault of the engine's own: something that must be there is not.
    pub(crate) fn lost(what: &str) -> Self {
        BackendError::Internal(what.into()).into()
    }
}

impl From<Problem> for SessionError {
    fn from(problem: Problem) -> Self {
        Self::of(problem.field, problem.message)
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
            SamplingError::NotFinite => SessionError::of(Field::direction(0), format!("{e}.")),
            SamplingError::Setting { .. } => SessionError::of(Field::Sampling, format!("{e}.")),
        }
    }
}
