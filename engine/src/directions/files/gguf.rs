//! GGUF control vectors, as repeng and llama.cpp write them: `direction.N`.

use super::names::{Named, controls};
use super::{FileError, FormatFault, Found, floats, unread, wrong};
use crate::backend::candle::said;
use crate::text::short;
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Content, Value};
use std::collections::HashSet;
use std::io::Cursor;

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Found>, FileError> {
    let wrong = wrong("GGUF");
    let sound = Start::new(bytes).and_then(|mut start| start.sound());
    sound.ok_or(FormatFault::Early).flatten().map_err(&wrong)?;
    let content = Content::read(&mut Cursor::new(bytes)).map_err(|e| wrong(unread(said(&e))))?;
    match content.metadata.get("general.architecture") {
        Some(Value::String(name)) if name == "controlvector" => {}
        Some(Value::String(name)) => {
            let found = name.clone();
            return Err(FileError::Architecture { found });
        }
        _ => return Err(FileError::NoArchitecture),
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
        let data = data.ok_or_else(|| wrong(FormatFault::CutShort { name: name.clone() }))?;
        vectors.push(Found::new(layer, 0, floats(data)));
    }
    Ok(vectors)
}

/// A file up to its data, read before candle reads it: of two values of a name that
/// takes the last, and it divides by the alignment that the file gives.
struct Start<'a> {
    rest: &'a [u8],
    /// Bytes of a length.
    wide: usize,
    version: u64,
}

/// As deep as candle reads lists in lists.
const DEEPEST: usize = 64;

impl<'a> Start<'a> {
    /// After the file's first word.
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let mut start = Self {
            rest: bytes.get(4..)?,
            wide: 4,
            version: 0,
        };
        start.version = start.number(4)?;
        if start.version > 1 {
            start.wide = 8;
        }
        Some(start)
    }

    /// `None` where it breaks off, or has what has no known length.
    fn sound(&mut self) -> Option<Result<(), FormatFault>> {
        if !(1..=3).contains(&self.version) {
            let found = self.version;
            return Some(Err(FormatFault::Version { found }));
        }
        let tensors = self.number(self.wide)?;
        let values = self.number(self.wide)?;
        let mut names = HashSet::new();
        for _ in 0..values {
            let name = self.name()?;
            let kind = self.number(4)?;
            let value = self.value(kind, 0)?;
            let whole = kind < 6;
            if whole && name == "general.alignment" && value.iter().all(|b| *b == 0) {
                return Some(Err(FormatFault::Alignment));
            }
            if let Some(name) = names.replace(name) {
                return Some(Err(twice(&name)));
            }
        }
        names.clear();
        for _ in 0..tensors {
            if let Some(name) = names.replace(self.name()?) {
                return Some(Err(twice(&name)));
            }
            // Its dimensions, its type and its place.
            let dimensions = self.number(4)?.checked_mul(self.wide as u64)?;
            self.take(dimensions.checked_add(4 + 8)?)?;
        }
        Some(Ok(()))
    }

    fn take(&mut self, bytes: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(bytes).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    /// A whole number of up to 8 bytes, the least first.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes as u64)?.iter().rev();
        Some(taken.fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// As candle takes it: without zeros at its end.
    fn name(&mut self) -> Option<String> {
        let length = self.number(self.wide)?;
        let name = String::from_utf8_lossy(self.take(length)?);
        Some(name.trim_end_matches('\0').into())
    }

    /// The bytes of a value; none of a list.
    fn value(&mut self, kind: u64, depth: usize) -> Option<&'a [u8]> {
        let bytes = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 => self.number(self.wide)?,
            9 if depth < DEEPEST => {
                let kind = self.number(4)?;
                for _ in 0..self.number(self.wide)? {
                    self.value(kind, depth + 1)?;
                }
                0
            }
            10..=12 => 8,
            _ => return None,
        };
        self.take(bytes)
    }
}

fn twice(name: &str) -> FormatFault {
    FormatFault::NameTwice { name: short(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directions::files::to_gguf;
    use crate::experiment::LayerVector;

    /// A file with more values or tensors than its maker wrote: `what` after the
    /// counts, which are raised.
    fn with(place: usize, what: &[u8], after: &[u8]) -> Vec<u8> {
        let vectors = [1, 2].map(|layer| LayerVector {
            layer,
            values: vec![0.5; 8],
        });
        let mut bytes = to_gguf(&vectors, "gpt2").unwrap();
        bytes[place] += 1;
        let at = bytes.windows(after.len()).position(|w| w == after).unwrap();
        bytes.splice(at..at, what.iter().copied());
        // The data is now somewhere else than it was laid.
        bytes.extend([0; 64]);
        bytes
    }

    fn word(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let values = 16;
        let key = word("general.architecture");
        let again = [&*key, &8u32.to_le_bytes(), &word("controlvector")].concat();
        let e = read(&with(values, &again, &key)).map(drop).unwrap_err();
        assert!(
            e.to_string()
                .contains("“general.architecture” stands in it twice"),
            "{e}"
        );

        let tensors = 8;
        let name = word("direction.1");
        let dims = [&1u32.to_le_bytes()[..], &8u64.to_le_bytes()].concat();
        let again = [&*name, &dims, &0u32.to_le_bytes(), &32u64.to_le_bytes()].concat();
        let e = read(&with(tensors, &again, &name)).map(drop).unwrap_err();
        assert!(
            e.to_string().contains("“direction.1” stands in it twice"),
            "{e}"
        );
    }

    #[test]
    fn a_value_of_every_kind_is_passed_over() {
        let key = word("general.architecture");
        let list = |kind: u32, count: u64| [&kind.to_le_bytes()[..], &count.to_le_bytes()].concat();
        for (kind, value) in [
            (0, vec![1]),
            (1, vec![1]),
            (2, vec![1; 2]),
            (3, vec![1; 2]),
            (4, vec![1; 4]),
            (5, vec![1; 4]),
            (6, vec![1; 4]),
            (7, vec![1]),
            (8, word("x")),
            (9, [list(8, 2), word("a"), word("bc")].concat()),
            (9, [list(9, 1), list(2, 3), vec![0; 6]].concat()),
            (10, vec![1; 8]),
            (11, vec![1; 8]),
            (12, vec![1; 8]),
        ] {
            let more = [&*word("x"), &u32::to_le_bytes(kind), &value].concat();
            let found = read(&with(16, &more, &key)).map(|v| v.len());
            assert_eq!(found.ok(), Some(2), "kind {kind}");
        }
        // Numbers that spell it are no alignment.
        let more = [
            &*word("x"),
            &8u32.to_le_bytes(),
            &word("general.alignment\0\0\0\0\0"),
        ]
        .concat();
        assert!(read(&with(16, &more, &key)).is_ok());
        for (name, kind, value) in [
            ("general.alignment", 4, vec![0; 4]),
            ("general.alignment\0", 0, vec![0]),
            ("x", 13, vec![0; 8]),
            ("x", 8, vec![255; 8]),
        ] {
            let more = [&*word(name), &u32::to_le_bytes(kind), &value].concat();
            assert!(
                read(&with(16, &more, &key)).is_err(),
                "{name} of kind {kind}"
            );
        }
    }
}
