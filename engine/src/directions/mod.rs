//! Where directions come from.

mod act;
mod base;
mod contrast;
mod feature;
mod file;
pub mod files;
mod heads;
mod pair;
mod problem;
mod push;
mod shuffled;
mod sides;
mod training;
mod weights;

use crate::backend::Backend;
use crate::experiment::{
    Direction, Field, LayerVector, Positions, ProbeReport, Site, Source, Steer,
};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::{Contrast, folds, norm, told_right};
use crate::rows::Shape;
use crate::sentence::{Said, Sentence};
pub(crate) use act::{Act, act, acts};
pub(crate) use base::{Activations, unsteered_base};
pub(crate) use feature::Feature;
pub use feature::{
    Config as DictionaryConfig, DictionaryFault, Known as KnownSetting, Layout as DictionaryLayout,
};
pub(crate) use problem::Side;
use problem::{DirectionProblem, Origin};
pub(crate) use push::{Push, whole};
pub(crate) use shuffled::shuffled;
pub(crate) use sides::MOST_PROMPTS;
use std::rc::Rc;
pub(crate) use training::{Seen, see, training_means};

/// A direction's vectors at one layer, `n_embd` wide: one, or of a prompt pair
/// one for each position.
pub(crate) type Rows = Rc<[Rc<[f32]>]>;

/// A direction that was found.
pub(crate) struct Resolved {
    vectors: Vectors,
    /// Where it came from.
    pub(crate) origin: Said,
    explained: Vec<Option<f32>>,
    pub(crate) probes: Vec<ProbeReport>,
    /// Whether it chose its layers itself, so that it rightly does nothing at
    /// the others.
    pub(crate) chosen: bool,
    pub(crate) feature: Option<Feature>,
}

enum Vectors {
    /// The same wherever it acts.
    Same(Rows),
    /// By layer, where it has one.
    Layers(Vec<Option<Rows>>),
}

impl Resolved {
    fn same(vector: Vec<f32>, origin: &Origin) -> Self {
        Self::new(Vectors::Same(one(vector)), origin)
    }

    fn new(vectors: Vectors, origin: &Origin) -> Self {
        Self {
            vectors,
            origin: origin.said(),
            explained: Vec::new(),
            probes: Vec::new(),
            chosen: false,
            feature: None,
        }
    }

    pub(crate) fn at(&self, layer: usize) -> Option<Rows> {
        match &self.vectors {
            Vectors::Same(rows) => Some(rows.clone()),
            Vectors::Layers(layers) => layers.get(layer)?.clone(),
        }
    }

    pub(crate) fn explained_at(&self, layer: usize) -> Option<f32> {
        self.explained.get(layer).copied().flatten()
    }
}

/// The length of a direction at a layer: its longest row's.
pub(crate) fn length(rows: &Rows) -> f32 {
    rows.iter().map(|r| norm(r)).fold(0.0, f32::max)
}

/// [`numbers::accuracy`](crate::numbers::accuracy), which can be stopped between folds.
#[allow(clippy::cast_precision_loss)] // numbers of prompts
async fn accuracy(
    of: Contrast<'_>,
    task: Task<'_, impl Host>,
) -> Result<Option<f32>, SessionError> {
    let Some(k) = folds(of) else {
        return Ok(None);
    };
    let mut right = 0;
    for fold in 0..k {
        right += told_right(of, k, fold);
        task.host.breathe().await?;
    }
    let all = of.positive.len() + of.negative.len();
    Ok(Some(right as f32 / all as f32))
}

fn one(vector: Vec<f32>) -> Rows {
    [Rc::from(vector)].into()
}

/// What was found before, so that moving a slider does not find it again.
#[derive(Default)]
pub(crate) struct Memory {
    /// By the JSON of where each came from.
    found: Vec<(String, Rc<Resolved>)>,
    /// Where the tensors of dictionaries' files are, by their addresses.
    layouts: Vec<(String, DictionaryLayout)>,
}

/// Directions remembered at most.
const REMEMBERED: usize = 32;

/// All directions' vectors.
pub(crate) async fn resolve_all<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut Memory,
    steer: &Steer,
    task: Task<'_, impl Host>,
) -> Result<Vec<Rc<Resolved>>, SessionError> {
    let mut resolved = Vec::new();
    for (i, direction) in steer.directions.iter().enumerate() {
        resolved.push(resolve(lab, known, i, direction, task).await?);
    }
    Ok(resolved)
}

