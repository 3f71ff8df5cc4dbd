//! Numbers that came from a file.

use super::problem::{DirectionProblem, Origin};
use super::{Resolved, Vectors, one};
use crate::experiment::{Field, LayerVector};
use crate::host::SessionError;
use crate::rows::Shape;

/// The vectors, checked against the model.
pub(crate) fn numbers(
    field: Field,
    origin: &str,
    vectors: &[LayerVector],
    shape: &Shape,
) -> Result<Resolved, SessionError> {
    let wrong = |problem: DirectionProblem| Err(SessionError::of(field, problem));
    let mut layers = vec![None; shape.n_layer];
    let mut zeros = Vec::new();
    for v in vectors {
        let Some(place) = layers.get_mut(v.layer) else {
            return wrong(DirectionProblem::FileLayer {
                layer: v.layer,
                last: shape.n_layer - 1,
            });
        };
        if v.values.len() != shape.n_embd {
            return wrong(DirectionProblem::FileWidth {
                found: v.values.len(),
                width: shape.n_embd,
            });
        }
        if v.values.iter().any(|x| !x.is_finite()) {
            return wrong(DirectionProblem::FileNotFinite { layer: v.layer });
        }
        if v.values.iter().all(|x| *x == 0.0) {
            zeros.push(v.layer);
        }
        if place.replace(one(v.values.clone())).is_some() {
            return wrong(DirectionProblem::FileTwice { layer: v.layer });
        }
    }
    match vectors.is_empty() {
        true => wrong(DirectionProblem::NoFile),
        false => {
            let origin = Origin::File {
                origin: origin.into(),
                zeros,
            };
            Ok(Resolved::new(Vectors::Layers(layers), &origin))
        }
    }
}
