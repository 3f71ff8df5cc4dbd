//! GPT-2's byte-pair encoding, cut down to the pieces some texts need.
//!
//! The cut keeps all 256 byte pieces, every piece the texts use and every
//! piece those are merged from, and the merges that build them, in GPT-2's
//! order. Each merge GPT-2 makes in these texts is thus still made, at the same
//! turn, so they split as GPT-2 splits them; any other text splits into
//! smaller pieces, in the end into bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;

use crate::error::{MiniError, Result, read};

pub const END_OF_TEXT: &str = "<|endoftext|>";

const ENCODER_SHA256: &str = "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783";
const MERGES_SHA256: &str = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5";

/// GPT-2's pieces in the order of their ids, and its merges in theirs.
pub struct Gpt2Bpe {
    pieces: Vec<String>,
    merges: Vec<(String, String)>,
}

fn read_checked(path: std::path::PathBuf, expected: &'static str) -> Result<Vec<u8>> {
    let bytes = read(path.clone())?;
    let found: String = Sha256::digest(&bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if found == expected {
        Ok(bytes)
    } else {
        Err(MiniError::NotGpt2 {
            path,
            expected,
            found,
        })
    }
}

impl Gpt2Bpe {
    /// Reads `encoder.json` and `vocab.bpe` of a folder and checks their hashes.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("encoder.json");
        let encoder: HashMap<String, u32> =
            serde_json::from_slice(&read_checked(path.clone(), ENCODER_SHA256)?)
                .map_err(|source| MiniError::Json { path, source })?;
        let by_id: BTreeMap<u32, String> = encoder
            .into_iter()
            .filter(|(piece, _)| piece != END_OF_TEXT)
            .map(|(piece, id)| (id, piece))
            .collect();
        let merges = read_checked(folder.join("vocab.bpe"), MERGES_SHA256)?;
        let merges = String::from_utf8_lossy(&merges)
            .lines()
            .skip(1) // "#version: 0.2"
            .filter_map(|line| line.split_once(' '))
            .map(|(left, right)| (left.to_string(), right.to_string()))
            .collect();
        Ok(Self {
            pieces: by_id.into_values().collect(),
            merges,
        })
    }

    pub fn tokenizer_json(&self) -> Value {
        tokenizer_json(&self.pieces, &self.merges)
    }

    /// The cut that splits every one of `texts` as the whole does.
    pub fn cut(&self, texts: &[String]) -> Result<Self> {
        let tokenizer = tokenizer(&self.tokenizer_json())?;
        let merged_from: HashMap<String, &(String, String)> = self
            .merges
            .iter()
            .map(|pair| (format!("{}{}", pair.0, pair.1), pair))
            .collect();
        let mut kept = BTreeSet::new();
        for text in texts {
            let mut open = tokenizer
                .encode(text.as_str(), false)?
                .get_tokens()
                .to_vec();
            while let Some(piece) = open.pop() {
                if let Some((left, right)) = merged_from.get(&piece)
                    && !kept.contains(&piece)
                {
                    open.extend([left.clone(), right.clone()]);
                    kept.insert(piece);
                }
            }
        }
        let cut = self.keeping(&kept, &merged_from);
        let smaller = crate::bpe::tokenizer(&cut.tokenizer_json())?;
        for text in texts {
            let whole = tokenizer.encode(text.as_str(), false)?;
            if smaller.encode(text.as_str(), false)?.get_tokens() != whole.get_tokens() {
                return Err(MiniError::Cut { text: text.clone() });
            }
        }
        Ok(cut)
    }

    fn keeping(
        &self,
        kept: &BTreeSet<String>,
        merged_from: &HashMap<String, &(String, String)>,
    ) -> Self {
        let needed = |piece: &&String| kept.contains(*piece) || !merged_from.contains_key(*piece);
        let built = |pair: &&(String, String)| kept.contains(&format!("{}{}", pair.0, pair.1));
        Self {
            pieces: self.pieces.iter().filter(needed).cloned().collect(),
            merges: self.merges.iter().filter(built).cloned().collect(),
        }
    }
}

/// Loads what `tokenizer_json` gives.
pub fn tokenizer(json: &Value) -> Result<Tokenizer> {
    Ok(Tokenizer::from_bytes(json.to_string())?)
}

/// A Hugging Face `tokenizer.json` of the byte-level kind, as GPT-2's own.
fn tokenizer_json(pieces: &[String], merges: &[(String, String)]) -> Value {
    let byte_level = json!({
        "type": "ByteLevel",
        "add_prefix_space": false,
        "trim_offsets": false,
        "use_regex": true,
    });
    let mut vocab: serde_json::Map<String, Value> = pieces
        .iter()
        .enumerate()
        .map(|(id, piece)| (piece.clone(), json!(id)))
        .collect();
    vocab.insert(END_OF_TEXT.to_string(), json!(pieces.len()));
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [{
            "id": pieces.len(),
            "content": END_OF_TEXT,
            "single_word": false,
            "lstrip": false,
            "rstrip": false,
            "normalized": false,
            "special": true,
        }],
        "normalizer": null,
        "pre_tokenizer": byte_level,
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": merges,
        },
    })
}
