//! What comes back from running an experiment.

use super::tree::{field, read, whole};
use super::{
    CircuitReport, EstimateReport, Experiment, Frame, Reading, SteerReport, SteerUpdate, Token,
};
use crate::sentence::Says;
use serde::{Deserialize, Deserializer, Serialize};

/// The model that is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ModelInfo {
    /// `mini`, or the address it came from.
    pub name: String,
    /// Blocks of attention and MLP; layers are counted from 0.
    pub n_layer: usize,
    /// Heads of each layer, which share its width evenly.
    pub n_head: usize,
    /// Width of the residual stream, `d_model` in TransformerLens.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BackendInfo {
    /// `cpu` or `webgpu`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["cpu", "webgpu"])))]
    pub name: String,
    /// The adapter or instruction set, for people.
    pub device: String,
    /// Why this backend and not the other, as sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same for other languages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<Says>,
    /// How fast both were, where `auto` tried them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
}

/// Milliseconds of a pass of one row and one of 32 through layers of the model's
/// sizes, on both devices.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trial {
    /// Of the two passes together, to a tenth.
    pub cpu_ms: f64,
    /// At least so many where the GPU was given up as far slower; none where it did
    /// not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_ms: Option<f64>,
}

/// A next token and how likely it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopToken {
    /// The token; its fields stand beside the others in JSON.
    #[serde(flatten)]
    pub token: Token,
    /// Before the softmax.
    pub logit: f32,
    /// 0 to 1
    pub probability: f32,
}

impl<'de> Deserialize<'de> for TopToken {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                token: read(of)?,
                logit: field(of, "logit")?,
                probability: field(of, "probability")?,
            })
        })
    }
}

/// One run, read at its last position. Empty in the steering room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunReport {
    /// The ten likeliest next tokens, likeliest first.
    pub top: Vec<TopToken>,
    /// The metrics, in the experiment's order, where its answers are usable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<f32>,
    /// Greedy continuation, where asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continuation: Vec<Token>,
}

/// A metric of both runs, its mean where there are several pairs or draws, and
/// whether the pair can show anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricReport {
    /// Of the clean run.
    pub clean: f32,
    /// Of the corrupted run.
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
    /// The same for other languages.
    #[serde(default)]
    pub says: Says,
    /// Metrics to offer instead, best first, each with its clean and corrupted value.
    pub offers: Vec<Offer>,
}

/// Another metric, and what it is of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "MetricOffer"))]
pub struct Offer {
    /// What to measure instead.
    pub metric: super::Metric,
    /// Of the first pair's clean run.
    pub clean: f32,
    /// Of the first pair's corrupted run.
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
    /// Multiplications planned in the layers, attention included; the unembedding is not
    /// counted.
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
    /// Bytes sent to the device.
    pub bytes_written: u64,
    /// Bytes fetched from the device.
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

/// The results of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SweepReport {
    /// The sweep, its rows and its columns; its fields stand beside the others in JSON.
    #[serde(flatten)]
    pub frame: Frame,
    /// Raw metrics of each patched run, `[metric][row][column]`; means where
    /// there are several pairs or draws. `null` where there is no such cell.
    pub values: Vec<Vec<Vec<Option<f32>>>>,
    /// Where there are several pairs or draws: 95 % bootstrap intervals of the
    /// normalised values, resampled over pairs, `[metric][row][column]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<Vec<Vec<Option<Interval>>>>,
    /// Where there are several pairs or draws: the raw metrics of each,
    /// `[pair][metric][row][column]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Vec<Vec<Vec<Option<f32>>>>>,
    /// What a gradient says of the same cells, where the sweep asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<EstimateReport>,
    /// What was computed for it, over all pairs or draws.
    pub plan: PlanReport,
    /// Wall-clock seconds that all sweeps of the experiment took together.
    pub seconds: f64,
    /// Engines that shared the work: workers of the page, each on a core of its own.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub engines: usize,
    /// What a GPU was asked to do for all sweeps; not there on the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Counters>,
}

