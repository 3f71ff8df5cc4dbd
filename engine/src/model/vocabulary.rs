//! From the tokenizer's files of a folder to a tokenizer, as transformers makes one.
//!
//! For a model of GPT-2's kind transformers takes its class `GPT2Tokenizer`, unless the
//! files name another. It takes of `tokenizer.json` (or of `vocab.json` and `merges.txt`)
//! the vocabulary, the merges and the added tokens, and splits text in GPT-2's way,
//! whatever else the file says; `add_prefix_space` counts in `tokenizer_config.json`
//! alone. The class `PreTrainedTokenizerFast` takes `tokenizer.json` as it stands.

use super::folder::{Folder, MERGES, TOKENIZER, VOCAB};
use super::settings::{END, Settings, Tokens, token_of};
use super::{ModelRemark, TokenizerError, TokenizerFault};
use crate::json;
use crate::text::short;
use serde_json::{Map, Value};
use std::collections::HashMap;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

/// Names of classes that take `tokenizer.json` as it stands.
const WHOLE: [&str; 3] = ["PreTrainedTokenizer", "TokenizersBackend", "PythonBackend"];

/// The last id that is read, as [`super::config`] takes no larger vocabulary.
const LAST: u64 = (1 << 24) - 1;

/// A tokenizer, the settings that it was made with, and what a person should know.
pub(super) struct Made {
    pub inner: Tokenizer,
    /// The token that the files call BOS, or else GPT-2's, where they have it.
    pub bos: Option<u32>,
    pub remarks: Vec<ModelRemark>,
}

/// Makes the tokenizer of a folder; `class` reads it where its own files name none.
///
/// # Errors
/// [`TokenizerError`] naming the file that is not right.
pub(super) fn make(folder: &Folder, class: Option<&str>) -> Result<Made, TokenizerError> {
    let mut settings = Settings::read(folder)?;
    let class = settings
        .class
        .as_deref()
        .or(class)
        .unwrap_or("GPT2Tokenizer");
    // With either name transformers takes the same class.
    let class = class.strip_suffix("Fast").unwrap_or(class).to_owned();
    let mut remarks = Vec::new();
    let (mut inner, added) = match folder.get(TOKENIZER) {
        None => (from_vocabulary(folder, &settings)?, Tokens::new()),
        Some(bytes) => {
            let json: Value = json::read(bytes).map_err(|e| file(TokenizerFault::unread(e)))?;
            super::tokenizer::guard(&json)?;
            let model = &json["model"];
            // Older files do not say what they are.
            let bpe = match &model["type"] {
                Value::Null => model["vocab"].is_object() && model["merges"].is_array(),
                kind => kind == "BPE",
            };
            match class == "GPT2Tokenizer" && bpe {
                true => {
                    remarks.extend(differing(&json));
                    from_file(&json, &settings)?
                }
                false => {
                    if !WHOLE.contains(&class.as_str()) {
                        remarks.push(ModelRemark::TokenizerClass {
                            class: class.clone(),
                        });
                    }
                    let inner = as_it_stands(&json).map_err(file)?;
                    (inner, Tokens::new())
                }
            }
        }
    };
    let named = settings.token("bos_token").map(str::to_owned);
    if class == "GPT2Tokenizer" {
        settings.as_gpt2();
    }
    // The listed tokens first, then what has a name and is not among them.
    let listed = match &settings.added {
        Some(listed) => listed.clone(),
        None => settings.older.clone().into_iter().chain(added).collect(),
    };
    add(&mut inner, listed.into_values().collect())?;
    // Where only the class brings it, it has an id that the model was never trained on.
    let own = inner.token_to_id(END);
    let known = |inner: &Tokenizer, token: &AddedToken| {
        let added = inner.get_added_tokens_decoder();
        added.values().any(|t| t.content == token.content)
    };
    let missing: Vec<AddedToken> = settings
        .special()
        .filter(|token| !known(&inner, token))
        .cloned()
        .collect();
    add(&mut inner, missing)?;
    inner.set_encode_special_tokens(settings.split_special_tokens);
    let named = named.and_then(|name| inner.token_to_id(&name));
    Ok(Made {
        bos: named.or(own),
        inner,
        remarks,
    })
}

