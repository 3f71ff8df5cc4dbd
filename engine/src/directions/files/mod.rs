//! Directions in files: safetensors, JSON, and the GGUF control vectors that
//! repeng and llama.cpp write.
//!
//! `direction.N` belongs after layer N, counted from 0, at `resid_post`: repeng
//! trains on hidden states, and llama.cpp adds to the output of layer N. So N is
//! our layer, without a shift; only what acts before a layer is counted anew,
//! before layer 3 being after layer 2. llama.cpp has no place after layer 0, and
//! refuses a file with `direction.0`: none is written.
//!
//! In safetensors and JSON TransformerLens's names mean layer and site, too, and a
//! safetensors file of ours may name a site for all its vectors in its metadata.
//! Which names are understood is the table in `names.rs`.

mod gguf;
mod json;
mod names;
mod tensors;
mod write;

use crate::experiment::{Direction, LayerVector, Operator, Positions, Site, Source, Unit};
use crate::text::{Plain, short, without_bom};
use names::Named;
pub(crate) use write::nowhere;
pub use write::{Written, place, to_gguf, to_json, to_safetensors, write};

/// GPT-2 XL's directions at all 48 layers are 300 KB, as JSON some MB.
const LARGEST: usize = 32 << 20;

/// What the site is called in the metadata of a safetensors file.
const SITE: &str = "site";

/// Why a file holds no direction that can be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error(
        "the file has {found} bytes, but directions take at most {LARGEST}; a model’s file is not one"
    )]
    TooLarge { found: usize },
    #[error(
        "the file is not {format} as directions are written: {}",
        Plain(reason)
    )]
    Format {
        format: &'static str,
        reason: String,
    },
    #[error(
        "the file's architecture is “{}”, but a control vector's is “controlvector”; a model’s file is not one",
        Plain(&short(found))
    )]
    Architecture { found: String },
    #[error("the file has no direction; one was expected for at least one layer")]
    Nothing,
    #[error(
        "tensor {} is {found}, but a direction is one row of 32-bit (in safetensors also 16-bit) numbers for each layer",
        Plain(&short(name))
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
        "the file says that its directions belong at “{}”, which is no site that is known",
        Plain(&short(found))
    )]
    Site { found: String },
    #[error(
        "tensor “{}” is not named as a direction is: expected {expected}; rename it, if it is one",
        Plain(&short(name))
    )]
    Name {
        name: String,
        expected: &'static str,
    },
    #[error(
        "the file’s vectors are of {site}, but no direction acts at {site}; it takes resid_pre, resid_mid, resid_post, attn_out, mlp_out or z"
    )]
    NoDirection { site: Site },
    #[error(
        "the file has vectors of {first} and of {other}, but a direction acts at one of them; keep the tensors of one in a file of their own"
    )]
    Sites { first: Site, other: Site },
    #[error(
        "a direction at {site} cannot be written as {format}, whose directions are added after a layer; write safetensors, or take resid_pre, resid_post or mlp_out"
    )]
    NoPlace { site: Site, format: &'static str },
    #[error(
        "a direction before layer 0 cannot be written as {format}, whose directions are added after a layer; take a later layer"
    )]
    TooEarly { format: &'static str },
    #[error(
        "a direction at {site} of layer {layer} has no place in a control vector: it is added after layer 1 at the earliest, and llama.cpp refuses a file with layer 0. Take a later layer, or write safetensors or JSON"
    )]
    NoControl { site: Site, layer: usize },
    #[error("the file is more than an experiment holds: {0}")]
    Limit(String),
    #[error("the file could not be written: {0}")]
    Written(String),
}

/// A vector of a file, with the site that its name says.
struct Found {
    site: Option<Site>,
    vector: LayerVector,
}

impl Found {
    /// A vector under a name; one that names no layer is `layer`'s.
    fn new(name: Named, layer: usize, values: Vec<f32>) -> Self {
        Self {
            site: name.site(),
            vector: LayerVector {
                layer: name.layer().unwrap_or(layer),
                values,
            },
        }
    }
}

/// Reads a file of any of the formats. A lone vector that names no layer is
/// taken to be `layer`'s.
///
/// # Errors
/// [`FileError`] when it is none of them, is cut off, or holds no usable direction.
pub fn read(bytes: &[u8], layer: usize) -> Result<Vec<LayerVector>, FileError> {
    Ok(vectors(bytes, layer)?.1)
}