impl<'de> Deserialize<'de> for SweepReport {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                frame: read(of)?,
                values: field(of, "values")?,
                intervals: field::<Option<_>>(of, "intervals")?.unwrap_or_default(),
                pairs: field::<Option<_>>(of, "pairs")?.unwrap_or_default(),
                estimate: field(of, "estimate")?,
                plan: field(of, "plan")?,
                seconds: field(of, "seconds")?,
                engines: field::<Option<_>>(of, "engines")?.unwrap_or_else(one),
                device: field(of, "device")?,
            })
        })
    }
}

/// The lower and the upper end.
pub type Interval = (f32, f32);

impl SweepReport {
    /// One scale for every sweep: 0 is the corrupted run, 1 is the clean run,
    /// for denoising and noising alike. `None` where the two do not differ.
    #[must_use]
    pub fn normalised(value: f32, metric: &MetricReport) -> Option<f32> {
        let span = metric.clean - metric.corrupted;
        (span.abs() > 1e-6).then(|| (value - metric.corrupted) / span)
    }
}

/// Raw metrics of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CellValues {
    /// Which of the experiment's sweeps, from 0.
    pub sweep: usize,
    /// Its row in the grid, from 0.
    pub row: usize,
    /// Its column in the grid, from 0.
    pub column: usize,
    /// Of the experiment's metrics, in their order.
    pub values: Vec<f32>,
}

/// One patched run, seen closely.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CellReport {
    /// Which cell it is; its fields stand beside the others in JSON.
    #[serde(flatten)]
    pub cell: super::Cell,
    /// What the patched run of the first pair predicts; its fields stand beside the
    /// others in JSON.
    #[serde(flatten)]
    pub run: RunReport,
    /// What goes on inside the three runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
}

impl<'de> Deserialize<'de> for CellReport {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                cell: super::Cell {
                    sweep: field::<Option<_>>(of, "sweep")?.unwrap_or_default(),
                    row: field(of, "row")?,
                    column: field(of, "column")?,
                },
                run: read(of)?,
                look: field(of, "look")?,
            })
        })
    }
}

/// The insides of the clean, the corrupted and the patched run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Look {
    /// Where the cell is one head's: its attention patterns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patterns: Option<PatternReport>,
    /// What the last position would predict if the model ended after a layer.
    pub lens: Vec<LensReport>,
    /// What each head writes in favour of the answer at the last position of
    /// the clean run, `[layer][head]`: its output along the difference of the
    /// metric's unembedding rows, through the final LayerNorm with its scale
    /// held (direct logit attribution). Empty where the metric has no answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub head_attribution: Vec<Vec<f32>>,
    /// The same of each layer's MLP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mlp_attribution: Vec<f32>,
}

/// One head's attention patterns, `[destination][source]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PatternReport {
    /// The head's layer, from 0.
    pub layer: usize,
    /// Which of the layer's heads, from 0.
    pub head: usize,
    /// In the clean run; each row sums to 1, and is 0 where a source comes after its
    /// destination.
    pub clean: Vec<Vec<f32>>,
    /// In the corrupted run.
    pub corrupted: Vec<Vec<f32>>,
    /// In the patched run; where nothing was patched that reaches it, as in the run that
    /// is patched.
    pub patched: Vec<Vec<f32>>,
}

/// The logit lens after one layer (nostalgebraist, 2020): `resid_post` through
/// the final LayerNorm and the unembedding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LensReport {
    /// The layer after which it is read, from 0.
    pub layer: usize,
    /// The likeliest token and the first metric in the clean, the corrupted and
    /// the patched run.
    pub clean: RunReport,
    /// The same of the corrupted run.
    pub corrupted: RunReport,
    /// The same of the patched run.
    pub patched: RunReport,
}

/// Activations or logits, row-major.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CaptureReport {
    /// What was asked for; its fields stand beside the others in JSON.
    #[serde(flatten)]
    pub capture: super::Capture,
    /// `[positions, width]`
    pub shape: [usize; 2],
    /// Position by position; of a site of heads, head by head within one.
    pub values: Vec<f32>,
}

impl<'de> Deserialize<'de> for CaptureReport {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                capture: super::Capture {
                    run: field(of, "run")?,
                    site: field(of, "site")?,
                    layer: field(of, "layer")?,
                    positions: field(of, "positions")?,
                },
                shape: field(of, "shape")?,
                values: field(of, "values")?,
            })
        })
    }
}

