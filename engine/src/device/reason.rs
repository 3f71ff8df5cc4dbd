//! Why a device was chosen, in sentences.

use super::trial::Figures;
use crate::backend::{BackendError, WrongNumbers};
use crate::model::ModelError;
use crate::sentence::{Says, Sentence, within};
use serde::Serialize;
use std::fmt::{self, Display};

/// Why a device computes.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    #[error("The CPU, because no GPU can be used: {}.", Bare(fault))]
    NoGpu {
        #[serde(serialize_with = "within")]
        fault: BackendError,
    },
    #[error("The CPU, because the GPU could not be tried: {}.", Bare(fault))]
    NotTried {
        #[serde(serialize_with = "within")]
        fault: ModelError,
    },
    /// The GPU failed, or computes wrongly.
    #[error("The CPU, because {}.", Bare(fault))]
    Failed {
        #[serde(serialize_with = "within")]
        fault: BackendError,
    },
    #[error("The CPU, because the GPU ({device}) does not answer.")]
    Silent { device: String },
    #[error("The CPU, because the GPU was not faster in a trial: {figures}.")]
    NotFaster { figures: Figures },
    #[error("WebGPU, because it was faster in a trial: {figures}. {}", Agreed(*difference))]
    Faster { figures: Figures, difference: f32 },
    #[error("WebGPU ({device}), because it was asked for. {}", Agreed(*difference))]
    AskedFor { device: String, difference: f32 },
    #[error(
        "WebGPU ({device}), because it was asked for, though it is itself the CPU, which is faster without that detour. {}",
        Agreed(*difference)
    )]
    AskedForInSoftware { device: String, difference: f32 },
    /// What was refused stays visible where the CPU was asked for.
    #[error("The CPU; {fault}.")]
    Refused {
        #[serde(serialize_with = "within")]
        fault: WrongNumbers,
    },
    #[error("The CPU, because the GPU could not take the model: {fault}.")]
    NoRoom {
        #[serde(serialize_with = "within")]
        fault: BackendError,
    },
}

impl Sentence for Reason {
    fn says(&self) -> Says {
        Says::of("device", self)
    }
}

/// Within a sentence: some drivers end theirs with a full stop.
struct Bare<'a, T>(&'a T);

impl<T: Display> Display for Bare<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('.'))
    }
}

/// What was found when a GPU's kernels were checked.
pub struct Agreed(pub f32);

impl Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millionths = 1e6 * self.0;
        write!(
            f,
            "Its kernels were checked against the CPU's: they differ by at most {millionths:.1} millionths."
        )
    }
}
