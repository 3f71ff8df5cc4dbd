//! What a model's files say of its tokenizer beside the vocabulary: `tokenizer_config.json`
//! and, of older folders, `special_tokens_map.json` and `added_tokens.json`.

use super::folder::{ADDED_TOKENS, Folder, SPECIAL_TOKENS, TOKENIZER_CONFIG};
use super::{Expected, TokenizerError, TokenizerFault};
use crate::json;
use crate::text::short;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use tokenizers::AddedToken;

/// The tokens that have a name, in transformers' order.
const NAMED: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// GPT-2's only special token, which begins a text and ends it.
pub(super) const END: &str = "<|endoftext|>";

/// Tokens beside the vocabulary, by the ids that a file gives them. Their order counts,
/// and not the ids: a token that is not in the vocabulary gets the next one.
pub(super) type Tokens = BTreeMap<i64, AddedToken>;

/// Settings with which text is split.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The class in transformers that reads the files.
    pub class: Option<String>,
    /// Whether a space is put in front of each text.
    pub add_prefix_space: bool,
    /// Whether the text of a special token is split like any other.
    pub split_special_tokens: bool,
    /// The added tokens, where `tokenizer_config.json` lists them.
    pub added: Option<Tokens>,
    /// Those of `added_tokens.json`, else.
    pub older: Tokens,
    /// Tokens with a name; `None` where a file says that there is none.
    named: Vec<(String, Option<AddedToken>)>,
    extra: Vec<AddedToken>,
}

impl Settings {
    /// Reads what the folder has of them.
    ///
    /// # Errors
    /// [`TokenizerError::Setting`] naming the file and field.
    pub fn read(folder: &Folder) -> Result<Self, TokenizerError> {
        let mut settings = Self::default();
        let config = object(folder, TOKENIZER_CONFIG)?;
        let wrong = |field: &str, expected, value: &Value| TokenizerError::Setting {
            file: TOKENIZER_CONFIG,
            field: field.into(),
            expected,
            found: short(value),
        };
        for (field, value) in &config {
            let flag = || {
                value
                    .as_bool()
                    .ok_or_else(|| wrong(field, Expected::Flag, value))
            };
            match field.as_str() {
                "tokenizer_class" => settings.class = value.as_str().map(str::to_owned),
                "add_prefix_space" => settings.add_prefix_space = flag()?,
                "split_special_tokens" => settings.split_special_tokens = flag()?,
                "added_tokens_decoder" => {
                    let expected = Expected::TokensById;
                    let found = by_id(value).ok_or_else(|| wrong(field, expected, value))?;
                    settings.added = Some(found);
                }
                "init_inputs" if value.as_array().is_none_or(|list| !list.is_empty()) => {
                    return Err(wrong(field, Expected::EmptyList, value));
                }
                _ => {}
            }
        }
        settings.name(&config, TOKENIZER_CONFIG)?;
        if settings.added.is_none() {
            settings.name(&object(folder, SPECIAL_TOKENS)?, SPECIAL_TOKENS)?;
            settings.older(&object(folder, ADDED_TOKENS)?)?;
        }
        Ok(settings)
    }

    /// Takes the tokens that a file gives a name.
    fn name(
        &mut self,
        file: &Map<String, Value>,
        name: &'static str,
    ) -> Result<(), TokenizerError> {
        for (field, value) in file {
            let wrong = |expected| TokenizerError::Setting {
                file: name,
                field: field.clone(),
                expected,
                found: short(value),
            };
            match field.as_str() {
                "extra_special_tokens" | "additional_special_tokens" => match value {
                    Value::Null => {}
                    Value::Array(list) => {
                        let tokens = list.iter().map(|token| token_of(token, true));
                        let tokens: Option<Vec<_>> = tokens.collect();
                        let tokens = tokens.ok_or_else(|| wrong(Expected::Tokens))?;
                        self.extra.extend(tokens);
                    }
                    Value::Object(map) => {
                        let tokens = map.values().filter_map(|token| token_of(token, true));
                        self.extra.extend(tokens);
                    }
                    _ => return Err(wrong(Expected::Tokens)),
                },
                field if NAMED.contains(&field) => {
                    let token = match value {
                        Value::Null => None,
                        value => {
                            Some(token_of(value, true).ok_or_else(|| wrong(Expected::MaybeToken))?)
                        }
                    };
                    self.named.retain(|(name, _)| name != field);
                    self.named.push((field.to_owned(), token));
                }
                // Names of a model's own.
                field if field.ends_with("_token") && value.is_string() => {
                    self.extra.extend(token_of(value, true));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes the tokens of `added_tokens.json`, by their ids.
    fn older(&mut self, file: &Map<String, Value>) -> Result<(), TokenizerError> {
        let special: HashSet<&str> = self.special().map(|t| t.content.as_str()).collect();
        let mut tokens = Tokens::new();
        for (content, id) in file {
            let Some(place) = id.as_i64() else {
                return Err(TokenizerError::Setting {
                    file: ADDED_TOKENS,
                    field: short(content),
                    expected: Expected::Id,
                    found: short(id),
                });
            };
            let is_special = special.contains(content.as_str());
            tokens.insert(place, AddedToken::from(content.clone(), is_special));
        }
        self.older = tokens;
        Ok(())
    }

    /// The token of this name.
    pub fn token(&self, name: &str) -> Option<&str> {
        match self.named.iter().find(|(n, _)| n == name) {
            Some((_, token)) => token.as_ref().map(|t| t.content.as_str()),
            None => None,
        }
    }

    /// Gives GPT-2's token to what GPT2Tokenizer gives it to.
    pub fn as_gpt2(&mut self) {
        for name in ["bos_token", "eos_token", "unk_token"] {
            if !self.named.iter().any(|(n, _)| n == name) {
                let token = AddedToken::from(END, true);
                self.named.push((name.into(), Some(token)));
            }
        }
    }

    /// The special tokens, named ones first, in the order in which they are added.
    pub fn special(&self) -> impl Iterator<Item = &AddedToken> {
        let named = NAMED.iter().filter_map(|name| {
            let (_, token) = self.named.iter().find(|(n, _)| n == name)?;
            token.as_ref()
        });
        named.chain(&self.extra)
    }
}

/// A file as an object; empty where there is none.
fn object(folder: &Folder, file: &'static str) -> Result<Map<String, Value>, TokenizerError> {
    let Some(bytes) = folder.get(file) else {
        return Ok(Map::new());
    };
    json::read(bytes).map_err(|e| TokenizerError::File {
        file,
        fault: TokenizerFault::unread(e),
    })
}

/// Tokens by their ids. Each says itself whether it is special.
fn by_id(value: &Value) -> Option<Tokens> {
    let tokens = value.as_object()?.iter();
    let read = |(id, token): (&String, &Value)| Some((id.parse().ok()?, token_of(token, false)?));
    tokens.map(read).collect()
}

/// A token as a text, or as an object with its flags.
pub(super) fn token_of(value: &Value, special: bool) -> Option<AddedToken> {
    if let Some(content) = value.as_str() {
        return Some(AddedToken::from(content, special));
    }
    let content = value.get("content")?.as_str()?;
    let flag = |name: &str| value.get(name).and_then(Value::as_bool);
    let special = special || flag("special").unwrap_or(false);
    Some(
        AddedToken::from(content, special)
            .single_word(flag("single_word").unwrap_or(false))
            .lstrip(flag("lstrip").unwrap_or(false))
            .rstrip(flag("rstrip").unwrap_or(false))
            .normalized(flag("normalized").unwrap_or(!special)),
    )
}
