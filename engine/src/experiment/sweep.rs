//! Grids of patched runs, and what is copied in them.

use super::{Attribution, Prompt, Site, Width};
use serde::{Deserialize, Serialize};

/// A grid of patched runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Which activation is replaced; each part of a set names its own.
    pub site: Site,
    /// Which run is patched.
    pub mode: Mode,
    /// What a cell of the grid patches; layer x position for block sites and
    /// layer x head for head sites when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub axes: Option<Axes>,
    /// What is put in the place of the activations.
    #[serde(default, skip_serializing_if = "Bring::is_other")]
    pub bring: Bring,
    /// Whether a gradient says what each patch would do, before some or all of them are
    /// made. Not of paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Attribution>,
}

impl Sweep {
    /// The plain sweep of a site.
    #[must_use]
    pub fn of(site: Site, mode: Mode) -> Self {
        Self {
            site,
            mode,
            axes: None,
            bring: Bring::Other,
            estimate: None,
        }
    }

    /// The axes, chosen or the site's own.
    #[must_use]
    pub fn axes(&self) -> Axes {
        self.axes.clone().unwrap_or(match self.site.per_head() {
            true => Axes::LayerHead { positions: None },
            false => Axes::LayerPosition { window: 1 },
        })
    }
}

/// Which run is patched with the other's activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Clean activations into the corrupted run: what is enough to restore the answer?
    Denoising,
    /// Corrupted activations into the clean run: what is needed for the answer?
    Noising,
}

/// What the rows and columns of a sweep's grid are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Axes {
    /// `[layer, position]`, with one row where the site has no layer. A cell
    /// patches so many layers around its own at once, as in causal tracing
    /// (Meng et al., 2022).
    LayerPosition {
        /// How many layers, from 1 to as many as there are.
        #[serde(default = "one_layer")]
        window: usize,
    },
    /// `[layer, head]`, at these positions or at all of them.
    LayerHead {
        /// Places in the alignment, from 0; without one, positions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        positions: Option<Vec<usize>>,
    },
    /// `[layer and head, position]`; the position is the destination of a `pattern`.
    HeadPosition,
    /// `[destination, source]` of one head's `pattern`. There is no cell above
    /// the diagonal, for a token does not attend to later ones.
    DestinationSource {
        /// The head's layer, from 0.
        layer: usize,
        /// Which of the layer's heads, from 0.
        head: usize,
    },
    /// `[layer, neuron]` with one row: each neuron of one layer alone, at these
    /// positions or at all of them.
    Neurons {
        /// The layer of the MLP, from 0.
        layer: usize,
        /// Places in the alignment, from 0; without one, positions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        positions: Option<Vec<usize>>,
    },
    /// One row: each part alone and, in the last column, all of them together.
    /// With `others` there is one column, and what is patched is everything but
    /// the parts: they alone stay as they are (their circuit's faithfulness).
    Parts {
        /// What is chosen, in the order of the columns.
        parts: Vec<Part>,
        /// Whether everything but them is patched.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        others: bool,
    },
    /// `[layer, head]` of the sender: only what its output changes at the
    /// receiver's input is patched, at all positions.
    Paths {
        /// Where the paths end.
        receiver: Receiver,
        /// What lies between the two: heads stay as they are; MLPs too, unless
        /// the path may go through them (Wang et al., 2022).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        through_mlps: bool,
    },
}

/// The kinds of grids, without what each is told besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridKind {
    /// A cell is a layer, or a window of them, at a position.
    LayerPosition,
    /// A cell is a head at some or all positions.
    LayerHead,
    /// A cell is a head at a position; rows are the heads of all layers.
    HeadPosition,
    /// A cell is one entry of a head's attention pattern.
    DestinationSource,
    /// A cell is one neuron of a layer's MLP.
    Neurons,
    /// A cell is a chosen part, and the last one all of them.
    Parts,
    /// Everything but some parts.
    Others,
    /// A cell is the path from a head to one receiver.
    Paths,
}

impl GridKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::LayerPosition,
        Self::LayerHead,
        Self::HeadPosition,
        Self::DestinationSource,
        Self::Neurons,
        Self::Parts,
        Self::Others,
        Self::Paths,
    ];

    /// Its name in links, but for `others`, which is said within `parts`.
    #[inline]
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LayerPosition => "layer_position",
            Self::LayerHead => "layer_head",
            Self::HeadPosition => "head_position",
            Self::DestinationSource => "destination_source",
            Self::Neurons => "neurons",
            Self::Parts => "parts",
            Self::Others => "others",
            Self::Paths => "paths",
        }
    }

    /// Whether a site's cells can be laid out so.
    #[inline]
    #[must_use]
    pub fn fits(self, site: Site) -> bool {
        match self {
            Self::LayerPosition => !matches!(site.width(), Width::Keys | Width::Vocabulary),
            Self::LayerHead | Self::HeadPosition => site.per_head(),
            Self::DestinationSource => site.width() == Width::Keys,
            Self::Neurons => site.width() == Width::Inner,
            // Each part names its own site.
            Self::Parts | Self::Others => true,
            Self::Paths => site == Site::Z,
        }
    }

    /// Whether it says itself which site it is of.
    #[inline]
    #[must_use]
    pub fn names_its_site(self) -> bool {
        match self {
            Self::Parts | Self::Others | Self::Paths => true,
            Self::LayerPosition
            | Self::LayerHead
            | Self::HeadPosition
            | Self::DestinationSource
            | Self::Neurons => false,
        }
    }

    /// The sites that it fits, as a list to choose from.
    #[must_use]
    pub fn sites(self) -> String {
        let sites = Site::ALL.into_iter().filter(|site| self.fits(*site));
        sites.map(Site::name).collect::<Vec<_>>().join(", ")
    }

    /// A grid of this kind that nobody has told anything yet.
    #[inline]
    #[must_use]
    pub fn fresh(self) -> Axes {
        let parts = |others| Axes::Parts {
            parts: Vec::new(),
            others,
        };
        match self {
            Self::LayerPosition => Axes::LayerPosition { window: 1 },
            Self::LayerHead => Axes::LayerHead { positions: None },
            Self::HeadPosition => Axes::HeadPosition,
            Self::DestinationSource => Axes::DestinationSource { layer: 0, head: 0 },
            Self::Neurons => Axes::Neurons {
                layer: 0,
                positions: None,
            },
            Self::Parts => parts(false),
            Self::Others => parts(true),
            Self::Paths => Axes::Paths {
                receiver: Receiver::Logits,
                through_mlps: false,
            },
        }
    }
}

