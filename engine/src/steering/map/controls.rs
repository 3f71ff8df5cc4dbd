//! The directions that are tried: the one itself, and its controls at the same length.

use super::setup::Setup;
use crate::directions::{Resolved, Rows, length};
use crate::experiment::{MapCell, MapNumbers, Tried};
use crate::numbers::{cosine, noise_at, norm, normals};
use std::rc::Rc;

/// A cell that is wanted.
pub(crate) struct Wish {
    pub of: Tried,
    pub layer: usize,
    pub coefficient: f32,
    pub cosine: f32,
    pub rows: Option<Rows>,
}

/// The direction and its shuffled-label control.
pub(crate) struct Directions {
    pub itself: Rc<Resolved>,
    pub shuffled: Option<Rc<Resolved>>,
}

impl Directions {
    /// A cell; `None` where there is no such control at the layer.
    pub fn wish(&self, setup: &Setup, of: Tried, layer: usize, coefficient: f32) -> Option<Wish> {
        let read_at = setup.direction.from.unwrap_or(layer);
        let own = self.itself.at(read_at);
        let rows = match of {
            Tried::Direction => own.clone(),
            Tried::Random(seed) => Some(random(own.as_ref()?, seed)),
            Tried::Shuffled => {
                let rows = self.shuffled.as_ref()?.at(read_at)?;
                Some(at_length(&rows, length(own.as_ref()?))?)
            }
        };
        let cosine = match (&own, &rows) {
            (Some(a), Some(b)) => a.last().zip(b.last()).map_or(0.0, |(a, b)| cosine(a, b)),
            _ => 0.0,
        };
        Some(Wish {
            of,
            layer,
            coefficient,
            cosine,
            rows,
        })
    }

    /// The controls beside a layer's cell with that coefficient.
    pub fn controls(&self, setup: &Setup, layer: usize, coefficient: f32) -> Vec<Wish> {
        let random = (0..setup.controls.random as u64)
            .map(|i| Tried::Random(setup.controls.seed.wrapping_add(i)));
        let shuffled = setup.controls.shuffled.then_some(Tried::Shuffled);
        random
            .chain(shuffled)
            .filter_map(|of| self.wish(setup, of, layer, coefficient))
            .collect()
    }

    /// Every layer's, beside the cell where the direction does best.
    pub fn all_controls(
        &self,
        setup: &Setup,
        cells: &[MapCell],
        unsteered: &MapNumbers,
    ) -> Vec<Wish> {
        let best = |l: &usize| setup.best(cells, *l, unsteered);
        let layers = setup.layers.iter().filter_map(best);
        layers
            .flat_map(|c| self.controls(setup, c.layer, c.coefficient))
            .collect()
    }
}

/// Random rows, each as long as the direction's and with zeros where it has
/// them: at heads that it leaves alone. A direction of one row gets what the
/// source `random` gives for that seed.
fn random(like: &Rows, seed: u64) -> Rows {
    let row = |(r, own): (usize, &Rc<[f32]>)| -> Rc<[f32]> {
        let n = own.len();
        let mut drawn = match like.len() {
            1 => normals(seed, n),
            _ => noise_at(seed, 0, r, n),
        };
        let pairs = drawn.iter_mut().zip(own.iter());
        pairs.filter(|p| *p.1 == 0.0).for_each(|p| *p.0 = 0.0);
        let scale = norm(own) / norm(&drawn);
        drawn.iter().map(|x| x * scale).collect()
    };
    like.iter().enumerate().map(row).collect()
}

/// The rows at another length; `None` where they have none.
fn at_length(rows: &Rows, wanted: f32) -> Option<Rows> {
    let now = length(rows);
    let scaled = |r: &Rc<[f32]>| -> Rc<[f32]> { r.iter().map(|x| x * wanted / now).collect() };
    (now > 0.0).then(|| rows.iter().map(scaled).collect())
}
