//! Directions written to files.

use super::{FileError, SITE};
use crate::backend::candle::said;
use crate::experiment::{Format, LayerVector, Site};
use crate::sentence::{Says, Sentence};
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{QStorage, QTensor};
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Cursor;

/// A direction as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Which layers' vectors are not in it, and why.
    pub remark: Option<LeftOut>,
}

/// Vectors of a direction for which its file has no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// In a GGUF file: what acts after layer 0, or before it.
    #[error(
        "{site} of layer {} is not in the file: a control vector begins after layer 1, and llama.cpp refuses layer 0.",
        and(layers)
    )]
    ControlVector {
        /// The direction's site.
        site: Site,
        /// The layers of the vectors left out, counted from 0.
        layers: Vec<usize>,
    },
    /// In a safetensors or JSON file: what acts before layer 0.
    #[error(
        "{site} of layer {} is not in the file: the file holds what is added after a layer.",
        and(layers)
    )]
    BeforeTheFirst {
        /// The direction's site.
        site: Site,
        /// The layers of the vectors left out, counted from 0.
        layers: Vec<usize>,
    },
}

impl Sentence for LeftOut {
    fn says(&self) -> Says {
        Says::of("left_out", self)
    }
}

fn and(layers: &[usize]) -> String {
    let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
    layers.join(" and ")
}

/// The layer under which a format keeps a vector that acts at a layer's site;
/// `None` where it has no place for it. Before layer 3 is after layer 2, and
/// llama.cpp has nothing after layer 0.
#[must_use]
pub fn place(site: Site, layer: usize, format: Format) -> Option<usize> {
    match (site, format) {
        (Site::ResidPost | Site::MlpOut, Format::Gguf) => Some(layer).filter(|l| *l > 0),
        (Site::ResidPost | Site::MlpOut, _) => Some(layer),
        (Site::ResidPre, Format::Gguf) => layer.checked_sub(1).filter(|l| *l > 0),
        (Site::ResidPre, _) => layer.checked_sub(1),
        (_, Format::Safetensors) => Some(layer),
        _ => None,
    }
}

/// A direction at a site as a file. Where a file's layers have another meaning,
/// they are counted anew; see [`place`].
///
/// # Errors
/// [`FileError`] where the format has no place for such a direction.
pub fn write(vectors: &[LayerVector], site: Site, format: Format) -> Result<Written, FileError> {
    let name = format.extension();
    let after = matches!(site, Site::ResidPre | Site::ResidPost | Site::MlpOut);
    if !after && format != Format::Safetensors {
        return Err(FileError::NoPlace { site, format: name });
    }
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for v in vectors {
        match place(site, v.layer, format) {
            Some(layer) => kept.push(LayerVector {
                layer,
                values: v.values.clone(),
            }),
            None => left_out.push(v.layer),
        }
    }
    if let (true, Some(layer)) = (kept.is_empty(), left_out.last()) {
        return Err(nowhere(site, *layer, format));
    }
    let at = if after { Site::ResidPost } else { site };
    let bytes = match format {
        Format::Json => to_json(&kept).into_bytes(),
        Format::Gguf => to_gguf(&kept, "gpt2").map_err(|e| FileError::Written(said(&e)))?,
        Format::Safetensors => {
            to_safetensors(&kept, at).map_err(|e| FileError::Written(e.to_string()))?
        }
    };
    let layers = left_out;
    let remark = (!layers.is_empty()).then_some(match format {
        Format::Gguf => LeftOut::ControlVector { site, layers },
        Format::Safetensors | Format::Json => LeftOut::BeforeTheFirst { site, layers },
    });
    Ok(Written { bytes, remark })
}

/// Why a vector that acts at a layer's site is not in such a file.
pub(crate) fn nowhere(site: Site, layer: usize, format: Format) -> FileError {
    match format {
        Format::Gguf => FileError::NoControl { site, layer },
        other => FileError::TooEarly {
            format: other.extension(),
        },
    }
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

/// Safetensors: one tensor `direction.{layer}` for each layer. A site other than
/// `resid_post` is named in the metadata.
///
/// # Errors
/// safetensors' own.
pub fn to_safetensors(
    vectors: &[LayerVector],
    site: Site,
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
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
    let named = (site != Site::ResidPost).then(|| [(SITE.into(), site.name().into())].into());
    safetensors::serialize(views?, named)
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
        // Not by way of `quantize`, which brings along every kind of number there is.
        let values = QStorage::Cpu(Box::new(v.values.clone()));
        let tensor = QTensor::new(values, v.values.len())?;
        tensors.push((format!("direction.{}", v.layer), tensor));
    }
    let tensors: Vec<_> = tensors.iter().map(|(n, t)| (n.as_str(), t)).collect();
    let mut file = Cursor::new(Vec::new());
    gguf_file::write(&mut file, &metadata, &tensors)?;
    Ok(file.into_inner())
}
