//! What comes back from running an experiment.

use super::{Experiment, Reading, Site, SteerReport, SteerUpdate, Token};
use serde::{Deserialize, Serialize};

/// The model that is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelInfo {
    /// `mini`, or the address it came from.
    pub name: String,
    pub n_layer: usize,
    pub n_head: usize,
    pub n_embd: usize,
    /// Context length, in tokens.
    pub n_positions: usize,
    /// Size of the vocabulary.
    pub n_vocab: usize,
    /// SHA-256 of `model.safetensors`, in hexadecimal.
    pub sha256: String,
    /// Parameters, each counted once (a tied head is not counted again).
    pub parameters: u64,
}

/// Where the numbers are computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BackendInfo {
    /// `cpu` or `webgpu`.
    pub name: String,
    /// The adapter or instruction set, for people.
    pub device: String,
    /// Why this backend and not the other, as a sentence, where `auto` chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A next token and how likely it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopToken {
    #[serde(flatten)]
    pub token: Token,
    pub logit: f32,
    /// 0 to 1
    pub probability: f32,
}

/// One run, read at its last position. Empty in the steering room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunReport {
    /// The ten likeliest next tokens, likeliest first.
    pub top: Vec<TopToken>,
    /// The metric, where the experiment's answers are usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<f32>,
    /// Greedy continuation, where asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continuation: Vec<Token>,
}

/// The metric of both runs, and whether the pair can show anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricReport {
    pub clean: f32,
    pub corrupted: f32,
    /// Where the corruption hardly moves the metric: why, and what to use instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
}

/// A metric that the corruption does move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Advice {
    /// Why the present metric says little, as a sentence.
    pub message: String,
    /// Metrics to offer instead, best first, each with its clean and corrupted value.
    pub offers: Vec<Offer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Offer {
    pub metric: super::Metric,
    pub clean: f32,
    pub corrupted: f32,
}

/// What the planner laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanReport {
    /// Runs in the plan (the cells of a sweep).
    pub runs: u64,
    /// Rows (token positions of a run) computed, summed over layers.
    pub layer_rows: u64,
    /// The same if every run were a full pass of its own.
    pub full_layer_rows: u64,
    /// Multiplications planned, attention and unembedding included.
    pub multiplications: u64,
    /// The same if every run were a full pass of its own.
    pub full_multiplications: u64,
}

/// What a device was asked to do. Nothing of it is counted on the CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counters {
    /// Kernels run.
    pub dispatches: u64,
    /// Times that the queue was given commands.
    pub submissions: u64,
    /// Buffers allocated.
    pub buffers_made: u64,
    /// Kernels compiled.
    pub pipelines_made: u64,
    /// Bytes sent to the device, and fetched from it.
    pub bytes_written: u64,
    pub bytes_read: u64,
}

impl std::ops::Sub for Counters {
    type Output = Self;

    /// What was done after `earlier`.
    fn sub(self, earlier: Self) -> Self {
        Self {
            dispatches: self.dispatches - earlier.dispatches,
            submissions: self.submissions - earlier.submissions,
            buffers_made: self.buffers_made - earlier.buffers_made,
            pipelines_made: self.pipelines_made - earlier.pipelines_made,
            bytes_written: self.bytes_written - earlier.bytes_written,
            bytes_read: self.bytes_read - earlier.bytes_read,
        }
    }
}

/// The results of a sweep, one row per layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SweepReport {
    pub site: Site,
    /// Raw metric of each patched run, `[layer][column]`; columns are positions
    /// for block sites, heads for head sites. `null` where not computed yet.
    pub values: Vec<Vec<Option<f32>>>,
    pub plan: PlanReport,
    /// Wall-clock seconds that it took.
    pub seconds: f64,
    /// Engines that shared the work: workers of the page, each on a core of its own.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub engines: usize,
    /// What a GPU was asked to do for it; not there on the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Counters>,
}

impl SweepReport {
    /// One scale for every sweep: 0 is the corrupted run, 1 is the clean run,
    /// for denoising and noising alike. `None` where the two do not differ.
    #[must_use]
    pub fn normalised(value: f32, metric: &MetricReport) -> Option<f32> {
        let span = metric.clean - metric.corrupted;
        (span.abs() > 1e-6).then(|| (value - metric.corrupted) / span)
    }
}

/// One patched run, seen closely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CellReport {
    #[serde(flatten)]
    pub cell: super::Cell,
    #[serde(flatten)]
    pub run: RunReport,
}

/// Activations or logits, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaptureReport {
    #[serde(flatten)]
    pub capture: super::Capture,
    /// `[positions, width]`
    pub shape: [usize; 2],
    pub values: Vec<f32>,
}

/// Everything that came out of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// Version of the engine that computed it.
    pub engine: String,
    pub experiment: Experiment,
    pub model: ModelInfo,
    pub backend: BackendInfo,
    pub reading: Reading,
    pub clean: RunReport,
    pub corrupted: RunReport,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellReport>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<CaptureReport>,
    /// What the steering room found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steer: Option<SteerReport>,
    /// What a GPU was asked to do for all of it; not there on the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Counters>,
}

/// How long something will take, before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    pub plan: PlanReport,
    /// Seconds, from the speed measured on the runs just made.
    pub seconds: f64,
}

/// How far something has got.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    pub stage: Stage,
    /// Units done and in all: bytes while loading, multiplications while computing.
    pub done: u64,
    pub total: u64,
    /// Seconds left, where they can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Load,
    Runs,
    Sweep,
    Generate,
}

/// What an experiment tells while it runs, in this order: the reading, the two
/// runs, the estimate, cells as they are done. The [`Report`] follows and holds
/// it all again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Update {
    Reading(Reading),
    Runs {
        clean: RunReport,
        corrupted: RunReport,
        metric: Option<MetricReport>,
    },
    /// The chosen cell's patched run.
    Cell(CellReport),
    Estimate(Estimate),
    Progress(Progress),
    /// Raw metrics of cells just computed: `[layer, column, value]`.
    Cells {
        cells: Vec<(usize, usize, f32)>,
    },
    /// Of the steering room.
    Steer(SteerUpdate),
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_one(n: &usize) -> bool {
    *n == 1
}
