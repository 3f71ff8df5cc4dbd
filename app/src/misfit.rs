//! A steering that was set up for a model with more layers than the one that is open.

use patchbay_engine::experiment::Steer;
use patchbay_engine::order::sorted;

/// Layers that are named and that the model has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The last layer that the model has.
    pub last: usize,
    /// The layers beyond it, ascending.
    pub beyond: Vec<usize>,
}

/// Every layer that a steering names, but those that say which neuron or feature is meant:
/// in another layer that is another one.
fn layers(steer: &mut Steer) -> impl Iterator<Item = &mut usize> {
    let of_directions = steer
        .directions
        .iter_mut()
        .flat_map(|d| d.layers.iter_mut().chain(&mut d.from));
    let of_map = steer.map.iter_mut().flat_map(|m| &mut m.layers);
    let of_detector = steer.detector.iter_mut().flat_map(|d| &mut d.layer);
    of_directions.chain(of_map).chain(of_detector)
}

/// What of a steering does not fit a model of so many layers.
#[must_use]
pub fn misfit(steer: &Steer, n_layer: usize) -> Option<Misfit> {
    let mut steer = steer.clone();
    let mut beyond: Vec<usize> = layers(&mut steer)
        .map(|l| *l)
        .filter(|l| *l >= n_layer)
        .collect();
    beyond = sorted(&beyond, usize::cmp);
    beyond.dedup();
    let last = n_layer.checked_sub(1)?;
    (!beyond.is_empty()).then_some(Misfit { last, beyond })
}

/// Names the nearest layers that a model has in the place of those that it has not.
pub fn nearest(steer: &mut Steer, n_layer: usize) {
    let last = n_layer.saturating_sub(1);
    for layer in layers(steer) {
        *layer = (*layer).min(last);
    }
    let lists = steer.directions.iter_mut().map(|d| &mut d.layers);
    for list in lists.chain(steer.map.iter_mut().map(|m| &mut m.layers)) {
        *list = sorted(list, usize::cmp);
        list.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchbay_engine::experiment::Experiment;

    #[test]
    fn every_layer_is_brought_to_the_nearest_one() {
        let file = include_str!("../../www/experiments/gpt2-honesty.json");
        let mut steer = Experiment::from_json(file).unwrap().steer.unwrap();
        assert_eq!(misfit(&steer, 12), None);
        let found = misfit(&steer, 4).unwrap();
        assert_eq!(found.last, 3);
        assert!(found.beyond.iter().all(|l| *l > 3) && !found.beyond.is_empty());
        nearest(&mut steer, 4);
        assert_eq!(misfit(&steer, 4), None);
        assert_eq!(steer.directions[0].layers.iter().max(), Some(&3));
        let is_set = |list: &[usize]| list.windows(2).all(|two| two[0] < two[1]);
        assert!(steer.directions.iter().all(|d| is_set(&d.layers)));
    }
}