impl Axes {
    /// Its kind, without what it is told besides.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> GridKind {
        match self {
            Self::LayerPosition { .. } => GridKind::LayerPosition,
            Self::LayerHead { .. } => GridKind::LayerHead,
            Self::HeadPosition => GridKind::HeadPosition,
            Self::DestinationSource { .. } => GridKind::DestinationSource,
            Self::Neurons { .. } => GridKind::Neurons,
            Self::Parts { others: false, .. } => GridKind::Parts,
            Self::Parts { others: true, .. } => GridKind::Others,
            Self::Paths { .. } => GridKind::Paths,
        }
    }
}

/// A part of the model that can be patched with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which activation; `z` is a head's output, `mlp_out` an MLP's.
    pub site: Site,
    /// 0 where the site has no layer.
    pub layer: usize,
    /// One head of a per-head site; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<usize>,
    /// Some neurons of `mlp_pre` or `mlp_post`; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neurons: Option<Vec<usize>>,
    /// Places in the alignment, from 0; without one, positions. All of them when left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<Vec<usize>>,
}

/// Where a path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// The final residual stream, before the last LayerNorm.
    Logits,
    /// What one head's queries are made from.
    Q {
        /// The head's layer, from 1: a head of layer 0 reads the embeddings alone.
        layer: usize,
        /// Which of the layer's heads, from 0.
        head: usize,
    },
    /// What one head's keys are made from.
    K {
        /// The head's layer, from 1.
        layer: usize,
        /// Which of the layer's heads, from 0.
        head: usize,
    },
    /// What one head's values are made from.
    V {
        /// The head's layer, from 1.
        layer: usize,
        /// Which of the layer's heads, from 0.
        head: usize,
    },
    /// What a layer's MLP reads.
    Mlp {
        /// The MLP's layer, from 0.
        layer: usize,
    },
}

/// What is put in the place of the activations that a cell patches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Bring {
    /// The other run's: the clean run's when denoising, the corrupted one's when noising.
    #[default]
    Other,
    /// Zeros.
    Zero,
    /// The mean over the corrupted runs of all pairs, at each position or over
    /// all of them (position 0 left out where it is `<|endoftext|>`).
    Mean {
        /// Whether one mean stands for all positions, as it has to where prompts differ
        /// in length.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        over_positions: bool,
    },
    /// Those of another pair's corrupted run, drawn once a pair.
    Resample {
        /// Draws the other pair; 0 when left out.
        #[serde(default, skip_serializing_if = "is_zero")]
        seed: u64,
    },
    /// Those of this prompt's run: an unrelated one shows what patching does by itself.
    Prompt {
        /// It has as many tokens as the run that is patched.
        prompt: Prompt,
    },
}

impl Bring {
    /// Whether it is the plain patch, from the other run.
    #[must_use]
    pub fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

/// What a token is in a sentence with an indirect object, such as “When John and
/// Mary went to the store, John gave a bottle to” (Wang et al., 2022).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The first mention of the subject, the name that is there twice.
    S1,
    /// The indirect object: the first name that is not the subject.
    Io,
    /// The second mention of the subject.
    S2,
    /// The last token.
    End,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::S1, Self::Io, Self::S2, Self::End];

    /// The name that the field uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::S1 => "S1",
            Self::Io => "IO",
            Self::S2 => "S2",
            Self::End => "END",
        }
    }
}

/// What makes the corrupted run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Corruption {
    /// The corrupted prompt.
    #[default]
    Prompt,
    /// The clean prompt with Gaussian noise on the embeddings of some tokens
    /// (Meng et al., 2022).
    Noise(Noise),
}

/// Gaussian noise on the embeddings of some tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// In the clean prompt of each pair, from 0.
    pub positions: Vec<usize>,
    /// Standard deviations of the embedding matrix's entries.
    #[serde(default = "three")]
    pub sigma: f32,
    /// The same seed draws the same noise; 0 when left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seed: u64,
    /// How many draws results are averaged over.
    #[serde(default = "ten")]
    pub draws: usize,
}

impl Corruption {
    /// Whether the corrupted run is that of the corrupted prompt.
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        *self == Self::Prompt
    }
}

/// One cell of a sweep, by its place in the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Which of the sweeps.
    #[serde(default, skip_serializing_if = "is_first")]
    pub sweep: usize,
    /// Which row of its grid, from 0.
    pub row: usize,
    /// Which column of its grid, from 0.
    pub column: usize,
}

fn one_layer() -> usize {
    1
}

fn three() -> f32 {
    3.0
}

fn ten() -> usize {
    10
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_first(n: &usize) -> bool {
    *n == 0
}
