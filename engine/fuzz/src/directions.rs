//! The files of directions and of dictionaries.

use crate::{read_or_told, with_length};
use patchbay_engine::directions::files;
use patchbay_engine::experiment::{Direction, Format, LayerVector, Site, Source};
use patchbay_engine::session::{DictionaryConfig, DictionaryLayout};

/// The layer of a vector that names none.
const LAYER: usize = 3;

/// Any bytes as a direction's file: what can be read is the same when it was
/// written in each of the formats and read again.
pub fn vectors(bytes: &[u8]) -> bool {
    let Some(direction) = read_or_told(files::direction("a.file", bytes, LAYER)) else {
        return false;
    };
    let (site, read) = (direction.site, vectors_of(&direction));
    assert!(!read.is_empty() && read.iter().all(|v| !v.values.is_empty()));
    for format in [Format::Json, Format::Gguf, Format::Safetensors] {
        let Ok(file) = files::write(read, site, format) else {
            continue;
        };
        let again = files::direction("a.file", &file.bytes, LAYER);
        let again = again.unwrap_or_else(|e| unread(&e, format));
        // Where a format's layers have another meaning, they are counted anew.
        let placed = read.iter().filter_map(|v| {
            let layer = files::place(site, v.layer, format)?;
            let values = v.values.clone();
            Some(LayerVector { layer, values })
        });
        let placed: Vec<LayerVector> = placed.collect();
        assert_eq!(vectors_of(&again), placed, "as {format:?}");
        assert_eq!(file.remark.is_none(), placed.len() == read.len());
        let after = matches!(site, Site::ResidPre | Site::ResidPost | Site::MlpOut);
        let expected = if after { Site::ResidPost } else { site };
        assert_eq!(again.site, expected, "as {format:?}");
    }
    true
}

/// The same, as safetensors whose length fits too.
pub fn safetensors(bytes: &[u8]) -> bool {
    let taken = vectors(bytes);
    vectors(&with_length(bytes)) || taken
}

fn vectors_of(direction: &Direction) -> &[LayerVector] {
    match &direction.source {
        Source::Vectors { vectors, .. } => vectors,
        _ => &[],
    }
}

#[allow(clippy::panic)] // a fault that was found
fn unread(e: &files::FileError, format: Format) -> Direction {
    panic!("what was written as {format:?} is not read: {e}")
}

/// Any bytes as a dictionary's `cfg.json`.
pub fn dictionary_config(json: &[u8]) -> bool {
    DictionaryConfig::read(json, Site::ResidPre, 2, None).is_ok()
}

/// Any bytes as the beginning of a dictionary's weights: every place that is
/// asked of them lies behind the header, and ends where the file still may.
pub fn dictionary_layout(bytes: &[u8]) -> bool {
    let taken = places(bytes);
    places(&with_length(bytes)) || taken
}

fn places(bytes: &[u8]) -> bool {
    let Ok(stop) = DictionaryLayout::stop(bytes) else {
        return false;
    };
    let Ok(layout) = DictionaryLayout::parse(bytes, stop) else {
        return false;
    };
    // What does not fit the model is refused before a place is asked for.
    if layout.features > 0 && layout.width > 0 {
        let last = layout.features - 1;
        for feature in [0, last] {
            let places = [
                Ok(layout.row(feature)),
                layout.column(feature),
                layout.b_dec(),
            ];
            for range in places.into_iter().flatten() {
                assert!(stop <= range.start && range.start < range.end);
            }
        }
    }
    true
}