/// The direction's vectors, from memory where they were found before.
pub(crate) async fn resolve<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut Memory,
    i: usize,
    direction: &Direction,
    task: Task<'_, impl Host>,
) -> Result<Rc<Resolved>, SessionError> {
    let field = Field::direction(i);
    check(field, direction, &lab.model.config.shape)?;
    // Names, coefficients and the layers it acts at do not change what is found.
    let source = direction.source.key();
    let encoders = task.host.reads_encoders();
    let key = format!("{} {encoders} {} {source}", task.bos, direction.site);
    if let Some((_, found)) = known.found.iter().find(|(k, _)| *k == key) {
        return Ok(found.clone());
    }
    let found = Rc::new(find(lab, known, direction, task.about(field)).await?);
    if known.found.len() >= REMEMBERED {
        known.found.remove(0);
    }
    known.found.push((key, found.clone()));
    Ok(found)
}

/// The direction as a file holds it: a vector for each layer that it has, or
/// for those where it acts, if it is the same everywhere.
pub(crate) async fn layer_vectors<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut Memory,
    i: usize,
    direction: &Direction,
    task: Task<'_, impl Host>,
) -> Result<Vec<LayerVector>, SessionError> {
    let found = resolve(lab, known, i, direction, task).await?;
    let layers = match &found.vectors {
        Vectors::Same(_) => direction.layers.clone(),
        Vectors::Layers(layers) => (0..layers.len()).collect(),
    };
    let mut vectors = Vec::new();
    for layer in layers {
        let Some(rows) = found.at(layer) else {
            continue;
        };
        let [row] = &*rows else {
            let name = direction.name.clone();
            let problem = DirectionProblem::RowsInFile { name };
            return Err(SessionError::of(Field::direction(i), problem));
        };
        vectors.push(LayerVector {
            layer,
            values: row.to_vec(),
        });
    }
    Ok(vectors)
}

async fn find<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut Memory,
    direction: &Direction,
    task: Task<'_, impl Host>,
) -> Result<Resolved, SessionError> {
    let (shape, site) = (lab.model.config.shape, direction.site);
    match &direction.source {
        Source::Pair { positive, negative } => {
            pair::find(lab, site, [positive, negative], task).await
        }
        Source::Contrast {
            positive,
            negative,
            method,
        } => contrast::find(lab, site, [positive, negative], *method, task).await,
        Source::Heads {
            positive,
            negative,
            top,
            method,
        } => heads::find(lab, [positive, negative], *top, *method, task).await,
        Source::Token {
            token,
            minus,
            matrix,
        } => weights::tokens(lab, [Some(token), minus.as_ref()], *matrix, task).await,
        Source::Neuron { layer, neuron } => weights::neuron(lab, *layer, *neuron, task).await,
        Source::Feature {
            dictionary,
            site,
            layer,
            feature,
            activation,
        } => {
            let wish = feature::Wish {
                dictionary,
                site: *site,
                layer: *layer,
                feature: *feature,
                activation: *activation,
            };
            feature::find(lab, known, &wish, task).await
        }
        Source::Random { seed } => Ok(weights::random(*seed, shape.n_embd)),
        Source::Vectors { origin, vectors } => file::numbers(task.field, origin, vectors, &shape),
    }
}

fn check(field: Field, direction: &Direction, shape: &Shape) -> Result<(), SessionError> {
    let site = direction.site;
    let wrong = |problem: DirectionProblem| Err(SessionError::of(field, problem));
    let name = || direction.name.clone();
    let heads = site == Site::Z;
    if !site.is_of_the_stream() {
        let sites = Site::ALL.into_iter().filter(|s| s.is_of_the_stream());
        let sites = sites.collect();
        return wrong(DirectionProblem::Site { site, sites });
    }
    match &direction.source {
        Source::Heads { .. } if !heads => {
            return wrong(DirectionProblem::HeadsElsewhere { site });
        }
        Source::Heads { .. } if direction.from.is_some() => {
            return wrong(DirectionProblem::HeadsFrom);
        }
        Source::Token { .. } | Source::Neuron { .. } | Source::Feature { .. } if heads => {
            return wrong(DirectionProblem::StreamAtZ);
        }
        _ => {}
    }
    if direction.layers.is_empty() {
        return wrong(DirectionProblem::NoLayer { name: name() });
    }
    let mut layers = direction.layers.iter().chain(&direction.from);
    if let Some(layer) = layers.find(|l| **l >= shape.n_layer) {
        return wrong(DirectionProblem::Layer {
            layer: *layer,
            last: shape.n_layer - 1,
        });
    }
    let last = shape.n_positions - 1;
    let beyond = match &direction.positions {
        Positions::First(0) => return wrong(DirectionProblem::NoPosition { name: name() }),
        Positions::Chosen(list) if list.is_empty() => {
            return wrong(DirectionProblem::NoPosition { name: name() });
        }
        Positions::First(n) => (*n - 1 > last).then_some(*n - 1),
        Positions::Chosen(list) => list.iter().copied().find(|p| *p > last),
        _ => None,
    };
    match beyond {
        None => Ok(()),
        Some(position) => wrong(DirectionProblem::Position { position, last }),
    }
}
