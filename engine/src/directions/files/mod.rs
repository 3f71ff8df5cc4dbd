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

mod error;
mod gguf;
mod json;
mod names;
mod tensors;
mod write;

use crate::experiment::{Direction, LayerVector, Operator, Positions, Site, Source, Unit};
use crate::sentence::Sentence;
use crate::text::without_bom;
pub use error::{FileError, FormatFault};
use names::Named;
pub(crate) use write::nowhere;
pub use write::{LeftOut, Written, place, to_gguf, to_json, to_safetensors, write};

/// GPT-2 XL's directions at all 48 layers are 300 KB, as JSON some MB.
const LARGEST: usize = 32 << 20;

/// What the site is called in the metadata of a safetensors file.
const SITE: &str = "site";

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
    fits.map_err(|beyond| FileError::Limit {
        fault: beyond.said(),
    })
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

fn wrong(format: &'static str) -> impl Fn(FormatFault) -> FileError {
    move |fault| FileError::Format { format, fault }
}

/// What another reader says.
fn unread(error: impl ToString) -> FormatFault {
    FormatFault::Unread(error.to_string())
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
