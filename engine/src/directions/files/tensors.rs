//! Directions as safetensors.

use super::names::{Named, named, unnamed};
use super::{FileError, Found, SITE, floats, unread, wrong};
use crate::experiment::Site;
use crate::json;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// The vectors, and the site that the file names for all of them.
pub(super) fn read(bytes: &[u8], layer: usize) -> Result<(Option<Site>, Vec<Found>), FileError> {
    let unsound = wrong("safetensors");
    let wrong = |e: safetensors::SafeTensorError| unsound(unread(e));
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
    // Of two tensors of a name that took the last.
    let json = bytes.get(8..).and_then(|rest| rest.get(..length));
    json::read::<IgnoredAny>(json.unwrap_or_default()).map_err(|e| unsound(unread(e)))?;
    let said = header.metadata().as_ref().map(site).transpose()?.flatten();
    let file = SafeTensors::deserialize(bytes).map_err(wrong)?;
    let tensors = file.tensors();
    let lone = tensors.len() == 1;
    let mut found = Vec::new();
    for (name, view) in tensors {
        let place = match named(&name)? {
            Named::Nothing if !lone => return Err(unnamed(&name)),
            place => place,
        };
        let heads = place.site().or(said) == Some(Site::Z);
        let values = numbers(&view);
        match (place, view.shape()) {
            (_, [n] | [1, n]) if *n > 0 && values.len() == *n => {
                found.push(Found::new(place, layer, values));
            }
            // TransformerLens keeps the heads apart.
            (_, [_, _]) if heads && place != Named::Nothing && !values.is_empty() => {
                found.push(Found::new(place, layer, values));
            }
            // A row for each layer.
            (Named::Nothing, [_, width]) if !values.is_empty() => {
                let rows = values.chunks(*width).map(<[f32]>::to_vec).enumerate();
                found.extend(rows.map(|(l, row)| Found::new(Named::Layer(l), l, row)));
            }
            (_, shape) => {
                return Err(FileError::Tensor {
                    found: format!("{:?} {shape:?}", view.dtype()),
                    name,
                });
            }
        }
    }
    Ok((said, found))
}

/// The site that the metadata of a file of ours names, if it names any.
fn site(metadata: &HashMap<String, String>) -> Result<Option<Site>, FileError> {
    let Some(name) = metadata.get(SITE) else {
        return Ok(None);
    };
    match Site::ALL.into_iter().find(|s| s.name() == name) {
        Some(site) if site.is_of_the_stream() => Ok(Some(site)),
        Some(site) => Err(FileError::NoDirection { site }),
        None => Err(FileError::Site {
            found: name.clone(),
        }),
    }
}

/// 32-bit numbers, from 16-bit ones too; none of another kind.
fn numbers(view: &TensorView<'_>) -> Vec<f32> {
    let narrow = |wide: fn([u8; 2]) -> f32| {
        let numbers = view.data().as_chunks::<2>().0.iter();
        numbers.map(|b| wide(*b)).collect()
    };
    match view.dtype() {
        Dtype::F32 => floats(view.data()),
        Dtype::F16 => narrow(|b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => narrow(|b| bf16::from_le_bytes(b).to_f32()),
        _ => Vec::new(),
    }
}
