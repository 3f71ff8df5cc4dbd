use crate::experiment::{Token, TokenRef, shown};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;

/// GPT-2's tokenizer, or a cut of it: a thin face over Hugging Face's.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bos: Option<u32>,
    unseen: HashSet<u32>,
    n_vocab: usize,
}

/// What can go wrong with `tokenizer.json` and texts.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    #[error("tokenizer.json is not readable: {0}")]
    File(String),
    #[error("the text cannot be split into tokens: {0}")]
    Encode(String),
    #[error("token {id} is not in this model's vocabulary of {n_vocab}; ids go from 0 to {}", .n_vocab - 1)]
    NoSuchToken { id: u32, n_vocab: usize },
    #[error("this model has no {BOS} token, so BOS cannot be put in front; switch BOS off")]
    NoBos,
}

const BOS: &str = "<|endoftext|>";

impl Tokenizer {
    /// Reads `tokenizer.json`. `n_vocab` and `bos` come from `config.json`.
    ///
    /// # Errors
    /// [`TokenizerError::File`] when it is not a tokenizer.
    pub fn from_json(
        bytes: &[u8],
        n_vocab: usize,
        bos: Option<u32>,
        unseen: &[u32],
    ) -> Result<Self, TokenizerError> {
        Guarded::read(bytes)?;
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|e| TokenizerError::File(e.to_string()))?;
        // A prompt is run as it is written: never cut, never filled up.
        let _ = inner.with_truncation(None);
        inner.with_padding(None);
        let bos = inner.token_to_id(BOS).or(bos);
        Ok(Self {
            inner,
            bos,
            unseen: unseen.iter().copied().collect(),
            n_vocab,
        })
    }

    /// The ids of a text, with BOS in front if wanted.
    ///
    /// # Errors
    /// When the text cannot be split, or brings a token that the model lacks.
    pub fn encode(&self, text: &str, bos: bool) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        if bos {
            ids.push(self.bos.ok_or(TokenizerError::NoBos)?);
        }
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|e| TokenizerError::Encode(e.to_string()))?;
        ids.extend_from_slice(encoding.get_ids());
        ids.iter().try_for_each(|id| self.check(*id))?;
        Ok(ids)
    }

    /// The token that ends a text, where the model has one.
    #[must_use]
    pub fn end(&self) -> Option<u32> {
        self.bos
    }

    /// Whether the model has a token of this id.
    ///
    /// # Errors
    /// [`TokenizerError::NoSuchToken`] when it has not.
    pub fn check(&self, id: u32) -> Result<(), TokenizerError> {
        if (id as usize) < self.n_vocab {
            return Ok(());
        }
        Err(TokenizerError::NoSuchToken {
            id,
            n_vocab: self.n_vocab,
        })
    }

    /// A token as text. Ids that the vocabulary pads itself with have none and
    /// are shown by number.
    #[must_use]
    pub fn token(&self, id: u32) -> Token {
        let (text, bytes) = match self.inner.decode(&[id], false) {
            // Decoding shows a part of a character as it does the character U+FFFD.
            Ok(text) if text.contains(char::REPLACEMENT_CHARACTER) => {
                let piece = self.inner.id_to_token(id).as_deref().and_then(spelt);
                piece.map_or((text, false), |bytes| shown(&bytes))
            }
            Ok(text) if !text.is_empty() => (text, false),
            _ => (format!("[{id}]"), false),
        };
        Token {
            id,
            text,
            bytes,
            unseen: self.unseen.contains(&id),
        }
    }

    /// How an experiment names a token: by its text where that is read as the
    /// token again, else by its id.
    #[must_use]
    pub fn reference(&self, id: u32) -> TokenRef {
        let text = self.token(id).text;
        match self.encode(&text, false) {
            Ok(ids) if ids == [id] => TokenRef::Text(text),
            _ => TokenRef::Id(id),
        }
    }

    /// Tokens as text.
    #[must_use]
    pub fn tokens(&self, ids: &[u32]) -> Vec<Token> {
        ids.iter().map(|id| self.token(*id)).collect()
    }
}

/// The bytes of a piece of the vocabulary, whose letters each stand for one, as in
/// GPT-2's `bytes_to_unicode`: those that are visible for themselves, the others
/// for the letters from U+0100 on, in order. `None` where it is not so spelt.
fn spelt(piece: &str) -> Option<Vec<u8>> {
    let visible = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let byte = |letter: char| match u32::from(letter).checked_sub(0x100) {
        Some(nth) => (0..=u8::MAX).filter(|b| !visible(b)).nth(nth as usize),
        None => u8::try_from(letter).ok().filter(visible),
    };
    piece.chars().map(byte).collect()
}

/// The parts of `tokenizer.json` on which `tokenizers` 0.23 panics where they are not
/// right, and a panic ends the engine. They are read once before, so that it does not.
#[derive(Deserialize)]
struct Guarded {
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    normalizer: Value,
}

impl Guarded {
    fn read(bytes: &[u8]) -> Result<(), TokenizerError> {
        let file = |e: String| TokenizerError::File(e);
        let guarded: Self = serde_json::from_slice(bytes).map_err(|e| file(e.to_string()))?;
        let parts = [
            ("decoder", &guarded.decoder),
            ("normalizer", &guarded.normalizer),
        ];
        if let Some((name, _)) = parts.iter().find(|(_, v)| !v.is_null() && !v.is_object()) {
            return Err(file(format!("its {name} is neither an object nor null")));
        }
        match has_type(&guarded.normalizer, "Precompiled") {
            true => Err(file(
                "it has a normalizer of type Precompiled, which no GPT-2 has".into(),
            )),
            false => Ok(()),
        }
    }
}

/// Whether a part, or one within it, is of this type.
fn has_type(part: &Value, name: &str) -> bool {
    match part {
        Value::Object(fields) => {
            fields.get("type").and_then(Value::as_str) == Some(name)
                || fields.values().any(|v| has_type(v, name))
        }
        Value::Array(parts) => parts.iter().any(|v| has_type(v, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = include_str!("../../../tests/oracles/models/deep/tokenizer.json");

    #[test]
    fn what_made_the_reader_panic_is_refused() {
        let read = |json: &str| Tokenizer::from_json(json.as_bytes(), 301, None, &[]).map(drop);
        read(SOUND).unwrap();
        let decoder = r#""trim_offsets": true,
  "use_regex": true
 },
 "model""#;
        let precompiled = r#""normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": "?"}]}"#;
        for (what, from, to) in [
            (
                "no JSON in the decoder",
                decoder,
                r#""trim_offsets": ?}, "model""#,
            ),
            (
                "a decoder that is a word",
                r#""decoder": {"#,
                r#""decoder": "x", "other": {"#,
            ),
            ("a map that is none", r#""normalizer": null"#, precompiled),
        ] {
            let json = SOUND.replacen(from, to, 1);
            assert_ne!(json, SOUND, "{what}");
            let e = read(&json).expect_err(what);
            assert!(matches!(e, TokenizerError::File(_)), "{what}: {e}");
        }
    }
}
