//! Steering: what is continued, which directions act on it while it is
//! written, and how tokens are drawn.

use super::tree::{self, either, needed};
use super::{Detector, Prompt, RunName, Site, SteerMap, TokenRef};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Error, Value};

/// Which of the two rooms the experiment is set up for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Room {
    /// Two prompts, and activations copied from one run into the other.
    #[default]
    Patching,
    /// One prompt, continued with and without directions.
    Steering,
}

impl Room {
    /// Whether it is the room that experiments are of when nothing is said.
    #[must_use]
    pub fn is_patching(&self) -> bool {
        *self == Self::Patching
    }
}

/// Which runs of the patching room directions act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Steered {
    /// The clean run alone.
    Clean,
    /// The corrupted run alone.
    Corrupted,
    /// Both of them, the clean and the corrupted.
    Both,
}

impl Steered {
    /// Whether directions act on this run.
    #[must_use]
    pub fn acts_on(self, run: RunName) -> bool {
        match run {
            RunName::Clean => self != Self::Corrupted,
            RunName::Corrupted => self != Self::Clean,
        }
    }
}

/// A text that is continued twice, unsteered and steered, with the same luck.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Steer {
    /// What is continued.
    pub prompt: Prompt,
    /// Vectors, where each comes from and how it acts. Applied in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directions: Vec<Direction>,
    /// How tokens are drawn, and how many.
    #[serde(default)]
    pub sampling: Sampling,
    /// The words that the steered text is hoped to hold; how many
    /// continuations hold one of them is counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// How much and where: the grid of one direction's layers and coefficients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<SteerMap>,
    /// Monitoring: a direction read on held-out prompts, as a detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<Detector>,
}

/// A vector at a site, where it comes from, and how it acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Direction {
    /// What it is called, on the page and in files.
    pub name: String,
    /// What its vectors are made from.
    pub source: Source,
    /// Where it is read and acts: a site as wide as the residual stream, or `z`,
    /// where it acts on each head by itself with that head's part of it.
    #[serde(default = "resid_pre")]
    pub site: Site,
    /// The layers where it acts. A direction that is read from activations is
    /// read at each of them, unless `from` says otherwise.
    pub layers: Vec<usize>,
    /// The one layer that it is read at, wherever it acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<usize>,
    /// Which rows it acts on.
    #[serde(default)]
    pub positions: Positions,
    /// What it does to a row.
    #[serde(default)]
    pub operator: Operator,
    /// How strongly: see [`Operator`] and [`Unit`]. 0 leaves adding out, exactly.
    pub coefficient: f32,
    /// What the coefficient counts in.
    #[serde(default)]
    pub unit: Unit,
}

/// Where a direction comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// The difference of two prompts' activations, position by position, the
    /// shorter padded with spaces: activation addition (Turner et al., 2023).
    Pair {
        /// The prompt that is steered towards.
        positive: String,
        /// The prompt that is steered away from.
        negative: String,
    },
    /// A direction between two sets of prompts, read at each prompt's last token.
    Contrast {
        /// Prompts that are steered towards.
        positive: Vec<String>,
        /// Prompts that are steered away from.
        negative: Vec<String>,
        /// How the direction between them is found.
        #[serde(default)]
        method: Method,
    },
    /// A shift of the heads whose outputs best tell two sets of prompts apart:
    /// inference-time intervention (Li et al., 2023). Each chosen head's vector is
    /// `sigma theta`, the direction between the sides in its `z` at each
    /// prompt's last token, by the standard deviation along it; so adding it with
    /// the coefficient `a` is the paper's `a sigma theta`. Read and acts at `z`.
    Heads {
        /// Prompts that are steered towards.
        positive: Vec<String>,
        /// Prompts that are steered away from.
        negative: Vec<String>,
        /// How many heads, the best by held-out accuracy of a logistic probe.
        #[serde(default = "five")]
        top: usize,
        /// `logistic`: along the probe's normal; `mean_difference`: along the
        /// mass mean shift.
        #[serde(default = "logistic")]
        method: Method,
    },
    /// One token's row of the embedding or unembedding, less another's.
    Token {
        /// The token whose row is taken.
        token: TokenRef,
        /// The token whose row is taken off it; none when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minus: Option<TokenRef>,
        /// Which matrix the rows are of.
        #[serde(default)]
        matrix: Matrix,
    },
    /// What a neuron of an MLP writes to the residual stream: its row of `c_proj`.
    Neuron {
        /// The layer of the MLP, from 0.
        layer: usize,
        /// Which of its hidden layer, from 0.
        neuron: usize,
    },
    /// A feature of a sparse autoencoder that others published: its row of the
    /// decoder, which is what it adds to the residual stream. Read from where the
    /// dictionary is, which a person has to agree to.
    Feature {
        /// `gpt2-small-res-jb`, a repository of the hub (`owner/name`), or the address
        /// of a folder: laid out as `SAELens` writes dictionaries.
        #[serde(default = "res_jb")]
        dictionary: String,
        /// The activation that the dictionary was trained on.
        #[serde(default = "resid_pre")]
        site: Site,
        /// Its layer.
        layer: usize,
        /// Its number in the dictionary, from 0.
        feature: usize,
        /// Whether its activation on the prompt is wanted, too: the encoder is half
        /// of the file, and a person has to agree to that by itself.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        activation: bool,
    },
    /// A random direction of length 1, for comparison.
    Random {
        /// The same seed makes the same direction; it is one for all layers.
        seed: u64,
    },
    /// Numbers from a file, one vector for each layer that it has.
    Vectors {
        /// Where it came from, as a sentence.
        origin: String,
        /// No two of one layer.
        vectors: Vec<LayerVector>,
    },
}

