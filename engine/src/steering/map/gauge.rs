//! How a map reads what was written: along a direction, by the unsteered model.

use crate::backend::Backend;
use crate::directions::{Resolved, training_means};
use crate::experiment::{Field, MapReading, Site, Steer};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::projection;
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
    let wrong = |message: String| SessionError::of(Field::Map, message);
    let i = reading.direction;
    let direction = steer.directions.get(i).ok_or_else(|| {
        wrong(format!(
            "The map reads along direction {i}, but the experiment has {}; choose one that it has.",
            steer.directions.len()
        ))
    })?;
    let layer = reading.layer.or(direction.layers.first().copied());
    let layer = layer.unwrap_or_default();
    if layer >= lab.info.n_layer {
        return Err(wrong(format!(
            "The map reads at layer {layer}; this model has layers 0 to {}.",
            lab.info.n_layer - 1
        )));
    }
    let name = &direction.name;
    let rows = resolved[i].at(direction.from.unwrap_or(layer));
    let vector = rows.and_then(|r| r.last().cloned()).ok_or_else(|| {
        wrong(format!(
            "“{name}” has no vector for layer {layer}; read at a layer that it has."
        ))
    })?;
    let place = (direction.site, layer);
    let means = training_means(lab, &direction.source, &vector, place, task);
    let means = means.await?.ok_or_else(|| {
        wrong(format!(
            "“{name}” lies between no prompts, so its projections have no scale; read along a direction between two sets of prompts."
        ))
    })?;
    let (middle, unit) = (means.middle(), means.positive - means.middle());
    if unit <= 0.0 || !unit.is_finite() {
        return Err(wrong(format!(
            "At layer {layer} the positive prompts of “{name}” do not lie further along it than the negative ones, so it cannot be read there; take another layer."
        )));
    }
    Ok(Gauge {
        site: direction.site,
        layer,
        vector,
        middle,
        unit,
    })
}