/// The vectors of a file, by layer, and the site that they all belong to.
fn vectors(bytes: &[u8], layer: usize) -> Result<(Site, Vec<LayerVector>), FileError> {
    if bytes.len() > LARGEST {
        return Err(FileError::TooLarge { found: bytes.len() });
    }
    let (said, found) = match bytes {
        [b'G', b'G', b'U', b'F', ..] => (None, gguf::read(bytes)?),
        _ if is_safetensors(bytes) => tensors::read(bytes, layer)?,
        _ if is_json(bytes) => (None, json::read(bytes, layer)?),
        _ => tensors::read(bytes, layer)?,
    };
    let site = site(said, &found)?;
    let vectors = found.into_iter().map(|f| f.vector).collect();
    Ok((site, checked(vectors)?))
}

/// The one site of all the vectors: the file's own word, or their names';
/// `resid_post` where neither says any.
fn site(said: Option<Site>, found: &[Found]) -> Result<Site, FileError> {
    let rest = said.unwrap_or(Site::ResidPost);
    let named = found.iter().map(|f| f.site.unwrap_or(rest));
    let mut all = said.into_iter().chain(named);
    let first = all.next().unwrap_or(rest);
    match all.find(|s| *s != first) {
        Some(other) => Err(FileError::Sites { first, other }),
        None => Ok(first),
    }
}

/// The same as a direction of an experiment, named as the file is. It acts with
/// its own length, at the middle one of its layers that are not all zeros; at `z`
/// at all of them.
///
/// # Errors
/// As for [`read`].
pub fn direction(name: &str, bytes: &[u8], layer: usize) -> Result<Direction, FileError> {
    let (site, vectors) = vectors(bytes, layer)?;
    let all = || vectors.iter().map(|v| v.layer);
    let some = vectors
        .iter()
        .filter(|v| v.values.iter().any(|x| *x != 0.0));
    let some: Vec<usize> = some.map(|v| v.layer).collect();
    let layers = match (site, some.get(some.len() / 2)) {
        (Site::Z, _) => all().collect(),
        (_, Some(middle)) => vec![*middle],
        (_, None) => all().take(1).collect(),
    };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let direction = Direction {
        name: stem.into(),
        layers,
        source: Source::Vectors {
            origin: format!("The file {name}, which has {}", said(all())),
            vectors,
        },
        site,
        from: None,
        positions: Positions::All,
        operator: Operator::Add,
        coefficient: 1.0,
        unit: Unit::Absolute,
    };
    let fits = direction.check().map(|()| direction);
    fits.map_err(|beyond| FileError::Limit(beyond.to_string()))
}

/// Layers named one by one; more are told by their number.
const NAMED: usize = 12;

/// Ascending layers, for people.
fn said(layers: impl Iterator<Item = usize>) -> String {
    let all: Vec<usize> = layers.collect();
    match all[..] {
        [] => "no layer".into(),
        [layer] => format!("layer {layer}"),
        [first, .., last] if last - first == all.len() - 1 => format!("layers {first} to {last}"),
        [first, .., last] if all.len() > NAMED => {
            format!("{} layers from {first} to {last}", all.len())
        }
        _ => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("layers {}", all.join(", "))
        }
    }
}

/// Whether the first character is one that JSON's lists and objects begin with.
fn is_json(bytes: &[u8]) -> bool {
    let start = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return true,
        _ => without_bom(bytes).trim_ascii_start().first(),
    };
    matches!(start, Some(b'{' | b'['))
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

fn floats(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes.as_chunks::<4>().0.iter();
    numbers.map(|b| f32::from_le_bytes(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_told_in_few_words() {
        let told = |layers: &[usize]| said(layers.iter().copied());
        assert_eq!(told(&[2]), "layer 2");
        assert_eq!(told(&[1, 2, 3]), "layers 1 to 3");
        assert_eq!(told(&[0, 2]), "layers 0, 2");
        assert_eq!(told(&[0, usize::MAX]), format!("layers 0, {}", usize::MAX));
        let even: Vec<usize> = (0..1000).map(|i| 2 * i).collect();
        assert_eq!(told(&even), "1000 layers from 0 to 1998");
    }
}