fn add(inner: &mut Tokenizer, tokens: Vec<AddedToken>) -> Result<(), TokenizerError> {
    let added = inner.add_tokens(tokens);
    added.map(drop).map_err(|e| file(TokenizerFault::unread(e)))
}

/// `vocab.json` and `merges.txt`.
fn from_vocabulary(folder: &Folder, settings: &Settings) -> Result<Tokenizer, TokenizerError> {
    let wrong = |file| move |fault| TokenizerError::File { file, fault };
    let vocab: HashMap<String, u32> = json::read(folder.get(VOCAB).unwrap_or_default())
        .map_err(|e| wrong(VOCAB)(TokenizerFault::unread(e)))?;
    let text = std::str::from_utf8(folder.get(MERGES).unwrap_or_default())
        .map_err(|e| wrong(MERGES)(TokenizerFault::unread(e)))?;
    let mut merges = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // A first line says which version the file is of.
        if line.starts_with("#version") {
            continue;
        }
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            [a, b] => merges.push(((*a).to_owned(), (*b).to_owned())),
            _ => {
                return Err(wrong(MERGES)(TokenizerFault::MergesLine {
                    number: number + 1,
                    line: short(line),
                }));
            }
        }
    }
    gpt2(vocab, merges, settings).map_err(wrong(MERGES))
}

/// The vocabulary, the merges and the added tokens of `tokenizer.json`.
fn from_file(json: &Value, settings: &Settings) -> Result<(Tokenizer, Tokens), TokenizerError> {
    let model = &json["model"];
    let entries = model["vocab"].as_object().into_iter().flatten();
    let vocab: Option<HashMap<String, u32>> = entries
        .map(|(token, id)| Some((token.clone(), u32::try_from(id.as_u64()?).ok()?)))
        .collect();
    let vocab = vocab.ok_or_else(|| file(TokenizerFault::VocabId))?;
    let merges: Option<Vec<(String, String)>> = match &model["merges"] {
        Value::Null => Some(Vec::new()),
        Value::Array(merges) => merges.iter().map(merge).collect(),
        _ => None,
    };
    let merges = merges.ok_or_else(|| file(TokenizerFault::Merges))?;
    let listed = |token: &Value| Some((token.get("id")?.as_i64()?, token_of(token, false)?));
    let added: Option<Tokens> = match &json["added_tokens"] {
        Value::Null => Some(Tokens::new()),
        Value::Array(tokens) => tokens.iter().map(listed).collect(),
        _ => None,
    };
    let added = added.ok_or_else(|| file(TokenizerFault::AddedTokens))?;
    Ok((gpt2(vocab, merges, settings).map_err(file)?, added))
}

/// All of `tokenizer.json`, in which what stands twice stands once by now.
fn as_it_stands(json: &Value) -> Result<Tokenizer, TokenizerFault> {
    let model = &json["model"];
    let vocab = model["vocab"].as_object().into_iter().flatten();
    let merges: Vec<_> = model["merges"].as_array().into_iter().flatten().collect();
    let merges: Vec<_> = merges.into_iter().filter_map(merge).collect();
    let prefix = model["continuing_subword_prefix"].as_str();
    last(vocab.clone().filter_map(|(_, id)| id.as_u64()))?;
    joined(
        vocab.map(|(token, _)| token),
        &merges,
        prefix.unwrap_or_default(),
    )?;
    Tokenizer::from_bytes(json.to_string()).map_err(TokenizerFault::unread)
}

/// Refuses ids that no model of this kind has: `tokenizers` counts on from the last.
fn last(mut ids: impl Iterator<Item = u64>) -> Result<(), TokenizerFault> {
    match ids.find(|id| *id > LAST) {
        None => Ok(()),
        Some(id) => Err(TokenizerFault::LargeId { id, most: LAST }),
    }
}

