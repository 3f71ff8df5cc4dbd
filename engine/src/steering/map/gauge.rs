//! How a map reads what was written: along a direction, by the unsteered model.

use crate::backend::Backend;
use crate::directions::{Resolved, training_means};
use crate::experiment::{Field, MapReading, Site, Steer};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::projection;
use crate::steering::problem::SteeringProblem;
use std::rc::Rc;

/// A direction at a place, and its scale.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    pub site: Site,
    pub layer: usize,
    vector: Rc<[f32]>,
    middle: f32,
    /// From the middle to the mean of the positive prompts.
    unit: f32,
}

impl Gauge {
    /// 0 is midway between the direction's two sets of prompts, 1 the positive one.
    pub fn read(&self, x: &[f32]) -> f32 {
        (projection(x, &self.vector) - self.middle) / self.unit
    }
}

pub(crate) async fn read<B: Backend>(
    lab: &mut Lab<B>,
    steer: &Steer,
    reading: &MapReading,
    resolved: &[Rc<Resolved>],
    task: Task<'_, impl Host>,
) -> Result<Gauge, SessionError> {
    let wrong = |problem: SteeringProblem| SessionError::of(Field::Map, problem);
    let i = reading.direction;
    let direction = steer.directions.get(i).ok_or_else(|| {
        wrong(SteeringProblem::ReadingDirection {
            direction: i,
            directions: steer.directions.len(),
        })
    })?;
    let layer = reading.layer.or(direction.layers.first().copied());
    let layer = layer.unwrap_or_default();
    if layer >= lab.info.n_layer {
        let last = lab.info.n_layer - 1;
        return Err(wrong(SteeringProblem::ReadingLayer { layer, last }));
    }
    let name = || direction.name.clone();
    let rows = resolved[i].at(direction.from.unwrap_or(layer));
    let vector = rows.and_then(|r| r.last().cloned()).ok_or_else(|| {
        wrong(SteeringProblem::ReadingNoVector {
            name: name(),
            layer,
        })
    })?;
    let place = (direction.site, layer);
    let means = training_means(lab, &direction.source, &vector, place, task);
    let means = means
        .await?
        .ok_or_else(|| wrong(SteeringProblem::ReadingNoScale { name: name() }))?;
    let (middle, unit) = (means.middle(), means.positive - means.middle());
    if unit <= 0.0 || !unit.is_finite() {
        return Err(wrong(SteeringProblem::ReadingNotApart {
            layer,
            name: name(),
        }));
    }
    Ok(Gauge {
        site: direction.site,
        layer,
        vector,
        middle,
        unit,
    })
}
