//! Directions in files: safetensors, JSON, and the GGUF control vectors that
//! repeng and llama.cpp write.
//!
//! In all of them a layer's vector belongs after that layer, at `resid_post`:
//! repeng trains on hidden states, and llama.cpp adds to a layer's output.

use crate::experiment::LayerVector;
use candle_core::quantized::gguf_file::{Content, Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Cursor;

/// GPT-2 XL's directions at all 48 layers are 300 KB, as JSON some MB.
const LARGEST: usize = 32 << 20;

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

/// The ways in which directions are written as JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    List(Vec<LayerVector>),
    Layers(BTreeMap<String, Vec<f32>>),
    One(Vec<f32>),
}

fn from_json(bytes: &[u8], layer: usize) -> Result<Vec<LayerVector>, FileError> {
    let json = serde_json::from_slice(bytes).map_err(|e| {
        let expected = "expected a list of numbers, an object of lists by layer, or a list of objects with layer and values";
        wrong("JSON")(format!("{expected}; {e}"))
    })?;
    Ok(match json {
        Json::List(vectors) => vectors,
        Json::Layers(layers) => layers
            .into_iter()
            .map(|(layer, values)| {
                let layer = layer.parse().map_err(|_| {
                    wrong("JSON")(format!(
                        "“{layer}” stands where the number of a layer was expected"
                    ))
                })?;
                Ok(LayerVector { layer, values })
            })
            .collect::<Result<_, FileError>>()?,
        Json::One(values) => vec![LayerVector { layer, values }],
    })
}

/// JSON: a list of numbers for each layer.
#[must_use]
pub fn to_json(vectors: &[LayerVector]) -> String {
    let layers: BTreeMap<usize, &[f32]> = vectors
        .iter()
        .map(|v| (v.layer, v.values.as_slice()))
        .collect();
    // Numbers only: nothing in it can fail to serialise.
    serde_json::to_string(&layers).unwrap_or_default()
}

/// Safetensors: one tensor `direction.{layer}` for each layer.
///
/// # Errors
/// safetensors' own.
pub fn to_safetensors(vectors: &[LayerVector]) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let data: Vec<(String, Vec<u8>)> = vectors
        .iter()
        .map(|v| {
            let bytes = v.values.iter().flat_map(|x| x.to_le_bytes());
            (format!("direction.{}", v.layer), bytes.collect())
        })
        .collect();
    let views: Result<Vec<_>, safetensors::SafeTensorError> = data
        .iter()
        .map(|(name, bytes)| {
            let view = TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)?;
            Ok((name.as_str(), view))
        })
        .collect();
    safetensors::serialize(views?, None)
}

/// A GGUF control vector, for a model of that kind (`gpt2`).
///
/// # Errors
/// candle's own.
pub fn to_gguf(vectors: &[LayerVector], model: &str) -> candle_core::Result<Vec<u8>> {
    let count = u32::try_from(vectors.len()).unwrap_or(u32::MAX);
    let metadata = [
        (
            "general.architecture",
            Value::String("controlvector".into()),
        ),
        ("controlvector.model_hint", Value::String(model.into())),
        ("controlvector.layer_count", Value::U32(count)),
    ];
    let metadata: Vec<_> = metadata.iter().map(|(k, v)| (*k, v)).collect();
    let mut tensors = Vec::new();
    for v in vectors {
        let tensor = Tensor::from_slice(&v.values, v.values.len(), &Device::Cpu)?;
        let tensor = QTensor::quantize(&tensor, GgmlDType::F32)?;
        tensors.push((format!("direction.{}", v.layer), tensor));
    }
    let tensors: Vec<_> = tensors.iter().map(|(n, t)| (n.as_str(), t)).collect();
    let mut file = Cursor::new(Vec::new());
    write(&mut file, &metadata, &tensors)?;
    Ok(file.into_inner())
}
