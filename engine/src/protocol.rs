//! The messages between the page (or `patchbay.js`) and the engine's worker.
//!
//! They travel as plain JavaScript objects (serde-wasm-bindgen over
//! `postMessage`), so that Rust and JavaScript speak the same protocol. A file's
//! bytes are a `Uint8Array`.
//! Every request carries an `id`, and everything that answers it carries it back.

use crate::experiment::{
    BackendInfo, Direction, Experiment, Export, Field, ModelInfo, Progress, Report, Update,
};
use crate::sentence::{Said, Says};
use crate::source::Place;
use serde::{Deserialize, Serialize};

/// Which backend is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// The GPU where it is faster in a trial and computes what it should, else the CPU.
    #[default]
    Auto,
    Cpu,
    Webgpu,
}

/// What the page asks of the worker. A new `Load` or `Run` does not cancel an
/// older one by itself; it waits for it. Send `Cancel` first to overtake.
/// In the worker what has an experiment is read by `listen`, which names the field
/// that is wrong, and only there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Say what loading a model would take, before a byte of its weights is
    /// fetched. A host that is not the page's own is asked for a list of the
    /// files, unless all that is known or kept already.
    Describe {
        id: u32,
        model: String,
        place: Place,
    },
    /// Load a model by its name ([`Named`](crate::source::Named)). What arrives is
    /// kept in the browser, so that a load that was cancelled goes on where it was.
    Load {
        id: u32,
        model: String,
        place: Place,
        backend: BackendChoice,
        /// Engines that share a sweep on the CPU, this one included; as many as the
        /// machine has room for when left out. Each holds the model, and takes its
        /// files from where the browser keeps them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        engines: Option<usize>,
        /// For tests: a kernel of the GPU that is to compute wrongly, by its name, so
        /// that it is seen to be noticed. No link and no setting has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        faulty: Option<String>,
    },
    /// Say which models are kept in this browser.
    Kept { id: u32 },
    /// Delete one of them, by its key; answered like `Kept`.
    Forget { id: u32, key: String },
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Run {
        id: u32,
        experiment: Box<Experiment>,
        /// Everything but the sweep, which is only estimated.
        #[serde(default)]
        preview: bool,
        /// What a person agreed to fetch.
        #[serde(default)]
        agreed: Agreed,
        /// Of the sweep, only the pieces that are given out: this engine shares
        /// the work of another, which answers each [`Response::Wants`].
        #[serde(default)]
        share: bool,
    },
    /// Write something of an experiment to a file.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Export {
        id: u32,
        experiment: Box<Experiment>,
        what: Export,
        #[serde(default)]
        agreed: Agreed,
    },
    /// Read a file with a direction in it; needs no model.
    Read {
        id: u32,
        /// The file's name.
        name: String,
        #[serde(default, with = "serde_bytes")]
        bytes: Vec<u8>,
        /// The layer of a lone vector that names none.
        #[serde(default)]
        layer: usize,
    },
    /// Fetch an experiment's file from a host that a person agreed to; needs no model.
    Open { id: u32, url: String },
    /// The piece of a shared sweep that was wanted; none, when none is left.
    Piece { id: u32, piece: Option<u64> },
    /// Stop the request with this id, running or waiting.
    Cancel { id: u32 },
    /// Say that you are there, whatever you are at: answered with
    /// [`Response::Alive`] at the next breath of what runs.
    Ping { id: u32 },
}

/// What a person agreed to fetch for directions that are not in the experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agreed {
    /// Hosts that dictionaries may be read from; the page's own always may.
    pub hosts: Vec<String>,
    /// Whether their encoders may be, too, of some ten million bytes.
    pub encoders: bool,
}

/// What the worker answers. Workers hear each other's answers, too, but only what is
/// about sharing a sweep: leaving out the rest makes the engine a good deal smaller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// The worker's code has started and it listens.
    Ready,
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Described {
        id: u32,
        offer: Box<Offer>,
    },
    /// Bytes of all files, those that were kept included.
    Loading {
        id: u32,
        progress: Progress,
        /// Why nothing arrives just now, where it is being tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waiting: Option<Said>,
    },
    Loaded {
        id: u32,
        model: ModelInfo,
        backend: BackendInfo,
        source: Box<SourceInfo>,
    },
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Kept {
        id: u32,
        store: Store,
    },
    Update {
        id: u32,
        update: Box<Update>,
    },
    /// The engine is ready for another piece of a shared sweep.
    Wants {
        id: u32,
    },
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Done {
        id: u32,
        report: Box<Report>,
    },
    /// A file that was written. The page takes its bytes out of the message itself.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    File {
        id: u32,
        name: String,
        #[serde(skip_deserializing, serialize_with = "serde_bytes::serialize")]
        bytes: Vec<u8>,
    },
    /// The worker hears, and nothing is wrong with it.
    Alive {
        id: u32,
    },
    /// What a file held.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Direction {
        id: u32,
        direction: Box<Direction>,
    },
    /// The text of a file that was fetched.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Opened {
        id: u32,
        text: String,
    },
    Cancelled {
        id: u32,
    },
    Failed {
        id: u32,
        failure: Failure,
    },
}

/// What loading a model would take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The name asked about.
    pub model: String,
    /// Address of the folder that the files come from.
    pub folder: String,
    /// The host that sends them; `None` where it is the page's own.
    pub host: Option<String>,
    /// As the repository states it.
    pub licence: Option<String>,
    /// The commit that is loaded, where the hub says which.
    pub revision: Option<String>,
    /// Bytes to fetch in all, where known.
    pub bytes: Option<u64>,
    pub parameters: Option<u64>,
    /// Bytes of memory that the model will take, on the GPU or in the page.
    pub memory: Option<u64>,
    /// SHA-256 of the weights, where it is published.
    pub sha256: Option<String>,
    /// Bytes that this browser has kept already.
    pub kept: u64,
    /// Whether all of it is kept: loading then asks no host.
    pub complete: bool,
    /// What else a person should know before agreeing.
    pub remarks: Vec<Said>,
}

/// Where the loaded model came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    pub folder: String,
    pub revision: Option<String>,
    /// The published SHA-256 of the weights, which the one found equals; `None`
    /// where none is published, so that only the one found can be shown.
    pub published: Option<String>,
    pub kept: Keeping,
    /// What went otherwise than expected.
    pub remarks: Vec<Said>,
}

/// Whether a model stays in the browser for the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeping {
    /// It comes with the page.
    Bundled,
    Kept,
    /// The browser has no room for it, or does not allow it.
    NotKept,
}

/// The models kept in this browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Whether this browser keeps anything at all.
    pub available: bool,
    pub models: Vec<KeptModel>,
    /// Bytes that the page uses and may use, as the browser estimates them.
    pub usage: Option<u64>,
    pub quota: Option<u64>,
    /// Whether the browser promised not to clear it by itself.
    pub persisted: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptModel {
    /// What `Forget` takes.
    pub key: String,
    /// The name that it was loaded by.
    pub model: String,
    pub folder: String,
    pub bytes: u64,
    /// Bytes of the whole, where known.
    pub total: Option<u64>,
    pub complete: bool,
}

/// An error as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A short stable name, for programs.
    pub code: FailureCode,
    /// What happened, what was expected and found, and what to do, in sentences.
    pub message: String,
    /// The same for other languages.
    #[serde(default)]
    pub says: Says,
    /// The field of the experiment that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
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
    /// The GPU computes wrongly; continue on the CPU.
    WrongNumbers,
    /// A fault of the program itself.
    Internal,
}
