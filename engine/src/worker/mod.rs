//! The messages between the page (or `patchbay.js`) and the engine's worker.
//!
//! They travel as plain JavaScript objects (serde-wasm-bindgen over
//! `postMessage`), so that Rust and JavaScript speak the same protocol.
//! Every request carries an `id`, and everything that answers it carries it back.

#[cfg(feature = "worker")]
mod engines;
#[cfg(feature = "worker")]
mod failure;
#[cfg(feature = "worker")]
mod fetch;
#[cfg(feature = "worker")]
mod listen;
#[cfg(feature = "worker")]
mod serve;

#[cfg(feature = "worker")]
pub use serve::serve;

use crate::experiment::{BackendInfo, Experiment, ModelInfo, Progress, Report, Update};
use serde::{Deserialize, Serialize};

/// Which backend is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// A real GPU where there is one, else the CPU; a software adapter counts as none.
    #[default]
    Auto,
    Cpu,
    Webgpu,
}

/// What the page asks of the worker. A new `Load` or `Run` does not cancel an
/// older one by itself; it waits for it. Send `Cancel` first to overtake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Load a model: `folder` is the absolute address of a folder with
    /// `config.json`, `tokenizer.json` and `model.safetensors`; `name` is what
    /// the model is called in reports (`mini`, or the address).
    Load {
        id: u32,
        name: String,
        folder: String,
        backend: BackendChoice,
    },
    Run {
        id: u32,
        experiment: Box<Experiment>,
        /// Everything but the sweep, which is only estimated.
        #[serde(default)]
        preview: bool,
    },
    /// Stop the request with this id, running or waiting.
    Cancel { id: u32 },
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// The worker's code has started and it listens.
    Ready,
    Loading {
        id: u32,
        progress: Progress,
    },
    Loaded {
        id: u32,
        model: ModelInfo,
        backend: BackendInfo,
    },
    Update {
        id: u32,
        update: Box<Update>,
    },
    Done {
        id: u32,
        report: Box<Report>,
    },
    Cancelled {
        id: u32,
    },
    Failed {
        id: u32,
        failure: Failure,
    },
}

/// An error as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A short stable name, for programs.
    pub code: FailureCode,
    /// What happened, what was expected and found, and what to do, in sentences.
    pub message: String,
    /// The field of the experiment that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The experiment cannot be run as it stands.
    Experiment,
    /// The model's files are missing, broken or not GPT-2.
    Model,
    /// The network did not deliver a file.
    Network,
    /// The GPU went away; load again, or continue on the CPU.
    DeviceLost,
    /// The device has too little memory; continue on the CPU, or make it smaller.
    OutOfMemory,
    /// WebGPU was asked for and is not to be had.
    NoWebgpu,
    /// A fault of the program itself.
    Internal,
}
