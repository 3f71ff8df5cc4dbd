//! What comes back from steering.

use super::tree::{field, read, whole};
use super::{DetectorReport, MapCell, MapReport, Site, Token, TopToken};
use crate::sentence::Says;
use serde::{Deserialize, Deserializer, Serialize};

/// Everything found while steering.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SteerReport {
    /// The prompt as the tokenizer read it.
    pub prompt: Vec<Token>,
    /// In the experiment's order.
    pub directions: Vec<DirectionReport>,
    /// As many as the experiment's sampling asks for, each with its own luck.
    pub samples: Vec<Sample>,
    /// How the two sets of continuations compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// The layer x coefficient map; not there in a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapReport>,
    /// What the experiment's detector found, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<DetectorReport>,
}

/// What a direction is, at the first layer where it acts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DirectionReport {
    /// Where it came from, as a sentence.
    pub origin: String,
    /// The same for other languages.
    #[serde(default)]
    pub says: Says,
    /// The layer of the numbers here.
    pub layer: usize,
    /// Its length there; of a prompt pair, the longest row's.
    pub norm: f32,
    /// Mean length of the prompt’s activations at the site, layer by layer,
    /// position 0 left out.
    pub mean_norms: Vec<f32>,
    /// Cosine with each direction of the experiment, itself included. Of a
    /// direction at `z`, what its heads write together through `c_proj` is compared.
    pub cosines: Vec<f32>,
    /// Share of the variance that a principal component explains, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<f32>,
    /// How well a probe tells the two sets apart, layer by layer; of chosen
    /// heads, head by head, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeReport>,
    /// Of a dictionary's feature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<FeatureReport>,
    /// The tokens whose logits it raises most, through the last LayerNorm's
    /// weights and the unembedding, and by how much for a direction of length
    /// `sqrt(n_embd)`; at `z` for what its heads write.
    pub promoted: Vec<TokenScore>,
    /// What half of random directions of that length raise some token by: less than this
    /// says little.
    #[serde(default)]
    pub promoted_by_chance: f32,
    /// Those that it lowers most.
    pub suppressed: Vec<TokenScore>,
    /// Projection of each of the prompt's tokens on the direction, layer by
    /// layer: `[layer][position]`, of the unsteered run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projections: Vec<Vec<f32>>,
}

/// A feature of a dictionary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FeatureReport {
    /// Where others show what it fires on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Its activation at each of the prompt's tokens, in the unsteered run; not
    /// there unless the encoder was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations: Option<Vec<f32>>,
}

/// A probe's accuracy at one layer, or at one head of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProbeReport {
    /// Where activations are read: the direction's site, of chosen heads `z`.
    pub site: Site,
    /// The layer that they are read at, from 0.
    pub layer: usize,
    /// Of a head that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
    /// Share of held-out prompts told right, 0 to 1, over the folds.
    pub accuracy: f32,
    /// The same with the labels shuffled: what luck alone reaches. Of the
    /// n-th best head, the n-th best of all heads with shuffled labels.
    pub shuffled: f32,
}

/// A token and a number about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenScore {
    /// The token; its fields stand beside the others in JSON.
    #[serde(flatten)]
    pub token: Token,
    /// What the direction adds to its logit; negative where it lowers it.
    pub score: f32,
}

impl<'de> Deserialize<'de> for TokenScore {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                token: read(of)?,
                score: field(of, "score")?,
            })
        })
    }
}

/// One continuation, without and with the directions, from the same luck.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sample {
    /// What the model writes by itself, after the prompt.
    pub unsteered: Vec<Written>,
    /// What it writes while the directions act.
    pub steered: Vec<Written>,
}

/// A token that was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Written {
    /// The token; its fields stand beside the others in JSON.
    #[serde(flatten)]
    pub token: Token,
    /// Its probability by the model that wrote it, before any sampling setting.
    pub probability: f32,
    /// The ten likeliest tokens here by the model that wrote it.
    pub top: Vec<TopToken>,
    /// Of steered text: what the unsteered model says of the same text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsteered: Option<Unsteered>,
}

impl<'de> Deserialize<'de> for Written {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, |of| {
            Ok(Self {
                token: read(of)?,
                probability: field(of, "probability")?,
                top: field(of, "top")?,
                unsteered: field(of, "unsteered")?,
            })
        })
    }
}

/// The unsteered model's view of a steered token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unsteered {
    /// The probability that it would have given the token.
    pub probability: f32,
    /// KL(steered || unsteered) of the next-token distributions, in nats.
    pub kl: f32,
    /// Its ten likeliest tokens there.
    pub top: Vec<TopToken>,
}

/// What steering did to the continuations, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Summary {
    /// Of what the model writes by itself.
    pub unsteered: Measures,
    /// Of what it writes while the directions act.
    pub steered: Measures,
}

/// Measures of a set of continuations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Measures {
    /// Share of continuations with one of the experiment's words, 0 to 1;
    /// `null` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<f32>,
    /// Perplexity of what was written, under the unsteered model.
    pub perplexity: f32,
    /// Mean KL to the unsteered model over the tokens written, in nats.
    pub kl: f32,
    /// Distinct pairs of neighbouring tokens, as a share of all: 1 says that
    /// none is repeated.
    pub distinct_2: f32,
}

/// What is told while steering runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum SteerUpdate {
    /// The prompt's tokens and the directions; nothing is written yet.
    Directions {
        /// BOS included.
        prompt: Vec<Token>,
        /// In the order of the experiment's.
        directions: Vec<DirectionReport>,
    },
    /// Tokens of one continuation, from its token `from` on.
    Written {
        /// Which of the samples, from 0.
        sample: usize,
        /// Whether it is the one that directions act on.
        steered: bool,
        /// How many of its tokens were told before.
        from: usize,
        /// The next ones, in order.
        tokens: Vec<Written>,
    },
    /// The detector's report, which is whole at once.
    Detector(DetectorReport),
    /// The map that is about to be filled; it has no cells yet.
    Map(MapReport),
    /// Cells of it, just computed.
    MapCells {
        /// Of the direction or of its controls, each once.
        cells: Vec<MapCell>,
    },
}
