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
    /// No GPU could be opened.
    #[error("The CPU, because no GPU can be used: {}.", Bare(fault))]
    NoGpu {
        /// Why not.
        #[serde(serialize_with = "within")]
        fault: BackendError,
    },
    /// The trial ended with an error, on either device.
    #[error("The CPU, because the GPU could not be tried: {}.", Bare(fault))]
    NotTried {
        /// Which error.
        #[serde(serialize_with = "within")]
        fault: ModelError,
    },
    /// The GPU failed, or computes wrongly.
    #[error("The CPU, because {}.", Bare(fault))]
    Failed {
        /// What it failed with, or which number was wrong.
        #[serde(serialize_with = "within")]
        fault: BackendError,
    },
    /// The GPU was faster in the trial, and then did not answer the questions of the
    /// check in time.
    #[error("The CPU, because the GPU ({device}) does not answer.")]
    Silent {
        /// The adapter's name, as the browser or the driver tells it.
        device: String,
    },
    /// The trial's passes took the GPU as long as the CPU or longer, or it did not
    /// answer.
    #[error("The CPU, because the GPU was not faster in a trial: {figures}.")]
    NotFaster {
        /// Both times, for people.
        figures: Figures,
    },
    /// The GPU was faster in the trial, and computes what the CPU does.
    #[error("WebGPU, because it was faster in a trial: {figures}. {}", Agreed(*difference))]
    Faster {
        /// Both times, for people.
        figures: Figures,
        /// The largest difference in the check, |difference| / max(1, |expected|).
        difference: f32,
    },
    /// A person chose WebGPU, and it computes what the CPU does.
    #[error("WebGPU ({device}), because it was asked for. {}", Agreed(*difference))]
    AskedFor {
        /// The adapter's name, as the browser or the driver tells it.
        device: String,
        /// The largest difference in the check, |difference| / max(1, |expected|).
        difference: f32,
    },
    /// The same, where the adapter is a program that runs on the CPU.
    #[error(
        "WebGPU ({device}), because it was asked for, though it is itself the CPU, which is faster without that detour. {}",
        Agreed(*difference)
    )]
    AskedForInSoftware {
        /// The adapter's name, as the browser or the driver tells it.
        device: String,
        /// The largest difference in the check, |difference| / max(1, |expected|).
        difference: f32,
    },
    /// What was refused stays visible where the CPU was asked for.
    #[error("The CPU; {fault}.")]
    Refused {
        /// What the GPU computed wrongly, earlier in this session.
        #[serde(serialize_with = "within")]
        fault: WrongNumbers,
    },
    /// The GPU was chosen, but failed when room for the weights was reserved there.
    #[error("The CPU, because the GPU could not take the model: {fault}.")]
    NoRoom {
        /// What it failed with.
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
