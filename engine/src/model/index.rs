//! `model.safetensors.index.json`: which file has which tensor, where a model's weights
//! are in several.

use super::{IndexFault, WeightsError};
use crate::json;
use crate::text::short;
use serde::Deserialize;
use std::collections::BTreeMap;

/// More files than this are not those of a model of this kind.
const MOST_SHARDS: usize = 1000;

/// Bytes of an index; GPT-2 XL's would have some 50,000.
const LONGEST: usize = 16 << 20;

/// The shards of a model's weights, in the order of their names, and what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    shards: Vec<String>,
    /// Places in `shards`, by tensor.
    tensors: BTreeMap<String, usize>,
    /// Bytes of all tensors, where the index says.
    pub total: Option<u64>,
}

#[derive(Deserialize)]
struct Raw {
    weight_map: BTreeMap<String, String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    // As a number, or as what else a tool wrote there, which is no use.
    #[serde(default)]
    total_size: serde_json::Value,
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// [`WeightsError::Index`] when it is not one, names no file or too many, or
    /// files that are not in the folder itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, WeightsError> {
        let wrong = |fault| WeightsError::Index { fault };
        if bytes.len() > LONGEST {
            return Err(wrong(IndexFault::TooLong {
                found: bytes.len(),
                most: LONGEST,
            }));
        }
        let raw: Raw = json::read(bytes).map_err(|e| wrong(IndexFault::Unread(e.to_string())))?;
        let mut shards: Vec<String> = raw.weight_map.values().cloned().collect();
        shards.sort_unstable();
        shards.dedup();
        if shards.is_empty() {
            return Err(wrong(IndexFault::Empty));
        }
        if shards.len() > MOST_SHARDS {
            return Err(wrong(IndexFault::TooMany {
                found: shards.len(),
                most: MOST_SHARDS,
            }));
        }
        if let Some(name) = shards.iter().find(|name| !is_plain(name)) {
            return Err(wrong(IndexFault::Name { name: short(name) }));
        }
        let place = |name: &String| shards.binary_search(name).unwrap_or_default();
        let tensors = raw.weight_map.iter();
        let tensors = tensors.map(|(tensor, shard)| (tensor.clone(), place(shard)));
        Ok(Self {
            tensors: tensors.collect(),
            total: raw.metadata.and_then(|m| m.total_size.as_u64()),
            shards,
        })
    }

    /// The files, in the order in which they are read.
    #[must_use]
    pub fn shards(&self) -> &[String] {
        &self.shards
    }

    /// Whether a tensor is in one of the shards.
    pub(super) fn has(&self, tensor: &str) -> bool {
        self.tensors.contains_key(tensor)
    }

    /// The shard that has a tensor.
    pub(super) fn shard_of(&self, tensor: &str) -> Option<&str> {
        let shard = self.tensors.get(tensor)?;
        self.shards.get(*shard).map(String::as_str)
    }
}

/// Nothing that would lead out of the folder.
fn is_plain(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    name.len() <= 255
        && name.ends_with(".safetensors")
        && !name.starts_with('.')
        && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(map: &[(&str, &str)]) -> Vec<u8> {
        let map: BTreeMap<&str, &str> = map.iter().copied().collect();
        let index = serde_json::json!({"metadata": {"total_size": 12}, "weight_map": map});
        index.to_string().into_bytes()
    }

    #[test]
    fn shards_come_in_the_order_of_their_names() {
        let found = Index::parse(&index(&[
            ("wte.weight", "model-00002-of-00002.safetensors"),
            ("a", "model-00001-of-00002.safetensors"),
            ("b", "model-00002-of-00002.safetensors"),
        ]));
        let found = found.unwrap();
        assert_eq!(
            found.shards(),
            [
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors"
            ]
        );
        assert_eq!(found.total, Some(12));
        assert!(found.has("a") && !found.has("c"));
        assert_eq!(
            found.shard_of("b"),
            Some("model-00002-of-00002.safetensors")
        );
    }

    #[test]
    fn what_leads_out_of_the_folder_is_refused() {
        for name in [
            "../x.safetensors",
            "a/b.safetensors",
            "a\\b.safetensors",
            "https://evil.example/x.safetensors",
            "%2e%2e%2fx.safetensors",
            "x.safetensors?y.safetensors",
            ".safetensors",
            "model.bin",
            "",
            "\u{202e}x.safetensors",
        ] {
            let e = Index::parse(&index(&[("a", name)])).expect_err(name);
            assert!(e.to_string().contains("names the file"), "{name}: {e}");
        }
    }

    #[test]
    fn hostile_indexes_are_refused() {
        let many: Vec<String> = (0..10_000).map(|i| format!("m-{i}.safetensors")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|n| (n.as_str(), n.as_str())).collect();
        let e = Index::parse(&index(&many)).unwrap_err();
        assert!(e.to_string().contains("10000 files"), "{e}");
        for json in [
            "{",
            "{}",
            "[]",
            r#"{"weight_map": {}}"#,
            r#"{"weight_map": {"a": 1}}"#,
        ] {
            let e = Index::parse(json.as_bytes()).expect_err(json);
            assert!(matches!(e, WeightsError::Index { .. }), "{json}: {e}");
        }
        let e = Index::parse(&vec![b' '; LONGEST + 1]).unwrap_err();
        assert!(e.to_string().contains("bytes"), "{e}");
    }
}
