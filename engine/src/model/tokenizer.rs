use super::folder::{Folder, TOKENIZER};
use super::vocabulary::{Made, make};
use super::{Config, Expected, ModelRemark, ends};
use crate::experiment::{Token, TokenRef, shown};
use crate::sentence::{Listed, Says, Sentence, within};
use crate::text::{Plain, short};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;

/// GPT-2's tokenizer, or a cut of it: a thin face over Hugging Face's.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bos: Option<u32>,
    /// Tokens that end a text.
    ends: Vec<u32>,
    unseen: HashSet<u32>,
    n_vocab: usize,
}

/// What can go wrong with `tokenizer.json` and texts.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenizerError {
    /// A file of the tokenizer, or `generation_config.json`, cannot be read.
    #[error("{file} is not readable: {}", Plain(fault))]
    File {
        /// Which file of the folder.
        file: &'static str,
        /// What is wrong in it.
        #[serde(serialize_with = "within")]
        fault: TokenizerFault,
    },
    /// A field beside the vocabulary has a value that is not understood.
    #[error(
        "{file}, field {}: expected {expected}, found {}",
        Plain(field),
        Plain(found)
    )]
    Setting {
        /// Which file of the folder.
        file: &'static str,
        /// The field in it; of `added_tokens.json` the token.
        field: String,
        /// What it may hold.
        expected: Expected,
        /// Its value, as JSON, cut where it is long.
        found: String,
    },
    /// `tokenizers` could not split a text; in its words.
    #[error("the text cannot be split into tokens: {}", Plain(.0))]
    Encode(String),
    /// An id is not in the vocabulary, whether a person or the tokenizer named it.
    #[error("token {id} is not in this model's vocabulary of {n_vocab}; ids go from 0 to {}", .n_vocab - 1)]
    NoSuchToken {
        /// That id.
        id: u32,
        /// Size of the vocabulary.
        n_vocab: usize,
    },
}

impl Sentence for TokenizerError {
    fn says(&self) -> Says {
        Says::of("tokenizer", self)
    }
}

/// What is wrong in a tokenizer's file.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenizerFault {
    /// What reads it says.
    #[error("{0}")]
    Unread(String),
    /// An id in the vocabulary of `tokenizer.json` is no whole number from 0 of 32 bits.
    #[error("its model's vocab has an id that is none")]
    VocabId,
    /// `merges` of `tokenizer.json` is no list, or an entry of it is no pair.
    #[error("its model's merges are not pairs of pieces")]
    Merges,
    /// `added_tokens` of `tokenizer.json` is no list, or an entry of it has no id or no
    /// text.
    #[error("its added_tokens are not tokens")]
    AddedTokens,
    /// An id in the vocabulary is beyond that of any model that is read.
    #[error("the vocabulary has the id {id}, but ids go up to {most} at most")]
    LargeId {
        /// That id.
        id: u64,
        /// The largest that is read.
        most: u64,
    },
    /// A merge makes what is longer than any piece, or does not go on as the prefix asks.
    #[error("the merge of “{first}” and “{second}” makes a piece that is not in the vocabulary")]
    Merge {
        /// The left piece, cut where it is long.
        first: String,
        /// The right piece, cut where it is long.
        second: String,
    },
    /// A line of `merges.txt` is no pair.
    #[error("line {number} is “{line}”, but two pieces with a space between them were expected")]
    MergesLine {
        /// Counted from 1.
        number: usize,
        /// What stands there, cut where it is long.
        line: String,
    },
    /// A part of `tokenizer.json` is of a type on which `tokenizers` may panic.
    #[error(
        "its {part} has {found}, with which reading a text may fail; what is taken are {}, and Replace and Prepend with a text",
        Listed(known)
    )]
    Part {
        /// Its name: `decoder`, `normalizer` or `pre_tokenizer`.
        part: &'static str,
        /// The type, or what stands where it would be.
        found: String,
        /// The types that can be relied on.
        known: &'static [&'static str],
    },
}

