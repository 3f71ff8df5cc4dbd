//! GGUF control vectors, as repeng and llama.cpp write them: `direction.N`.

use super::names::{Named, controls};
use super::{FileError, Found, floats, wrong};
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Content, Value};
use std::io::Cursor;

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Found>, FileError> {
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
        let layer = Named::Layer(controls(name)?);
        let (GgmlDType::F32, &[width]) = (info.ggml_dtype, info.shape.dims()) else {
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
        vectors.push(Found::new(layer, 0, floats(data)));
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
