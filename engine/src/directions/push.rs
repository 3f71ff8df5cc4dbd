//! Directions at work in the patching room: a run of a pair that is steered.

use super::act::{Act, acts};
use super::base::unsteered_base;
use super::problem::DirectionProblem;
use super::{Memory, Resolved, resolve_all};
use crate::backend::Backend;
use crate::experiment::{Experiment, Field, Site, Steer, Steered, Unit};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::rows::Edit;
use std::rc::Rc;

/// The directions of an experiment, and whom they act on in the patching room.
#[derive(Clone)]
pub(crate) struct Push {
    pub on: Steered,
    steer: Steer,
    resolved: Vec<Rc<Resolved>>,
}

impl Push {
    /// The directions that act in the patching room, if any are to.
    pub async fn of<B: Backend>(
        lab: &mut Lab<B>,
        known: &mut Memory,
        experiment: &Experiment,
        task: Task<'_, impl Host>,
    ) -> Result<Option<Self>, SessionError> {
        let Some(on) = experiment.steered else {
            return Ok(None);
        };
        let steer = experiment.steer.clone().unwrap_or_default();
        if steer.directions.is_empty() {
            let problem = DirectionProblem::NothingToSteerWith;
            return Err(SessionError::of(Field::Steered, problem));
        }
        let resolved = resolve_all(lab, known, &steer, task).await?;
        Ok(Some(Self {
            on,
            steer,
            resolved,
        }))
    }

    /// What the directions do to a run of these tokens.
    pub async fn acts<B: Backend>(
        &self,
        lab: &mut Lab<B>,
        tokens: &[u32],
        task: Task<'_, impl Host>,
    ) -> Result<Vec<Act>, SessionError> {
        let shape = lab.model.config.shape;
        let directions = self.steer.directions.iter();
        let scaled = directions.filter(|d| d.unit == Unit::MeanNorm);
        let mut sites: Vec<Site> = scaled.map(|d| d.site).collect();
        if sites.is_empty() {
            return acts(&self.steer, &self.resolved, &|_, _| 1.0, &shape);
        }
        sites.sort_unstable();
        sites.dedup();
        let (_, activations) = unsteered_base(lab, &sites, tokens, task).await?;
        let norm = |site, layer| activations.mean_norm(site, layer);
        acts(&self.steer, &self.resolved, &norm, &shape)
    }
}

/// The edits of a whole run of `len` tokens, all of them of the prompt.
pub(crate) fn whole(acts: &[Act], len: usize) -> Vec<Edit> {
    let at = |position| acts.iter().filter_map(move |a| a.edit(position, len));
    (0..len).flat_map(at).collect()
}
