//! A map's wishes, checked and resolved.

use super::gauge::Gauge;
use crate::backend::Backend;
use crate::directions::{Resolved, length};
use crate::experiment::{
    Controls, Direction, Effect, Field, Operator, Prompt, Sampling, Source, Steer, SteerMap,
};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::Sampler;
use crate::steering::MOST_SAMPLES;
use crate::steering::problem::SteeringProblem;

/// At most so many prompts, cells and random directions a layer.
const MOST: (usize, usize, usize) = (256, 4096, 200);

/// What stays the same while a map is filled.
pub(crate) struct Setup {
    /// The direction with nothing of where it came from, to make it act
    /// elsewhere and otherwise.
    pub direction: Direction,
    pub layers: Vec<usize>,
    pub coefficients: Vec<f32>,
    pub prompts: Vec<Vec<u32>>,
    pub sampling: Sampling,
    pub sampler: Sampler,
    pub targets: Vec<u32>,
    pub words: Vec<String>,
    pub gauge: Option<Gauge>,
    /// What directions are compared by.
    pub effect: Effect,
    pub controls: Controls,
    /// Whether it lies between two sets of prompts.
    pub labelled: bool,
    pub cap: f32,
    /// Name what the unsteered texts and what a cell depends on, for memory.
    pub unsteered_key: String,
    pub key: String,
}

impl Setup {
    /// Whether a coefficient of 0 changes nothing.
    pub fn adds(&self) -> bool {
        matches!(self.direction.operator, Operator::Add | Operator::Subtract)
    }
}

fn wrong<T>(problem: SteeringProblem) -> Result<T, SessionError> {
    Err(SessionError::of(Field::Map, problem))
}

pub(crate) fn read<B: Backend>(
    lab: &Lab<B>,
    (steer, map): (&Steer, &SteerMap),
    resolved: &Resolved,
    gauge: Option<Gauge>,
    task: Task<'_, impl Host>,
) -> Result<Setup, SessionError> {
    let direction = &steer.directions[map.direction];
    let sampling = Sampling {
        tokens: map.tokens.unwrap_or(steer.sampling.tokens),
        samples: map.samples.unwrap_or(steer.sampling.samples),
        ..steer.sampling
    };
    check(map, direction, &sampling)?;
    let effect = effect(map, steer)?;
    let layers = match map.layers.as_slice() {
        [] => (0..lab.info.n_layer)
            .filter(|l| {
                let rows = resolved.at(direction.from.unwrap_or(*l));
                rows.is_some_and(|r| length(&r) > 0.0)
            })
            .collect(),
        some => some.to_vec(),
    };
    if let Some(layer) = layers.iter().find(|l| **l >= lab.info.n_layer) {
        return wrong(SteeringProblem::MapLayer {
            layer: *layer,
            last: lab.info.n_layer - 1,
        });
    }
    let zeros = |l: &&usize| {
        let rows = resolved.at(direction.from.unwrap_or(**l));
        rows.is_some_and(|r| length(&r) == 0.0)
    };
    if let Some(layer) = layers.iter().find(zeros) {
        return wrong(SteeringProblem::MapNoLength {
            layer: *layer,
            name: direction.name.clone(),
        });
    }
    let cells = layers.len() * map.coefficients.len();
    if cells == 0 || cells > MOST.1 {
        let most = MOST.1;
        return wrong(SteeringProblem::MapCells { cells, most });
    }
    let texts: &[Prompt] = match map.prompts.as_slice() {
        [] => std::slice::from_ref(&steer.prompt),
        some => some,
    };
    let mut prompts = Vec::new();
    for text in texts {
        prompts.push(lab.to_continue(text, task)?);
    }
    let mut targets = Vec::new();
    for token in &map.targets {
        targets.push(lab.one_token(Field::Map, token)?);
    }
    targets.sort_unstable();
    targets.dedup();
    let bare = Direction {
        name: direction.name.clone(),
        source: Source::Random { seed: 0 },
        site: direction.site,
        layers: Vec::new(),
        from: direction.from,
        positions: direction.positions.clone(),
        operator: direction.operator,
        coefficient: 0.0,
        unit: direction.unit,
    };
    let unsteered_key = format!(
        "{prompts:?} {sampling:?} {targets:?} {:?} {:?}",
        steer.words, gauge
    );
    let source = direction.source.key();
    let key = format!("{unsteered_key} {} {bare:?} {source}", task.bos);
    Ok(Setup {
        direction: bare,
        layers,
        coefficients: map.coefficients.clone(),
        prompts,
        sampling,
        sampler: Sampler::new(sampling)?,
        targets,
        words: steer.words.clone(),
        gauge,
        effect,
        controls: map.controls,
        labelled: matches!(direction.source, Source::Contrast { .. }),
        cap: map.cap,
        unsteered_key,
        key,
    })
}

/// The effect that is wanted, or the first that there is.
fn effect(map: &SteerMap, steer: &Steer) -> Result<Effect, SessionError> {
    let is_there = |effect: &Effect| match effect {
        Effect::Words => !steer.words.is_empty(),
        Effect::Target => !map.targets.is_empty(),
        Effect::Reading => map.reading.is_some(),
    };
    let mut all = [Effect::Words, Effect::Target, Effect::Reading].into_iter();
    match map.effect {
        None => match all.find(is_there) {
            Some(effect) => Ok(effect),
            None => wrong(SteeringProblem::NoEffect),
        },
        Some(effect) if is_there(&effect) => Ok(effect),
        Some(effect) => wrong(SteeringProblem::EffectMissing { effect }),
    }
}

/// What can be told without the model.
fn check(map: &SteerMap, direction: &Direction, sampling: &Sampling) -> Result<(), SessionError> {
    if direction.operator == Operator::ProjectOut {
        return wrong(SteeringProblem::MapProjectsOut);
    }
    let Sampling {
        samples, tokens, ..
    } = *sampling;
    if !(1..=MOST_SAMPLES).contains(&samples) || tokens == 0 {
        return wrong(SteeringProblem::MapTexts {
            samples,
            tokens,
            most: MOST_SAMPLES,
        });
    }
    if map.prompts.len() > MOST.0 {
        return wrong(SteeringProblem::MapPrompts {
            prompts: map.prompts.len(),
            most: MOST.0,
        });
    }
    if map.controls.random > MOST.2 {
        return wrong(SteeringProblem::MapRandom {
            random: map.controls.random,
            most: MOST.2,
        });
    }
    if let Some(coefficient) = map.controls.coefficient
        && !map.coefficients.contains(&coefficient)
    {
        return wrong(SteeringProblem::ControlCoefficient { coefficient });
    }
    if map.cap < 1.0 {
        return wrong(SteeringProblem::Cap { cap: map.cap });
    }
    Ok(())
}