/// Where a direction comes from, by its name.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceKind {
    Pair,
    Contrast,
    Heads,
    Token,
    Neuron,
    Feature,
    Random,
    Vectors,
}

/// By hand, as [`Ask`](super::Ask) is read.
impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tree::whole(deserializer, source)
    }
}

fn source(of: &Value) -> Result<Source, Error> {
    let (fields, source): (&[&str], Source) = match needed(of, "kind")? {
        SourceKind::Pair => {
            let (positive, negative) = (needed(of, "positive")?, needed(of, "negative")?);
            (
                &["positive", "negative"],
                Source::Pair { positive, negative },
            )
        }
        SourceKind::Contrast => {
            let source = Source::Contrast {
                positive: needed(of, "positive")?,
                negative: needed(of, "negative")?,
                method: either(of, "method", Method::default)?,
            };
            (&["positive", "negative", "method"], source)
        }
        SourceKind::Heads => {
            let source = Source::Heads {
                positive: needed(of, "positive")?,
                negative: needed(of, "negative")?,
                top: either(of, "top", five)?,
                method: either(of, "method", logistic)?,
            };
            (&["positive", "negative", "top", "method"], source)
        }
        SourceKind::Token => {
            let source = Source::Token {
                token: needed(of, "token")?,
                minus: tree::field(of, "minus")?,
                matrix: either(of, "matrix", Matrix::default)?,
            };
            (&["token", "minus", "matrix"], source)
        }
        SourceKind::Neuron => {
            let (layer, neuron) = (needed(of, "layer")?, needed(of, "neuron")?);
            (&["layer", "neuron"], Source::Neuron { layer, neuron })
        }
        SourceKind::Feature => {
            let source = Source::Feature {
                dictionary: either(of, "dictionary", res_jb)?,
                site: either(of, "site", resid_pre)?,
                layer: needed(of, "layer")?,
                feature: needed(of, "feature")?,
                activation: either(of, "activation", bool::default)?,
            };
            (
                &["dictionary", "site", "layer", "feature", "activation"],
                source,
            )
        }
        SourceKind::Random => {
            let seed = needed(of, "seed")?;
            (&["seed"], Source::Random { seed })
        }
        SourceKind::Vectors => {
            let (origin, vectors) = (needed(of, "origin")?, needed(of, "vectors")?);
            (&["origin", "vectors"], Source::Vectors { origin, vectors })
        }
    };
    tree::no_other(of, fields)?;
    Ok(source)
}

