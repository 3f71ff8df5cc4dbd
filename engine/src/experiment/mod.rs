//! The experiment: everything a person set up, and what came out of it.
//!
//! One serialisable type serves the page, its links and embeds, the command
//! line and the JavaScript API. It holds wishes, not results: running it again
//! anywhere recomputes the same numbers. What comes back is a [`Report`].

mod axis;
mod carriers;
#[cfg(feature = "model")]
mod circuit;
mod detector;
mod digest;
mod estimate;
mod export;
mod field;
#[cfg(feature = "model")]
mod graph;
mod limits;
pub mod link;
mod metric;
mod migrate;
mod read;
mod report;
mod show;
mod site;
mod steer;
mod steer_map;
mod steered;
mod sweep;
pub mod tree;
mod workshop;

pub use axis::{Axis, AxisKind, Chosen, Frame, Located, around};
pub use carriers::Carriers;
#[cfg(feature = "model")]
pub use circuit::{Circuit, CircuitReport, EdgeChoice, EdgeMethod, Kept, ScoredEdge};
pub use detector::{Detected, Detector, DetectorControls, DetectorReport, Means, Rates, RocPoint};
pub use digest::{
    Compared, Digest, DigestCell, MOST_CELLS, MOST_TEXT, Picture, TOLERANCE, checksum, rounded,
};
pub use estimate::{Agreement, Attribution, AttributionMethod, EstimateReport, Miss};
pub use export::{Export, File, Format};
pub use field::{DirectionField, Field, SweepField};
#[cfg(feature = "model")]
pub use graph::{EdgeSet, Graph, HeadPart, Reads, Sender};
#[cfg(feature = "worker")]
pub(crate) use limits::{Stage as Held, within_limits};
pub use metric::{Metric, MetricKind, Tokens};
pub use migrate::upgrade;
pub use read::{CellFault, CellRemark, Choice, Problem, Reading, Token, shown};
pub use report::{
    Advice, BackendInfo, CaptureReport, CellReport, CellValues, Counters, Estimate, Interval,
    LensReport, Look, MetricReport, ModelInfo, Offer, PatternReport, PlanReport, Progress, Report,
    RunReport, Stage, SweepReport, TopToken, Trial, Update,
};
pub use show::{Scheme, Show, Shown};
pub use site::{Origin, Place, Site, Width};
pub use steer::{
    DICTIONARY, Direction, LayerVector, Matrix, Method, Operator, Positions, Room, Sampling,
    Source, Steer, Steered, Unit,
};
pub use steer_map::{
    Controls, Effect, MapCell, MapNumbers, MapReading, MapReport, SteerMap, Tried, Verdict,
};
pub use steered::{
    DirectionReport, FeatureReport, Measures, ProbeReport, Sample, SteerReport, SteerUpdate,
    Summary, TokenScore, Unsteered, Written,
};
pub use sweep::{
    Axes, Bring, Cell, Corruption, GridKind, Mode, Noise, Part, Receiver, Role, Sweep,
};

pub use workshop::{
    Answer, Ask, Handed, MOST_CHOICES, MOST_STEPS, Points, Reply, Step, Workshop, WorkshopFault,
    hits,
};

/// A circuit that is wanted, and what was found: the page hands them on as they came, as it
/// draws none yet. The engine reads what they hold.
#[cfg(not(feature = "model"))]
pub type Circuit = serde_json::Value;
/// See [`Circuit`].
#[cfg(not(feature = "model"))]
pub type CircuitReport = serde_json::Value;

use crate::json;
use crate::sentence::{Said, Says, Sentence};
use crate::text::Plain;
use serde::{Deserialize, Serialize};

/// The version that this code writes. Older ones are migrated on the way in. Any new
/// field raises it, so that an older page names the version and not an unknown field.
pub const VERSION: u32 = 4;

/// Largest prompt accepted, in bytes of UTF-8: far above any context length,
/// far below what would stall the tokenizer.
pub const MAX_PROMPT_BYTES: usize = 100_000;

