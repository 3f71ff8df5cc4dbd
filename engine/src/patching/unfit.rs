//! Why a sweep cannot be run.

use crate::experiment::{GridKind, Part, Site};
use crate::lab::prompt::PromptError;
use crate::sentence::{Listed, Says, Sentence, within};
use serde::Serialize;

/// Why a sweep cannot be run.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SweepProblem {
    #[error("A window at {site} spans 1 to {most} layers, not {window}.")]
    Window {
        site: Site,
        most: usize,
        window: usize,
    },
    #[error(
        "{site} cannot be swept over layers and positions; take one of {}.",
        Listed(sites)
    )]
    NotByPosition { site: Site, sites: Vec<Site> },
    #[error("{site} has no heads to sweep over; take one of {}.", Listed(sites))]
    NoHeads { site: Site, sites: Vec<Site> },
    #[error("Only a pattern has destinations and sources; {site} has not.")]
    NoPattern { site: Site },
    #[error("{site} has no neurons; take one of {}.", Listed(sites))]
    NoNeurons { site: Site, sites: Vec<Site> },
    #[error("Paths start at heads' outputs, z, not at {site}.")]
    PathsStart { site: Site },
    #[error("{site} is no part of the model.")]
    NoPart { site: Site },
    #[error("No part is chosen; choose at least one.")]
    NoPartChosen,
    #[error(
        "Everything but the parts is every other head and MLP, so the parts are heads (z) and MLPs (mlp_out), not {}; choose one of those, or patch the part itself.",
        part_name(part)
    )]
    NeitherHeadNorMlp { part: Part },
    #[error("A head of layer 0 reads the embeddings alone; choose a receiver in a later layer.")]
    EarlyReceiver,
    #[error("Layer {layer} was chosen, but this model has layers 0 to {last}.")]
    Layer { layer: usize, last: usize },
    #[error("Head {head} was chosen, but this model has heads 0 to {last}.")]
    Head { head: usize, last: usize },
    #[error("No position is chosen; choose some, or all of them.")]
    NoPosition,
    #[error("Position {position} was chosen, but there are positions 0 to {last}.")]
    Position { position: usize, last: usize },
    #[error("The logits are what is read; patch ln_final, from which they are made.")]
    Logits,
    #[error("{site} has no layer; leave it 0.")]
    NoLayer { site: Site },
    #[error("{site} has no heads; leave the head out.")]
    NoHead { site: Site },
    #[error("A pattern belongs to one head; name the head.")]
    PatternOfHead,
    #[error("{site} has no neurons; take mlp_post or mlp_pre.")]
    PartWithoutNeurons { site: Site },
    #[error("Neurons are numbered 0 to {last}; choose some of them.")]
    Neurons { last: usize },
    #[error(
        "The clean prompt has {clean} tokens and the corrupted one {corrupted}; patching copies position by position, so they need the same number, or positions aligned by hand or by role. They first differ at position {position}."
    )]
    Lengths {
        clean: usize,
        corrupted: usize,
        position: usize,
    },
    #[error(
        "These sweeps have {runs} patched runs, but at most {most} are computed; take fewer pairs or a coarser grid."
    )]
    ManyRuns { runs: usize, most: usize },
    #[error(
        "Pair {pair} has {found} positions and the first pair {expected}; a grid of positions needs pairs of one length. Take heads, or prompts of one template."
    )]
    UnevenPairs {
        pair: usize,
        found: usize,
        expected: usize,
    },
    #[error(
        "Attention patterns cannot be copied between prompts of different lengths, nor from some positions to others; take another site."
    )]
    PatternElsewhere,
    #[error(
        "Paths have no estimate: what a path changes is found by patching it; leave the estimate out."
    )]
    EstimateOfPaths,
    #[error(
        "An estimate needs a metric with a derivative, and a rank has none; add another metric, a logit difference say."
    )]
    NoDerivative,
    #[error("Integrated gradients are taken at 1 to {most} points, not {points}.")]
    Points { points: usize, most: usize },
    #[error("A circuit has 1 to {most} edges here, not {edges}.")]
    Edges { edges: usize, most: usize },
    #[error("A circuit is found for runs that are not steered; take the direction off both runs.")]
    SteeredCircuit,
    #[error(
        "A circuit goes from position to position, and the clean prompt of a pair has {clean} tokens, the corrupted one {corrupted}; give them the same number."
    )]
    UnevenCircuit { clean: usize, corrupted: usize },
    #[error("An estimate is compared with at least one patched cell; choose how many.")]
    NothingPatched,
    #[error("Attention patterns are copied for prompts of at most {most} tokens.")]
    LongPattern { most: usize },
    #[error("An attention pattern has no mean over positions; take the mean at each position.")]
    MeanPattern,
    #[error(
        "A mean at each position needs prompts of one length; take the mean over all positions."
    )]
    UnevenMean,
    #[error(
        "Resampling takes activations from another pair of the same length, but pair {pair} has none; add pairs."
    )]
    NothingToResample { pair: usize },
    #[error("Sweep {sweep}: the prompt that activations are brought from{fault}")]
    Brought {
        sweep: usize,
        #[serde(serialize_with = "within")]
        fault: PromptError,
    },
    #[error(
        "The prompt that activations are brought from has {found} tokens, but the run that is patched has {expected}; give it as many."
    )]
    BroughtLength { found: usize, expected: usize },
}

impl Sentence for SweepProblem {
    fn says(&self) -> Says {
        Says::of("sweep", self)
    }
}

impl SweepProblem {
    /// Why a site's cells cannot be laid out so.
    pub fn unfit(kind: GridKind, site: Site) -> Self {
        let sites = Site::ALL.into_iter().filter(|site| kind.fits(*site));
        let sites = sites.collect();
        match kind {
            GridKind::LayerPosition => Self::NotByPosition { site, sites },
            GridKind::LayerHead | GridKind::HeadPosition => Self::NoHeads { site, sites },
            GridKind::DestinationSource => Self::NoPattern { site },
            GridKind::Neurons => Self::NoNeurons { site, sites },
            GridKind::Paths => Self::PathsStart { site },
            GridKind::Parts | GridKind::Others => Self::NoPart { site },
        }
    }
}

/// A part as people write it: `9.6` for a head, `mlp 3`, `z 4`.
pub(crate) fn part_name(part: &Part) -> String {
    let mut name = match (part.head, part.site) {
        (Some(head), Site::Z) => format!("{}.{head}", part.layer),
        (Some(head), site) => format!("{site} {}.{head}", part.layer),
        (None, site) if site.per_layer() => format!("{site} {}", part.layer),
        (None, site) => site.to_string(),
    };
    if let Some(neurons) = &part.neurons {
        let list: Vec<String> = neurons.iter().map(ToString::to_string).collect();
        name = format!("{name} [{}]", list.join(", "));
    }
    if let Some(positions) = &part.positions {
        let list: Vec<String> = positions.iter().map(ToString::to_string).collect();
        name = format!("{name} @ {}", list.join(", "));
    }
    name
}