impl Source {
    /// Names it, to remember what was found of it: equal where it says the same.
    #[must_use]
    pub fn key(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// One layer's numbers of a direction from a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LayerVector {
    /// The layer that it is for, from 0.
    pub layer: usize,
    /// `n_embd` numbers.
    pub values: Vec<f32>,
}

/// How a direction is found between two sets of activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Mean of the positive activations minus mean of the negative ones:
    /// contrastive activation addition (Rimsky et al., 2024).
    #[default]
    MeanDifference,
    /// First principal component of the paired differences: `repeng`'s `pca_diff`.
    PcaDiff,
    /// First principal component of the activations, each pair centred on its
    /// middle: `repeng`'s `pca_center`.
    PcaCenter,
    /// The normal of a logistic regression that tells the two sets apart.
    Logistic,
}

/// Which of the model's two vocabulary matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Matrix {
    /// `wte`, through which tokens come in.
    Embedding,
    /// The one that logits are made with; in GPT-2 it is `wte` again.
    #[default]
    Unembedding,
}

/// Which rows a direction acts on; decided for each row when it comes to exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Positions {
    /// Every token of the prompt and of what is written.
    #[default]
    All,
    /// The prompt's tokens.
    Prompt,
    /// What is written.
    Generated,
    /// The token being read: the prompt's last one, then each one written.
    Last,
    /// The first so many tokens.
    First(usize),
    /// These positions.
    Chosen(Vec<usize>),
    /// The rows of a prompt pair on the prompt's own first tokens, one by one;
    /// BOS on BOS.
    AlignedFront,
    /// The rows of a prompt pair on the prompt's last tokens, one by one.
    AlignedBack,
}

/// What a direction does to a row `x`, with `v` the direction, `u = v / |v|`
/// and `c` the coefficient (in its [`Unit`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `x + c v`
    #[default]
    Add,
    /// `x - c v`
    Subtract,
    /// `x - (x . u) u`: the direction is taken out; the coefficient is not used.
    ProjectOut,
    /// `x - (x . u) u + c u`: the projection becomes `c`.
    SetProjection,
    /// The projection becomes `c` where it is larger.
    Cap,
}

/// What a coefficient of 1 means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Adding the direction as it is; a projection of 1.
    #[default]
    Absolute,
    /// Adding the direction with the mean norm of the residual stream at that
    /// site and layer over the prompt, position 0 left out; such a projection.
    MeanNorm,
}

/// How the next token is drawn. The order is penalties, temperature, top-k,
/// top-p, then the largest logit plus Gumbel noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// How many tokens to add at most; the context length and
    /// `<|endoftext|>` end it too.
    #[serde(default = "forty")]
    pub tokens: usize,
    /// How many continuations, each with its own luck.
    #[serde(default = "one_sample")]
    pub samples: usize,
    /// Where luck comes from: the same seed draws the same tokens.
    #[serde(default)]
    pub seed: u64,
    /// Divides the logits; 0 takes the likeliest token.
    #[serde(default = "one")]
    pub temperature: f32,
    /// Only the so many likeliest tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// Only the likeliest tokens that together have this probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Divides the logits of tokens that have occurred, the prompt's included
    /// (multiplies negative ones), as in Keskar et al., 2019.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repetition_penalty: f32,
    /// Taken from a token's logit for each time that it has been written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub frequency_penalty: f32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            tokens: forty(),
            samples: 1,
            seed: 0,
            temperature: 1.0,
            top_k: None,
            top_p: None,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
        }
    }
}

impl Default for Steer {
    /// Nothing is set up yet.
    fn default() -> Self {
        Self {
            prompt: Prompt::Text(String::new()),
            directions: Vec::new(),
            sampling: Sampling::default(),
            words: Vec::new(),
            map: None,
            detector: None,
        }
    }
}

fn resid_pre() -> Site {
    Site::ResidPre
}

/// The dictionary that a feature is of when nothing is said.
pub const DICTIONARY: &str = "gpt2-small-res-jb";

fn res_jb() -> String {
    DICTIONARY.into()
}

fn five() -> usize {
    5
}

fn logistic() -> Method {
    Method::Logistic
}

fn forty() -> usize {
    40
}

fn one_sample() -> usize {
    1
}

fn one() -> f32 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_one(x: &f32) -> bool {
    *x == 1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_zero(x: &f32) -> bool {
    *x == 0.0
}
