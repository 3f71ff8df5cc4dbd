//! Directions in files: safetensors, JSON, and the GGUF control vectors that
//! repeng and llama.cpp write.
//!
//! In all of them a layer's vector belongs after that layer, at `resid_post`:
//! repeng trains on hidden states, and llama.cpp adds to a layer's output. Only
//! a safetensors file of ours may name another site, in its metadata.

mod write;

pub use write::{to_gguf, to_json, to_safetensors, write};

use crate::experiment::{Direction, LayerVector, Operator, Positions, Site, Source, Unit};
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Content, Value};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors};
use serde_json::Value as Json;
use std::io::Cursor;

/// GPT-2 XL's directions at all 48 layers are 300 KB, as JSON some MB.
const LARGEST: usize = 32 << 20;

/// What the site is called in the metadata of a safetensors file.
const SITE: &str = "site";

/// Why a file holds no direction that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the file has {found} bytes, but directions take at most {LARGEST}; is it a model?")]
    TooLarge { found: usize },
    #[error("the file is not {format} as directions are written: {reason}")]
    Format {
        format: &'static str,
        reason: String,
    },
    #[error(
        "the file's architecture is “{found}”, but a control vector's is “controlvector”; is it a model?"
    )]
    Architecture { found: String },
    #[error("the file has no direction; one was expected for at least one layer")]
    Nothing,
    #[error(
        "tensor {name} is {found}, but a direction is one row of 32-bit (in safetensors also 16-bit) numbers for each layer"
    )]
    Tensor { name: String, found: String },
    #[error(
        "the direction of layer {layer} has {found} numbers, but that of layer {first} has {expected}; all have the width of one model"
    )]
    Width {
        layer: usize,
        found: usize,
        first: usize,
        expected: usize,
    },
    #[error("the direction of layer {layer} has a value that is not a finite number")]
    NotFinite { layer: usize },
    #[error("layer {layer} has more than one direction in the file, but one was expected")]
    Twice { layer: usize },
    #[error(
        "the file says that its directions belong at “{found}”, which is no site that is known"
    )]
    Site { found: String },
    #[error(
        "a direction at {site} cannot be written as {format}, whose directions are added after a layer; write safetensors, or take resid_pre, resid_post or mlp_out"
    )]
    NoPlace { site: Site, format: &'static str },
    #[error(
        "a direction before layer 0 cannot be written as {format}, whose directions are added after a layer; take a later layer"
    )]
    TooEarly { format: &'static str },
    #[error("the file could not be written: {0}")]
    Written(String),
}

/// Reads a file of any of the formats. A lone vector that names no layer is
/// taken to be `layer`'s.
///
/// # Errors
/// [`FileError`] when it is none of them, is cut off, or holds no usable direction.
pub fn read(bytes: &[u8], layer: usize) -> Result<Vec<LayerVector>, FileError> {
    if bytes.len() > LARGEST {
        return Err(FileError::TooLarge { found: bytes.len() });
    }
    let start = bytes.trim_ascii_start().first();
    let vectors = match bytes {
        [b'G', b'G', b'U', b'F', ..] => from_gguf(bytes)?,
        _ if matches!(start, Some(b'{' | b'[')) && !is_safetensors(bytes) => {
            from_json(bytes, layer)?
        }
        _ => from_safetensors(bytes, layer)?,
    };
    checked(vectors)
}

/// The same as a direction of an experiment, named as the file is. It acts with
/// its own length, at the middle one of its layers; at `z` at all of them.
///
/// # Errors
/// As for [`read`], and [`FileError::Site`].
pub fn direction(name: &str, bytes: &[u8], layer: usize) -> Result<Direction, FileError> {
    let vectors = read(bytes, layer)?;
    let site = site(bytes)?;
    let layers = match site {
        Site::Z => vectors.iter().map(|v| v.layer).collect(),
        _ => vec![vectors[vectors.len() / 2].layer],
    };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    Ok(Direction {
        name: stem.into(),
        layers,
        source: Source::Vectors {
            origin: format!("The file {name}"),
            vectors,
        },
        site,
        from: None,
        positions: Positions::All,
        operator: Operator::Add,
        coefficient: 1.0,
        unit: Unit::Absolute,
    })
}