/// Everything a person set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Version of this format, [`VERSION`] when written by this code.
    pub version: u32,
    /// Which model it was set up on: `mini`, or the address of a folder with
    /// `config.json`, `tokenizer.json` and `model.safetensors`.
    #[serde(default = "mini")]
    pub model: String,
    /// Whether `<|endoftext|>` stands at position 0 of both prompts.
    #[serde(default = "yes")]
    pub bos: bool,
    /// The prompt whose behaviour is to be explained.
    pub clean: Prompt,
    /// The prompt that lacks it.
    pub corrupted: Prompt,
    /// What makes the corrupted run, where it is not the corrupted prompt.
    #[serde(default, skip_serializing_if = "Corruption::is_prompt")]
    pub corruption: Corruption,
    /// Which positions of the two prompts belong together, clean then
    /// corrupted, where they are not simply the same ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<Vec<(usize, usize)>>,
    /// Which positions belong together by what they are in the sentence, found
    /// in each pair anew: pairs may then differ in length and in word order.
    /// Only these positions are patched. Not together with `alignment`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// Further pairs of prompts: results are then those of the whole set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Pair>,
    /// What is measured at the last position; the first is shown first.
    pub metrics: Vec<Metric>,
    /// The grids of patched runs that are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sweeps: Vec<Sweep>,
    /// A circuit, where one is to be found: of runs that are not steered, whose prompts have
    /// one length in each pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit: Option<Circuit>,
    /// The one patched run to look at closely, if one is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// Greedy continuation of both prompts, if wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
    /// Activations and logits to hand back as numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// Which room runs; what the other one is set up for is kept.
    #[serde(default, skip_serializing_if = "Room::is_patching")]
    pub room: Room,
    /// What the steering room is set up for; that room needs it, and so does `steered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steer: Option<Steer>,
    /// Which of the patching room's runs the directions of `steer` act on, to
    /// see what carries their effect; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steered: Option<Steered>,
}

/// A prompt, as text or as token ids (which then stand as they are).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Prompt {
    /// A text, which the tokenizer splits, with `<|endoftext|>` in front where `bos` is
    /// on.
    Text(String),
    /// Token ids, to which nothing is added.
    Tokens(Vec<u32>),
}

/// A further pair of prompts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The prompt with the behaviour to be explained, as the experiment's own `clean`.
    pub clean: Prompt,
    /// The prompt that lacks it; not read where noise makes the corrupted run.
    pub corrupted: Prompt,
    /// The metrics' answer for this pair; their own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Tokens>,
    /// The metrics' wrong answer for this pair; their own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Tokens>,
}

/// A token of the vocabulary, as text or as its id; a text of `#` and a number that
/// is not one token itself names the token of that id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum TokenRef {
    /// Its id, from 0.
    Id(u32),
    /// Its text, with the space in front that most words have.
    Text(String),
}

/// Greedy continuation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Generate {
    /// How many tokens to add at most; the context length ends it too.
    pub tokens: usize,
    /// Divides the logits of tokens that have occurred (multiplies negative
    /// ones), as in Keskar et al., 2019. 1, the default, changes nothing.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repetition_penalty: f32,
}

/// Activations of one run to hand back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Which of the first pair's runs.
    pub run: RunName,
    /// Which activation, or `logits`.
    pub site: Site,
    /// Left out for the sites that have no layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// Which positions; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<Vec<usize>>,
}

/// One of a pair's two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunName {
    /// That of the clean prompt.
    Clean,
    /// That of the corrupted prompt, or of the clean one with noise.
    Corrupted,
}

impl Default for Experiment {
    /// The seed's example, on the built-in model. In the corrupted prompt John
    /// is no longer a duplicate, so Mary - John would hardly fall; Bob is the
    /// name that the corruption brings in, and Mary - Bob does.
    fn default() -> Self {
        Self {
            version: VERSION,
            model: mini(),
            bos: true,
            clean: Prompt::Text(
                "When John and Mary went to the store, John gave a bottle to".into(),
            ),
            corrupted: Prompt::Text(
                "When Bob and Mary went to the store, John gave a bottle to".into(),
            ),
            corruption: Corruption::Prompt,
            alignment: None,
            roles: Vec::new(),
            pairs: Vec::new(),
            metrics: vec![Metric {
                kind: MetricKind::LogitDifference,
                answer: " Mary".into(),
                wrong: Some(" Bob".into()),
            }],
            sweeps: vec![Sweep::of(Site::ResidPre, Mode::Denoising)],
            circuit: None,
            cell: None,
            generate: None,
            captures: Vec::new(),
            room: Room::Patching,
            steer: None,
            steered: None,
        }
    }
}

