//! The header of `model.safetensors`: which tensors the file has, and where.

use super::WeightsError;
use crate::json;
use safetensors::tensor::{Dtype, Metadata};

/// Bytes before the header: its length.
const LENGTH: usize = 8;

/// A longer header is not one of a model of this kind: GPT-2's has 14,283 bytes.
const LONGEST: u64 = 16 << 20;

/// A tensor of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the checkpoint: `h.0.ln_1.weight`.
    pub name: String,
    /// The kind of its values.
    pub dtype: Dtype,
    /// As the file has it; the values lie row by row.
    pub shape: Vec<usize>,
    /// Bytes that its values take.
    pub bytes: u64,
}

/// The tensors of a file, in the order of their data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// They leave no hole between them.
    pub entries: Vec<Entry>,
    /// Bytes of the whole file.
    pub file_bytes: u64,
}

impl Header {
    /// How many bytes of the file are the length and the header, once its first
    /// eight bytes are there.
    ///
    /// # Errors
    /// [`WeightsError::HeaderLength`] when that is not a length.
    pub fn stop(start: &[u8]) -> Result<Option<usize>, WeightsError> {
        let Some(length) = start.first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let found = u64::from_le_bytes(*length);
        match usize::try_from(found) {
            Ok(length) if length > 1 && found <= LONGEST => Ok(Some(LENGTH + length)),
            _ => Err(WeightsError::HeaderLength { found }),
        }
    }

    /// Reads the length and the header, and nothing after them.
    ///
    /// # Errors
    /// [`WeightsError::Header`] when it is not JSON, or its tensors overlap, leave
    /// holes or do not have the bytes that their shapes need.
    pub fn parse(bytes: &[u8]) -> Result<Self, WeightsError> {
        let json = bytes.get(LENGTH..).unwrap_or_default();
        let metadata: Metadata = json::read(json).map_err(WeightsError::Header)?;
        let entries: Vec<Entry> = metadata
            .offset_keys()
            .into_iter()
            .filter_map(|name| {
                let info = metadata.info(&name)?;
                let (start, stop) = info.data_offsets;
                Some(Entry {
                    dtype: info.dtype,
                    shape: info.shape.clone(),
                    bytes: (stop - start) as u64,
                    name,
                })
            })
            .collect();
        let data: u64 = entries.iter().map(|e| e.bytes).sum();
        Ok(Self {
            entries,
            file_bytes: bytes.len() as u64 + data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(json: &str) -> Vec<u8> {
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(json.as_bytes());
        bytes
    }

    #[test]
    fn tensors_come_in_the_order_of_their_data() {
        let json = r#"{"__metadata__":{"format":"pt"},
            "b":{"dtype":"F16","shape":[3],"data_offsets":[8,14]},
            "a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;
        let bytes = file(json);
        assert_eq!(Header::stop(&bytes).unwrap(), Some(bytes.len()));
        assert_eq!(Header::stop(&bytes[..7]).unwrap(), None);
        let header = Header::parse(&bytes).unwrap();
        let names: Vec<&str> = header.entries.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(header.file_bytes, bytes.len() as u64 + 14);
    }

    #[test]
    fn hostile_headers_are_refused() {
        for (what, json) in [
            ("not JSON", "{".to_owned()),
            ("overlap", two([0, 8], [4, 12])),
            ("a hole", two([0, 8], [12, 20])),
            ("backwards", two([8, 0], [8, 16])),
            ("too few bytes", two([0, 8], [8, 12])),
            (
                "overflow",
                r#"{"a":{"dtype":"F32","shape":[4294967295,4294967295,4294967295],"data_offsets":[0,4]}}"#.into(),
            ),
            (
                "a name twice",
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#.into(),
            ),
            ("no offsets", r#"{"a":{"dtype":"F32","shape":[1]}}"#.into()),
            ("unknown dtype", r#"{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}"#.into()),
        ] {
            let e = Header::parse(&file(&json)).expect_err(what);
            assert!(matches!(e, WeightsError::Header(_)), "{what}: {e}");
        }
        for length in [0, 1, LONGEST + 1, 100 << 20, u64::MAX] {
            let e = Header::stop(&length.to_le_bytes()).unwrap_err();
            assert!(matches!(e, WeightsError::HeaderLength { found } if found == length));
        }
    }

    fn two(a: [u32; 2], b: [u32; 2]) -> String {
        format!(
            r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":{a:?}}},"b":{{"dtype":"F32","shape":[2],"data_offsets":{b:?}}}}}"#
        )
    }
}