impl Sentence for TokenizerFault {
    fn says(&self) -> Says {
        Says::of("tokenizer_file", self)
    }
}

impl TokenizerFault {
    /// Another reader's error.
    pub(super) fn unread(error: impl ToString) -> Self {
        Self::Unread(error.to_string())
    }
}

impl Tokenizer {
    /// Reads the tokenizer's files of a folder, and what its others say of tokens.
    /// With it comes what a person should know.
    ///
    /// # Errors
    /// [`TokenizerError`] naming the file that is not right.
    pub fn of(
        folder: &Folder,
        config: &Config,
    ) -> Result<(Self, Vec<ModelRemark>), TokenizerError> {
        let n_vocab = config.shape.n_vocab;
        let made = make(folder, config.tokenizer_class.as_deref())?;
        let (ends, told) = ends::read(folder, config)?;
        let bos = config.bos_token_id.and_then(|id| u32::try_from(id).ok());
        let (mut tokenizer, mut remarks) =
            Self::from_made(made, n_vocab, bos, &config.unseen_tokens);
        tokenizer.ends = ends;
        remarks.extend(told);
        Ok((tokenizer, remarks))
    }

    /// Reads `tokenizer.json` alone. `n_vocab` and `bos` come from `config.json`; BOS
    /// ends a text, too.
    ///
    /// # Errors
    /// [`TokenizerError::File`] when it is not a tokenizer.
    pub fn from_json(
        bytes: &[u8],
        n_vocab: usize,
        bos: Option<u32>,
        unseen: &[u32],
    ) -> Result<Self, TokenizerError> {
        let mut folder = Folder::default();
        folder.put(TOKENIZER, bytes.into());
        let (mut tokenizer, _) = Self::from_made(make(&folder, None)?, n_vocab, bos, unseen);
        tokenizer.ends = tokenizer.bos.into_iter().collect();
        Ok(tokenizer)
    }

    fn from_made(
        made: Made,
        n_vocab: usize,
        bos: Option<u32>,
        unseen: &[u32],
    ) -> (Self, Vec<ModelRemark>) {
        let Made {
            mut inner,
            bos: own,
            remarks,
        } = made;
        // A prompt is run as it is written: never cut, never filled up.
        let _ = inner.with_truncation(None);
        inner.with_padding(None);
        // The tokenizer's own and what config.json says: the first that is in the
        // model's vocabulary.
        let mut candidates = own.into_iter().chain(bos);
        let tokenizer = Self {
            bos: candidates.find(|id| (*id as usize) < n_vocab),
            inner,
            ends: Vec::new(),
            unseen: unseen.iter().copied().collect(),
            n_vocab,
        };
        (tokenizer, remarks)
    }