/// Why a text is not an experiment.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is of version 0, or of one that a later Patchbay writes.
    #[error(
        "this experiment has format version {found}, but this page knows versions 1 to {VERSION}; open it with a newer Patchbay"
    )]
    Version {
        /// Its `version`.
        found: u64,
    },
    /// It is not JSON, or a field is missing, not known or of another type.
    #[error(
        "this is not an experiment: {}. It should be JSON with the fields version, clean, corrupted and metrics",
        Plain(.0)
    )]
    Json(#[from] serde_json::Error),
    /// Something in it is larger than anything that is read.
    #[error("{0}")]
    Limit(Said),
    /// What is asked of whoever opens it cannot be answered.
    #[error(transparent)]
    Workshop(#[from] WorkshopFault),
}

impl From<limits::Beyond> for ParseError {
    #[inline]
    fn from(beyond: limits::Beyond) -> Self {
        Self::Limit(beyond.said())
    }
}

impl Sentence for ParseError {
    // By hand, as what the page says is: it is smaller so.
    #[inline]
    fn says(&self) -> Says {
        match self {
            Self::Version { found } => Says::new(
                "experiment.version",
                [("found", (*found).into()), ("most", VERSION.into())],
            ),
            Self::Json(reason) => {
                let reason = reason.to_string().into();
                Says::new("experiment.json", [("reason", reason)])
            }
            Self::Limit(said) => said.says.clone(),
            Self::Workshop(fault) => fault.says(),
        }
    }
}

impl Experiment {
    /// What the runs of its pairs and its sweeps depend on: the same without the
    /// chosen cell, without what else is read of the runs, and of the steering room
    /// no more than the directions that act on them.
    #[inline]
    #[must_use]
    pub fn sweeps_only(&self) -> Self {
        let steer = self.steer.as_ref().filter(|_| self.steered.is_some());
        Self {
            room: Room::Patching,
            cell: None,
            generate: None,
            captures: Vec::new(),
            steer: steer.map(|steer| Steer {
                directions: steer.directions.clone(),
                ..Steer::default()
            }),
            ..self.clone()
        }
    }

    /// What the steering room's results depend on: the model and its settings there.
    #[inline]
    #[must_use]
    pub fn steering_only(&self) -> Self {
        Self {
            version: self.version,
            model: self.model.clone(),
            bos: self.bos,
            room: Room::Steering,
            steer: self.steer.clone(),
            ..Self::default()
        }
    }

    /// What its results depend on, and nothing else: two that are equal in this are the
    /// same run.
    #[inline]
    #[must_use]
    pub fn of_run(&self) -> Self {
        match self.room {
            Room::Patching => self.sweeps_only(),
            Room::Steering => self.steering_only(),
        }
    }

    /// Reads the JSON form, of any known version.
    ///
    /// # Errors
    /// [`ParseError`] when it is not JSON of a known version.
    // Compiled with whoever calls it: in the page for size, and only once.
    #[inline]
    pub fn from_json(text: &str) -> Result<Self, ParseError> {
        Self::from_value(json::value(text)?)
    }

    /// Reads the parsed JSON form, of any known version.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    #[inline]
    pub fn from_value(mut value: serde_json::Value) -> Result<Self, ParseError> {
        migrate::upgrade(&mut value)?;
        limits::within_limits(&value, limits::Stage::Opened)?;
        Ok(tree::read(&value)?)
    }

    /// The JSON form, on one line.
    #[must_use]
    #[inline]
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists only: nothing in it can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn mini() -> String {
    "mini".into()
}

fn yes() -> bool {
    true
}

fn one() -> f32 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_one(x: &f32) -> bool {
    *x == 1.0
}
