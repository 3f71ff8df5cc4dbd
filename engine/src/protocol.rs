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
    /// The CPU, whatever GPU there is.
    Cpu,
    /// The GPU, where it computes what it should; else the load fails.
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
        /// Answered with [`Response::Described`].
        id: u32,
        /// The name, as [`Named`](crate::source::Named) reads it.
        model: String,
        /// Where addresses start from.
        place: Place,
    },
    /// Load a model by its name ([`Named`](crate::source::Named)). What arrives is
    /// kept in the browser, so that a load that was cancelled goes on where it was.
    Load {
        /// Answered with [`Response::Loaded`], and before it [`Response::Loading`].
        id: u32,
        /// The name, as [`Named`](crate::source::Named) reads it.
        model: String,
        /// Where addresses start from; those of dictionaries do from now on.
        place: Place,
        /// Which backend it is to run on.
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
    Kept {
        /// Answered with [`Response::Kept`].
        id: u32,
    },
    /// Delete one of them, by its key; answered like `Kept`.
    Forget {
        /// Answered with [`Response::Kept`], in which it is no more.
        id: u32,
        /// As [`KeptModel::key`] has it.
        key: String,
    },
    /// Run an experiment on the loaded model.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Run {
        /// Answered with [`Response::Done`], and before it [`Response::Update`].
        id: u32,
        /// What a person set up.
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
        /// Answered with [`Response::File`].
        id: u32,
        /// What a person set up, of which the file is a part.
        experiment: Box<Experiment>,
        /// What of it, and in which form.
        what: Export,
        /// What a person agreed to fetch.
        #[serde(default)]
        agreed: Agreed,
    },
    /// Read a file with a direction in it; needs no model.
    Read {
        /// Answered with [`Response::Direction`].
        id: u32,
        /// The file's name.
        name: String,
        /// The whole file.
        #[serde(default, with = "serde_bytes")]
        bytes: Vec<u8>,
        /// The layer of a lone vector that names none.
        #[serde(default)]
        layer: usize,
    },
    /// Fetch an experiment's file from a host that a person agreed to; needs no model.
    Open {
        /// Answered with [`Response::Opened`].
        id: u32,
        /// The file's address, as [`Remote::url`](crate::source::Remote::url).
        url: String,
    },
    /// The piece of a shared sweep that was wanted; none, when none is left.
    Piece {
        /// That of the [`Request::Run`] that shares.
        id: u32,
        /// Its number, from the engine that laid it out.
        piece: Option<u64>,
    },
    /// Stop the request with this id, running or waiting.
    Cancel {
        /// That of the request to stop, which ends with [`Response::Cancelled`].
        id: u32,
    },
    /// Say that you are there, whatever you are at: answered with
    /// [`Response::Alive`] at the next breath of what runs.
    Ping {
        /// Answered with [`Response::Alive`].
        id: u32,
    },
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
    /// What loading a model would take.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Described {
        /// That of the [`Request::Describe`].
        id: u32,
        /// How large it is, who sends it, and under which licence.
        offer: Box<Offer>,
    },
    /// Bytes of all files, those that were kept included.
    Loading {
        /// That of the [`Request::Load`].
        id: u32,
        /// In bytes.
        progress: Progress,
        /// Why nothing arrives just now, where it is being tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waiting: Option<Said>,
    },
    /// The model is loaded; the one before it is gone.
    Loaded {
        /// That of the [`Request::Load`].
        id: u32,
        /// Its name, sizes and hash.
        model: ModelInfo,
        /// What it runs on, and why.
        backend: BackendInfo,
        /// Where it came from.
        source: Box<SourceInfo>,
    },
    /// What this browser keeps.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Kept {
        /// That of the [`Request::Kept`] or [`Request::Forget`].
        id: u32,
        /// All models, and the room that they take.
        store: Store,
    },
    /// News of an experiment that runs.
    Update {
        /// That of the [`Request::Run`] or [`Request::Export`].
        id: u32,
        /// What was found, or how far it has got.
        update: Box<Update>,
    },
    /// The engine is ready for another piece of a shared sweep.
    Wants {
        /// That of the [`Request::Run`] that shares.
        id: u32,
    },
    /// An experiment ran to its end.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Done {
        /// That of the [`Request::Run`].
        id: u32,
        /// Everything that came out.
        report: Box<Report>,
    },
    /// A file that was written. The page takes its bytes out of the message itself.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    File {
        /// That of the [`Request::Export`].
        id: u32,
        /// A name for it, with its ending.
        name: String,
        /// The whole file.
        #[serde(skip_deserializing, serialize_with = "serde_bytes::serialize")]
        bytes: Vec<u8>,
    },
    /// The worker hears, and nothing is wrong with it.
    Alive {
        /// That of the [`Request::Ping`].
        id: u32,
    },
    /// What a file held.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Direction {
        /// That of the [`Request::Read`].
        id: u32,
        /// With the file's numbers in it.
        direction: Box<Direction>,
    },
    /// The text of a file that was fetched.
    #[cfg_attr(feature = "worker", serde(skip_deserializing))]
    Opened {
        /// That of the [`Request::Open`].
        id: u32,
        /// Whatever it says; it is not read as an experiment yet.
        text: String,
    },
    /// A request was stopped, whether it was running or waiting.
    Cancelled {
        /// That of the request which was stopped.
        id: u32,
    },
    /// A request ended without what was asked for.
    Failed {
        /// That of the request; 0 where it is of none.
        id: u32,
        /// Why, and what to do.
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
    /// Parameters, each counted once, where they are known.
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
    /// Address of the folder that the files came from; of a repository that of one
    /// commit, where the hub says which.
    pub folder: String,
    /// The commit, or the revision that was named; `None` where there is neither.
    pub revision: Option<String>,
    /// The published SHA-256 of the weights, which the one found equals; `None`
    /// where none is published, so that only the one found can be shown.
    pub published: Option<String>,
    /// Whether the next load needs the network.
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
    /// It is in the browser's storage.
    Kept,
    /// The browser has no room for it, or does not allow it.
    NotKept,
}

/// The models kept in this browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Whether this browser keeps anything at all.
    pub available: bool,
    /// Those that are whole, and what has come of others.
    pub models: Vec<KeptModel>,
    /// Bytes that the page uses and may use, as the browser estimates them.
    pub usage: Option<u64>,
    /// Bytes that the page may use, by the browser's estimate.
    pub quota: Option<u64>,
    /// Whether the browser promised not to clear it by itself.
    pub persisted: Option<bool>,
}

/// A model that this browser keeps, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptModel {
    /// What `Forget` takes.
    pub key: String,
    /// The name that it was loaded by.
    pub model: String,
    /// Address of the folder that its files come from.
    pub folder: String,
    /// Bytes of weights that are there.
    pub bytes: u64,
    /// Bytes of the whole, where known.
    pub total: Option<u64>,
    /// Whether all of it is there; else a load fetches the rest.
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

/// What kind of failure it is, and with that what may help.
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
