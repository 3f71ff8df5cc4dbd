//! Directions at work in the patching room: a run of a pair that is steered.

use super::Resolved;
use super::act::{Act, acts};
use crate::backend::Backend;
use crate::experiment::{Experiment, Field, Site, Steer, Steered, Unit};
use crate::host::{Host, SessionError};
use crate::rows::Edit;
use crate::session::Session;
use std::rc::Rc;

/// The directions of an experiment, and whom they act on in the patching room.
#[derive(Clone)]
pub(crate) struct Push {
    pub on: Steered,
    steer: Steer,
    resolved: Vec<Rc<Resolved>>,
}

impl<B: Backend> Session<B> {
    /// The directions that act in the patching room, if any are to.
    pub(crate) async fn push(
        &mut self,
        experiment: &Experiment,
        host: &impl Host,
    ) -> Result<Option<Push>, SessionError> {
        let Some(on) = experiment.steered else {
            return Ok(None);
        };
        let steer = experiment.steer.clone().unwrap_or_default();
        if steer.directions.is_empty() {
            return Err(SessionError::of(
                Field::Steered,
                "A run is to be steered, but the steering room has no direction; make one there, or let no run be steered.",
            ));
        }
        let resolved = self.directions(&steer, experiment.bos, host).await?;
        Ok(Some(Push {
            on,
            steer,
            resolved,
        }))
    }

    /// What the directions do to a run of these tokens.
    pub(crate) async fn pushed(
        &mut self,
        push: &Push,
        tokens: &[u32],
        host: &impl Host,
    ) -> Result<Vec<Act>, SessionError> {
        let shape = self.model.config.shape;
        let directions = push.steer.directions.iter();
        let scaled = directions.filter(|d| d.unit == Unit::MeanNorm);
        let mut sites: Vec<Site> = scaled.map(|d| d.site).collect();
        if sites.is_empty() {
            return acts(&push.steer, &push.resolved, &|_, _| 1.0, &shape);
        }
        sites.sort_unstable();
        sites.dedup();
        let (_, activations) = self.unsteered_base(&sites, tokens, host).await?;
        let norm = |site, layer| activations.mean_norm(site, layer);
        acts(&push.steer, &push.resolved, &norm, &shape)
    }
}

/// The edits of a whole run of `len` tokens, all of them of the prompt.
pub(crate) fn edits(acts: &[Act], len: usize) -> Vec<Edit> {
    let at = |position| acts.iter().filter_map(move |a| a.edit(position, len));
    (0..len).flat_map(at).collect()
}