/// Everything that came out of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// Version of the engine that computed it.
    pub engine: String,
    /// The experiment as it was sent.
    pub experiment: Experiment,
    /// The model that it ran on.
    pub model: ModelInfo,
    /// The device that computed, and why.
    pub backend: BackendInfo,
    /// How its prompts and answers were read, and what is wrong with it.
    pub reading: Reading,
    /// The first pair's clean run.
    pub clean: RunReport,
    /// The first pair's corrupted run.
    pub corrupted: RunReport,
    /// In the order of the experiment's; empty where one of them is not usable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricReport>,
    /// In the order of the experiment's; empty where one of them cannot be run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sweeps: Vec<SweepReport>,
    /// The circuit, where one is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit: Option<CircuitReport>,
    /// The chosen cell, where one is chosen and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellReport>,
    /// In the order of the experiment's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<CaptureReport>,
    /// What the steering room found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steer: Option<SteerReport>,
    /// What a GPU was asked to do for all of it; not there on the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Counters>,
}

impl<'de> Deserialize<'de> for Report {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                engine: field(of, "engine")?,
                experiment: field(of, "experiment")?,
                model: field(of, "model")?,
                backend: field(of, "backend")?,
                reading: field(of, "reading")?,
                clean: field(of, "clean")?,
                corrupted: field(of, "corrupted")?,
                metrics: field::<Option<_>>(of, "metrics")?.unwrap_or_default(),
                sweeps: field::<Option<_>>(of, "sweeps")?.unwrap_or_default(),
                circuit: field(of, "circuit")?,
                cell: field(of, "cell")?,
                captures: field::<Option<_>>(of, "captures")?.unwrap_or_default(),
                steer: field(of, "steer")?,
                device: field(of, "device")?,
            })
        })
    }
}

/// How long something will take, before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// What is to be computed.
    pub plan: PlanReport,
    /// Seconds, from the speed measured on the runs just made.
    pub seconds: f64,
}

/// How far something has got.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// Which part of the request it is about.
    pub stage: Stage,
    /// Units done: bytes while loading, tokens while texts are written, passes where
    /// gradients are taken, else multiplications.
    pub done: u64,
    /// The same units in all.
    pub total: u64,
    /// Seconds left, where they can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
}

/// What a request is at work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Bytes of a model's files.
    Load,
    /// Bytes of a dictionary's encoder.
    Fetch,
    /// The two runs of the pairs, and those that activations are brought from.
    Runs,
    /// Passes for gradients and of circuits.
    Gradients,
    /// The patched runs; in the steering room the texts of a map.
    Sweep,
    /// Tokens of continuations.
    Generate,
}

/// What an experiment tells while it runs, in this order: the reading, the two
/// runs, the grids, the estimate, cells as they are done. The [`Report`] follows and holds
/// it all again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Update {
    /// How its prompts and answers were read; again where the runs show that a space is
    /// missing.
    Reading(Reading),
    /// The first pair's two runs, without their continuations.
    Runs {
        /// That of the clean prompt.
        clean: RunReport,
        /// That of the corrupted prompt, or of the clean one with noise.
        corrupted: RunReport,
        /// In the order of the experiment's; means over the pairs or draws run so far.
        metrics: Vec<MetricReport>,
    },
    /// The chosen cell's patched run.
    Cell(CellReport),
    /// The grids that are about to be filled.
    Frames {
        /// In the order of the experiment's sweeps.
        frames: Vec<Frame>,
    },
    /// How long the sweeps or the map will take.
    Estimate(Estimate),
    /// How far the present part has got.
    Progress(Progress),
    /// The metrics' means over the pairs or draws run so far.
    Metrics {
        /// In the order of the experiment's.
        metrics: Vec<MetricReport>,
    },
    /// Cells just computed; means over the pairs or draws run so far.
    Cells {
        /// Each with all of the metrics.
        cells: Vec<CellValues>,
    },
    /// Of a piece of a sweep that was done for another engine: the items'
    /// numbers, and their raw metrics.
    Piece {
        /// An item is a cell of a sweep for one pair or draw, counted from 0 in its group
        /// of pairs.
        cells: Vec<(usize, Vec<f32>)>,
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
