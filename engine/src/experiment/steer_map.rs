//! How much, and where: a direction at many layers and coefficients over a set
//! of prompts, beside random ones.

use super::{Measures, Prompt, TokenRef};
use crate::sentence::Says;
use serde::{Deserialize, Serialize};

/// A grid of layers and coefficients. Each cell is the steering that it names,
/// on its own, over all prompts: the experiment's other directions do not act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SteerMap {
    /// Which of the experiment's directions.
    #[serde(default)]
    pub direction: usize,
    /// All that the direction has a vector for when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<usize>,
    /// In the direction's own unit.
    pub coefficients: Vec<f32>,
    /// What is continued; the experiment's prompt when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<Prompt>,
    /// New tokens of each continuation; as many as the experiment's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
    /// Continuations of each prompt; as many as the experiment's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// The tokens whose probability, together, at the first new position is an effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TokenRef>,
    /// What is written, read along a direction by the unsteered model: a third effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<MapReading>,
    /// The effect that directions are compared by; the first that there is,
    /// words, target tokens or reading, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Random directions, and the one of shuffled labels.
    #[serde(default)]
    pub controls: Controls,
    /// The coherent band: cells whose text is at most so many times as
    /// perplexing to the unsteered model as what that writes itself.
    #[serde(default = "four")]
    pub cap: f32,
}

/// How the unsteered model reads what was written: the projection of each token
/// but `<|endoftext|>` on a direction, on the scale where 0 is midway between
/// the means of the direction's own two sets of prompts and 1 is the positive one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MapReading {
    /// Which of the experiment's directions: one between two sets of prompts.
    #[serde(default)]
    pub direction: usize,
    /// The layer read at; the first one that the direction acts at when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

/// What a map shows, and what its directions are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Share of continuations with one of the experiment's words.
    #[default]
    Words,
    /// Probability of the target tokens.
    Target,
    /// How the unsteered model reads what was written.
    Reading,
}

/// What a direction has to do better than.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Controls {
    /// How many random directions of the same length at each layer.
    #[serde(default = "twenty")]
    pub random: usize,
    /// The first one's seed; the others follow it.
    #[serde(default)]
    pub seed: u64,
    /// Whether the direction found with shuffled labels is tried too, where
    /// there are labels.
    #[serde(default = "yes")]
    pub shuffled: bool,
    /// Where controls act: each layer's best coefficient when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<f32>,
}

impl Default for SteerMap {
    fn default() -> Self {
        Self {
            direction: 0,
            layers: Vec::new(),
            coefficients: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.6],
            prompts: Vec::new(),
            tokens: None,
            samples: None,
            targets: Vec::new(),
            reading: None,
            effect: None,
            controls: Controls::default(),
            cap: four(),
        }
    }
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            random: twenty(),
            seed: 0,
            shuffled: true,
            coefficient: None,
        }
    }
}

/// What a map found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MapReport {
    /// Its rows: where the direction acts, from 0.
    pub layers: Vec<usize>,
    /// Its columns, in the direction's own unit.
    pub coefficients: Vec<f32>,
    /// The effect that the verdicts are about.
    #[serde(default)]
    pub effect: Effect,
    /// Cells of at most this perplexity are in the coherent band.
    #[serde(default)]
    pub most_perplexity: f32,
    /// What the model writes by itself, over the same prompts from the same luck.
    pub unsteered: MapNumbers,
    /// Its texts, without the prompts: prompt by prompt, each one's samples.
    pub unsteered_texts: Vec<String>,
    /// The direction at each layer and coefficient, layer by layer, then the controls.
    pub cells: Vec<MapCell>,
    /// What the controls say of each layer, and of all of them last.
    pub verdicts: Vec<Verdict>,
}

/// One direction at one layer with one coefficient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MapCell {
    /// The direction itself, or a control.
    pub of: Tried,
    /// Where it acts, from 0.
    pub layer: usize,
    /// In the direction's own unit.
    pub coefficient: f32,
    /// Cosine with the direction itself at that layer.
    pub cosine: f32,
    /// Not there where the push was too strong for 32-bit arithmetic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<MapNumbers>,
    /// What was written, without the prompts: prompt by prompt, each one's samples.
    pub texts: Vec<String>,
}

/// Which direction was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    /// The direction itself.
    Direction,
    /// A random one of the same length, by its seed.
    Random(u64),
    /// The one that the same method finds with the labels shuffled, at the same length.
    Shuffled,
}

/// Effect and cost over a map's prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MapNumbers {
    /// Probability of the target tokens together at the first new position,
    /// mean over the prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f32>,
    /// Mean over the tokens written, as [`MapReading`] says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<f32>,
    /// Words, and what they cost, over all continuations.
    pub measures: Measures,
}

impl MapNumbers {
    /// One of the effects; `None` where it was not asked for.
    #[must_use]
    pub fn effect(&self, which: Effect) -> Option<f32> {
        match which {
            Effect::Words => self.measures.words,
            Effect::Target => self.target,
            Effect::Reading => self.reading,
        }
    }
}

impl MapNumbers {
    /// Words, target tokens and reading.
    #[must_use]
    pub fn effects(&self) -> [Option<f32>; 3] {
        [Effect::Words, Effect::Target, Effect::Reading].map(|e| self.effect(e))
    }
}

impl MapReport {
    /// Whether a cell's text is coherent enough to count.
    #[must_use]
    pub fn in_band(&self, cell: &MapCell) -> bool {
        let most = self.most_perplexity;
        cell.numbers.is_some_and(|n| n.measures.perplexity <= most)
    }
}

/// Whether the direction does better than random ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// The layer judged; of all layers the one where the direction does best.
    pub layer: usize,
    /// Whether it is of all layers, and so against the random ones at all of them.
    pub overall: bool,
    /// Whether the direction does better than the unsteered model and than
    /// each random one, in the coherent band.
    pub better: bool,
    /// Where the direction was compared; not there where no cell with a push
    /// is in the band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<f32>,
    /// The direction's effect there.
    pub effect: f32,
    /// The largest effect of a random one in the band, if any is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<f32>,
    /// The shuffled-label direction's, if it is in the band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffled: Option<f32>,
    /// How many random ones were tried, and how many of them have a smaller
    /// effect or are outside the band.
    pub tried: usize,
    /// Those of them with a smaller effect, or outside the band.
    pub beaten: usize,
    /// The same as a sentence.
    pub said: String,
    /// The sentence for other languages.
    #[serde(default)]
    pub says: Says,
}

fn four() -> f32 {
    4.0
}

fn twenty() -> usize {
    20
}

fn yes() -> bool {
    true
}