/// The site that a file of ours names; `resid_post` where none is named.
fn site(bytes: &[u8]) -> Result<Site, FileError> {
    let Ok((_, header)) = SafeTensors::read_metadata(bytes) else {
        return Ok(Site::ResidPost);
    };
    let named = header.metadata().as_ref().and_then(|m| m.get(SITE));
    let Some(name) = named else {
        return Ok(Site::ResidPost);
    };
    let known = Site::ALL.into_iter().find(|s| s.name() == name);
    known.ok_or_else(|| FileError::Site {
        found: name.clone(),
    })
}

/// Whether a header follows a length: one of 91 or 123 bytes begins as JSON would.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{') && bytes.get(2..8) == Some(&[0; 6])
}

fn checked(mut vectors: Vec<LayerVector>) -> Result<Vec<LayerVector>, FileError> {
    vectors.sort_by_key(|v| v.layer);
    let (first, expected) = match vectors.first() {
        Some(v) if !v.values.is_empty() => (v.layer, v.values.len()),
        _ => return Err(FileError::Nothing),
    };
    for v in &vectors {
        let layer = v.layer;
        if v.values.len() != expected {
            return Err(FileError::Width {
                layer,
                found: v.values.len(),
                first,
                expected,
            });
        }
        if v.values.iter().any(|x| !x.is_finite()) {
            return Err(FileError::NotFinite { layer });
        }
    }
    match vectors.windows(2).find(|w| w[0].layer == w[1].layer) {
        Some(w) => Err(FileError::Twice { layer: w[0].layer }),
        None => Ok(vectors),
    }
}

fn wrong(format: &'static str) -> impl Fn(String) -> FileError {
    move |reason| FileError::Format { format, reason }
}

/// The layer that a name ends in: `direction.3`, `layers.3`, `3`.
fn layer_of(name: &str) -> Option<usize> {
    name.rsplit('.').next()?.parse().ok()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes.as_chunks::<4>().0.iter();
    numbers.map(|b| f32::from_le_bytes(*b)).collect()
}

fn from_gguf(bytes: &[u8]) -> Result<Vec<LayerVector>, FileError> {
    let wrong = wrong("GGUF");
    if aligned_to_nothing(bytes) {
        return Err(wrong(
            "its alignment is 0, but data starts at multiples of it".into(),
        ));
    }
    let content = Content::read(&mut Cursor::new(bytes)).map_err(|e| wrong(e.to_string()))?;
    let architecture = match content.metadata.get("general.architecture") {
        Some(Value::String(name)) => name.as_str(),
        _ => "not given",
    };
    if architecture != "controlvector" {
        return Err(FileError::Architecture {
            found: architecture.into(),
        });
    }
    let mut vectors = Vec::new();
    for (name, info) in &content.tensor_infos {
        let layer = name.strip_prefix("direction.").and_then(layer_of);
        let (Some(layer), GgmlDType::F32, &[width]) = (layer, info.ggml_dtype, info.shape.dims())
        else {
            return Err(FileError::Tensor {
                name: name.clone(),
                found: format!("{:?} {:?}", info.ggml_dtype, info.shape.dims()),
            });
        };
        let start = content.tensor_data_offset.checked_add(info.offset);
        let start = start.and_then(|s| usize::try_from(s).ok());
        let stop = start.and_then(|s| s.checked_add(width.checked_mul(4)?));
        let data = start.zip(stop).and_then(|(a, b)| bytes.get(a..b));
        let data = data.ok_or_else(|| wrong(format!("it ends before the data of {name} does")))?;
        vectors.push(LayerVector {
            layer,
            values: floats(data),
        });
    }
    Ok(vectors)
}

