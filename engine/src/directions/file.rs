//! Numbers that came from a file.

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
    let wrong = |message: String| Err(SessionError::of(field, message));
    let mut layers = vec![None; shape.n_layer];
    let mut zeros = Vec::new();
    for v in vectors {
        let Some(place) = layers.get_mut(v.layer) else {
            return wrong(format!(
                "The file has a vector for layer {}, but this model has layers 0 to {}; it was made on another model.",
                v.layer,
                shape.n_layer - 1
            ));
        };
        if v.values.len() != shape.n_embd {
            return wrong(format!(
                "The file’s vectors have {} numbers, but this model is {} wide; a vector fits only the model that it was made on.",
                v.values.len(),
                shape.n_embd
            ));
        }
        if v.values.iter().any(|x| !x.is_finite()) {
            return wrong(format!(
                "The file’s vector for layer {} has a value that is not a finite number.",
                v.layer
            ));
        }
        if v.values.iter().all(|x| *x == 0.0) {
            zeros.push(v.layer);
        }
        if place.replace(one(v.values.clone())).is_some() {
            return wrong(format!(
                "The file has more than one vector for layer {}, and which is meant cannot be told; leave one.",
                v.layer
            ));
        }
    }
    match vectors.is_empty() {
        true => wrong(
            "No file is chosen yet; choose a safetensors, GGUF or JSON file with a direction."
                .into(),
        ),
        false => {
            let origin = format!("{origin}{}", nothing(&zeros));
            Ok(Resolved::new(Vectors::Layers(layers), origin))
        }
    }
}

/// What is said of layers whose vectors are all zeros.
fn nothing(layers: &[usize]) -> String {
    match layers {
        [] => String::new(),
        [layer] => format!("; its vector for layer {layer} is all zeros and does nothing"),
        some => {
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            format!(
                "; its vectors for layers {} are all zeros and do nothing",
                some.join(", ")
            )
        }
    }
}