    /// The ids of a text, with BOS in front if wanted and if the model has it.
    ///
    /// # Errors
    /// When the text cannot be split, or brings a token that the model lacks.
    pub fn encode(&self, text: &str, bos: bool) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        if bos {
            ids.extend(self.bos);
        }
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|e| TokenizerError::Encode(e.to_string()))?;
        ids.extend_from_slice(encoding.get_ids());
        ids.iter().try_for_each(|id| self.check(*id))?;
        Ok(ids)
    }

    /// The ids of what a person wrote to name one token: its text, or `#` and its id
    /// (`#290`), as tokens are shown that no text is read as. A text of that form that
    /// is one token itself is that token.
    ///
    /// # Errors
    /// As for [`Self::encode`], and where the model has no token of the id.
    pub fn named(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let ids = self.encode(text, false)?;
        let digits = text.strip_prefix('#').unwrap_or_default();
        match digits.parse::<u32>() {
            Ok(id) if ids.len() != 1 && id.to_string() == digits => {
                self.check(id).map(|()| vec![id])
            }
            _ => Ok(ids),
        }
    }

    /// The token that BOS stands for, where the model has one.
    #[must_use]
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// Whether a text ends with this token.
    #[must_use]
    pub fn ends(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// The tokens that end a text.
    #[must_use]
    pub fn end_tokens(&self) -> &[u32] {
        &self.ends
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

/// Refuses a `tokenizer.json` on which `tokenizers` would panic.
///
/// # Errors
/// [`TokenizerError::File`] naming the part.
pub(super) fn guard(json: &Value) -> Result<(), TokenizerError> {
    for (name, known) in GUARDED {
        let part = &json[name];
        if let Some(other) = (!part.is_null()).then(|| not_of(part, known)).flatten() {
            return Err(TokenizerError::File {
                file: TOKENIZER,
                fault: TokenizerFault::Part {
                    part: name,
                    found: short(other),
                    known,
                },
            });
        }
    }
    Ok(())
}

/// The parts of `tokenizer.json` on which `tokenizers` 0.23 panics where they are not
/// right, and a panic ends the engine: they are looked at before, so that it does not.
const GUARDED: [(&str, &[&str]); 3] = [
    ("decoder", &DECODERS),
    ("normalizer", &NORMALIZERS),
    ("pre_tokenizer", &PRE_TOKENIZERS),
];

/// Decoders that can be relied on. BPEDecoder counts below zero where a token has no
/// text; a part of no known type is taken for one that it could be.
const DECODERS: [&str; 9] = [
    "ByteFallback",
    "ByteLevel",
    "CTC",
    "Fuse",
    "Metaspace",
    "Replace",
    "Sequence",
    "Strip",
    "WordPiece",
];

/// Normalizers that can be relied on. Precompiled panics where its map is none, and
/// those that take characters out do where others stand before them; so does what
/// follows one that puts something in place of nothing.
const NORMALIZERS: [&str; 9] = [
    "ByteLevel",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Prepend",
    "Replace",
    "Sequence",
];

/// Pre-tokenizers that can be relied on: all but FixedLength, which divides by its length.
const PRE_TOKENIZERS: [&str; 11] = [
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Digits",
    "Metaspace",
    "Punctuation",
    "Sequence",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
];

/// The type of a part, or of one within it, that is none of the known ones; the part
/// itself where it replaces nothing by something.
fn not_of<'a>(part: &'a Value, known: &[&str]) -> Option<&'a Value> {
    let kind = part.get("type").unwrap_or(&Value::Null);
    if !kind.as_str().is_some_and(|kind| known.contains(&kind)) {
        return Some(kind);
    }
    // Whatever an expression may find, it may find nothing.
    let replaced = part.get("pattern").and_then(|p| p.get("String")?.as_str());
    let put = part.get("prepend").and_then(Value::as_str);
    if kind == "Replace" && replaced.is_none_or(str::is_empty) || put == Some("") {
        return Some(part);
    }
    let within = ["decoders", "normalizers", "pretokenizers"];
    let within = within.iter().filter_map(|n| part.get(*n)?.as_array());
    within.flatten().find_map(|part| not_of(part, known))
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
            (
                "a merge longer than every piece",
                r#""merges": ["#,
                r#""merges": ["<|endoftext|> <|endoftext|>", "#,
            ),
            ("a map that is none", r#""normalizer": null"#, precompiled),
            (
                "a decoder that counts below zero",
                r#""decoder": {"#,
                r#""decoder": {"type": "Sequence", "decoders": [{"type": "BPEDecoder", "suffix": ""}]}, "other": {"#,
            ),
            (
                "the same, its type left out",
                r#""decoder": {"#,
                r#""decoder": {"type": "Sequence", "decoders": [{"suffix": ""}]}, "other": {"#,
            ),
            (
                "pieces of no length",
                r#""pre_tokenizer": {"#,
                r#""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "FixedLength", "length": 0}]}, "other": {"#,
            ),
            (
                "an id after which there is none",
                r#""<|endoftext|>": 0"#,
                r#""<|endoftext|>": 4294967295"#,
            ),
        ] {
            let json = SOUND.replacen(from, to, 1);
            assert_ne!(json, SOUND, "{what}");
            let e = read(&json).expect_err(what);
            assert!(matches!(e, TokenizerError::File { .. }), "{what}: {e}");
        }
    }
}