/// Whether `general.alignment` is 0, by which the reader would divide.
fn aligned_to_nothing(bytes: &[u8]) -> bool {
    const KEY: &[u8] = b"general.alignment";
    let found = bytes.windows(KEY.len()).enumerate();
    let mut keys = found
        .filter(|(_, w)| *w == KEY)
        .map(|(at, _)| at + KEY.len());
    keys.any(|at| {
        // The types of one, two and four bytes, by their numbers.
        let width = match bytes.get(at) {
            Some(0 | 1) => 1,
            Some(2 | 3) => 2,
            _ => 4,
        };
        let value = bytes.get(at + 4..at + 4 + width).unwrap_or_default();
        value.iter().all(|b| *b == 0)
    })
}

fn from_safetensors(bytes: &[u8], layer: usize) -> Result<Vec<LayerVector>, FileError> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| wrong("safetensors")(e.to_string()))?;
    let tensors = file.tensors();
    let lone = tensors.len() == 1;
    let mut vectors = Vec::new();
    for (name, view) in tensors {
        let values = match view.dtype() {
            Dtype::F32 => floats(view.data()),
            Dtype::F16 | Dtype::BF16 => {
                let wide = |b: &[u8; 2]| match view.dtype() {
                    Dtype::F16 => f16::from_le_bytes(*b).to_f32(),
                    _ => bf16::from_le_bytes(*b).to_f32(),
                };
                view.data().as_chunks::<2>().0.iter().map(wide).collect()
            }
            _ => Vec::new(),
        };
        match (layer_of(&name), view.shape()) {
            (named, [_]) if !values.is_empty() && (named.is_some() || lone) => {
                vectors.push(LayerVector {
                    layer: named.unwrap_or(layer),
                    values,
                });
            }
            // A row for each layer.
            (_, [_, width]) if !values.is_empty() && lone => {
                let rows = values.chunks(*width).map(<[f32]>::to_vec).enumerate();
                vectors.extend(rows.map(|(layer, values)| LayerVector { layer, values }));
            }
            (_, shape) => {
                return Err(FileError::Tensor {
                    found: format!("{:?} {shape:?}", view.dtype()),
                    name,
                });
            }
        }
    }
    Ok(vectors)
}

/// A list of numbers, an object of lists by layer, or a list of objects with
/// `layer` and `values`.
fn from_json(bytes: &[u8], layer: usize) -> Result<Vec<LayerVector>, FileError> {
    let wrong = |reason: String| {
        let expected = "expected a list of numbers, an object of lists by layer, or a list of objects with layer and values";
        wrong("JSON")(format!("{expected}; {reason}"))
    };
    let json: Json = serde_json::from_slice(bytes).map_err(|e| wrong(e.to_string()))?;
    let vector = |layer: usize, values: &Json| {
        let list = values.as_array().map(|list| list.iter().map(number));
        let values = list.and_then(Iterator::collect);
        let values =
            values.ok_or_else(|| wrong(format!("layer {layer} has no list of numbers")))?;
        Ok(LayerVector { layer, values })
    };
    match &json {
        Json::Object(layers) => layers
            .iter()
            .map(|(layer, values)| match layer.parse() {
                Ok(layer) => vector(layer, values),
                Err(_) => Err(wrong(format!(
                    "“{layer}” stands where the number of a layer was expected"
                ))),
            })
            .collect(),
        Json::Array(list) if list.iter().all(Json::is_object) => list
            .iter()
            .map(|one| {
                let layer = one["layer"].as_u64().and_then(|l| usize::try_from(l).ok());
                let layer = layer.ok_or_else(|| wrong("a vector has no layer".into()))?;
                vector(layer, &one["values"])
            })
            .collect(),
        one => Ok(vec![vector(layer, one)?]),
    }
}

#[allow(clippy::cast_possible_truncation)] // vectors are 32-bit
fn number(json: &Json) -> Option<f32> {
    json.as_f64().map(|x| x as f32)
}
