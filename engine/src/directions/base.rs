//! The unsteered run of a prompt, and how long its activations are.

use crate::backend::Backend;
use crate::experiment::{Field, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::lab::line::Line;
use crate::lab::overflow::{Overflow, Whose, numbers};
use crate::numbers::norm;
use crate::rows::{Run, kept_for_entry};
use std::collections::HashMap;
use std::rc::Rc;

/// Activations of the unsteered prompt, by site, layer and position.
#[derive(Clone)]
pub(crate) struct Activations(Rc<HashMap<(Site, usize, usize), Vec<f32>>>);

impl Activations {
    pub fn new(places: Vec<(Site, usize, usize)>, rows: Vec<Option<Vec<f32>>>) -> Self {
        let pairs = places.into_iter().zip(rows);
        Self(Rc::new(pairs.filter_map(|(p, r)| Some((p, r?))).collect()))
    }

    pub fn at(&self, site: Site, layer: usize) -> impl Iterator<Item = &Vec<f32>> {
        (0..).map_while(move |p| self.0.get(&(site, layer, p)))
    }

    /// Mean length of a layer's activations, position 0 left out where there
    /// is another: its length is of another order.
    #[allow(clippy::cast_precision_loss)] // a number of tokens
    pub fn mean_norm(&self, site: Site, layer: usize) -> f32 {
        let norms: Vec<f32> = self.at(site, layer).map(|v| norm(v)).collect();
        let counted = if norms.len() > 1 { &norms[1..] } else { &norms };
        counted.iter().sum::<f32>() / counted.len().max(1) as f32
    }
}

/// The run of the prompt that everything continues, and the activations
/// that the directions are compared with: `[site][layer][position]`.
pub(crate) async fn unsteered_base<B: Backend>(
    lab: &mut Lab<B>,
    sites: &[Site],
    prompt: &[u32],
    task: Task<'_, impl Host>,
) -> Result<(Line, Activations), SessionError> {
    let places: Vec<(Site, usize, usize)> = sites
        .iter()
        .flat_map(|s| (0..lab.info.n_layer).map(move |l| (*s, l)))
        .flat_map(|(s, l)| (0..prompt.len()).map(move |p| (s, l, p)))
        .collect();
    let mut kept = kept_for_entry(sites.iter().copied());
    kept.sort_unstable();
    let run = Run {
        reads: vec![prompt.len() - 1],
        captures: places.clone(),
        ..Run::of(prompt.into())
    }
    .kept(&lab.store.pool, &kept);
    let pulse = Beats::quiet(task.host);
    let (line, captured) = lab.line(run.clone(), &pulse).await?;
    if !numbers(&line.logits) {
        let of = Overflow {
            field: Field::Model,
            whose: Whose::Unsteered,
        };
        return Err(lab.overflow(of, &run, task).await);
    }
    Ok((line, Activations::new(places, captured)))
}