/// Refuses merges on which `tokenizers` 0.23 would panic: it makes them in a buffer as
/// long as the longest piece of the vocabulary, and takes a prefix off without looking.
fn joined<'a>(
    vocab: impl Iterator<Item = &'a String>,
    merges: &[(String, String)],
    prefix: &str,
) -> Result<(), TokenizerFault> {
    let longest = vocab.map(String::len).max().unwrap_or_default();
    let made = |a: &str, b: &str| b.strip_prefix(prefix).map(|rest| a.len() + rest.len());
    let wrong = merges
        .iter()
        .find(|(a, b)| made(a, b).is_none_or(|len| len > longest));
    match wrong {
        None => Ok(()),
        Some((a, b)) => Err(TokenizerFault::Merge {
            first: short(a),
            second: short(b),
        }),
    }
}

/// A merge as `"a b"` or `["a", "b"]`.
fn merge(value: &Value) -> Option<(String, String)> {
    let (a, b) = match value {
        Value::String(text) => text.split_once(' ')?,
        value => match value.as_array()?.as_slice() {
            [a, b] => (a.as_str()?, b.as_str()?),
            _ => return None,
        },
    };
    Some((a.into(), b.into()))
}

/// Byte-level BPE as GPT-2 has it.
fn gpt2(
    vocab: HashMap<String, u32>,
    merges: Vec<(String, String)>,
    settings: &Settings,
) -> Result<Tokenizer, TokenizerFault> {
    last(vocab.values().map(|id| u64::from(*id)))?;
    joined(vocab.keys(), &merges, "")?;
    let model = BPE::builder()
        .vocab_and_merges(vocab.into_iter().collect::<Vocab>(), merges)
        .build()
        .map_err(TokenizerFault::unread)?;
    let mut inner = Tokenizer::new(model);
    inner.with_pre_tokenizer(Some(ByteLevel::new(settings.add_prefix_space, true, true)));
    inner.with_decoder(Some(ByteLevel::default()));
    Ok(inner)
}

type Vocab = tokenizers::models::bpe::Vocab;

/// What `tokenizer.json` says and GPT2Tokenizer does not go by.
fn differing(json: &Value) -> Option<ModelRemark> {
    let empty = Map::new();
    let model = json["model"].as_object().unwrap_or(&empty);
    let set = |name: &str| {
        let value = model.get(name).unwrap_or(&Value::Null);
        !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("")
    };
    let mut settings: Vec<&str> = Vec::new();
    if !json["normalizer"].is_null() {
        settings.push("normalizer");
    }
    let pre = &json["pre_tokenizer"];
    let plain =
        pre["type"] == "ByteLevel" && pre["add_prefix_space"] != true && pre["use_regex"] != false;
    if !plain {
        settings.push("pre_tokenizer");
    }
    let options = [
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "fuse_unk",
        "byte_fallback",
        "ignore_merges",
    ];
    settings.extend(options.into_iter().filter(|name| set(name)));
    (!settings.is_empty()).then_some(ModelRemark::TokenizerSettings { settings })
}

fn file(fault: TokenizerFault) -> TokenizerError {
    TokenizerError::File {
        file: TOKENIZER,
        fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_that_the_vocabulary_cannot_hold_are_refused() {
        let read = |prefix: &str, vocab: &str, merge: &str, class: &str| {
            let json = format!(
                r#"{{"version":"1.0","added_tokens":[],"model":{{"type":"BPE",
                    "continuing_subword_prefix":"{prefix}","vocab":{vocab},"merges":["{merge}"]}}}}"#
            );
            let mut folder = Folder::default();
            folder.put(TOKENIZER, json.into_bytes());
            let made = make(&folder, Some(class));
            made.map(drop).map_err(|e| e.to_string())
        };
        let [gpt2, whole] = ["GPT2Tokenizer", "PreTrainedTokenizerFast"];
        let letters = r#"{"h":0,"e":1}"#;
        for class in [gpt2, whole] {
            let e = read("", letters, "h e", class).unwrap_err();
            assert!(e.contains("the merge of “h” and “e” makes"), "{e}");
            read("", r#"{"h":0,"e":1,"he":2}"#, "h e", class).unwrap();
        }
        let e = read("##", r#"{"h":0,"e":1,"he":2}"#, "h e", whole).unwrap_err();
        assert!(e.contains("the merge of"), "{e}");
        read("##", r###"{"h":0,"##e":1,"he":2}"###, "h ##e", whole).unwrap();
    }
}
