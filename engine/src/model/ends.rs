//! The tokens that end a text, as transformers' `generate` has them: those of
//! `generation_config.json` where there is one, else those of `config.json`.

use super::fields::ids;
use super::folder::{Folder, GENERATION};
use super::{Config, Expected, ModelRemark, TokenizerError, TokenizerFault};
use crate::json;
use crate::text::short;
use serde_json::{Map, Value};

/// What is asked of a text while it is written that is not asked here, beside what the
/// experiment itself sets: fields of `generation_config.json`, and the values with which
/// they do nothing.
const UNUSED: [(&str, &[&str]); 14] = [
    ("bad_words_ids", &["null"]),
    ("sequence_bias", &["null"]),
    ("suppress_tokens", &["null", "[]"]),
    ("begin_suppress_tokens", &["null", "[]"]),
    ("forced_bos_token_id", &["null"]),
    ("forced_eos_token_id", &["null"]),
    ("no_repeat_ngram_size", &["null", "0"]),
    ("encoder_no_repeat_ngram_size", &["null", "0"]),
    ("min_length", &["null", "0"]),
    ("min_new_tokens", &["null", "0"]),
    ("stop_strings", &["null", "[]"]),
    ("exponential_decay_length_penalty", &["null"]),
    ("guidance_scale", &["null", "1", "1.0"]),
    ("num_beams", &["null", "1"]),
];

/// The end tokens that the model has, and what is not as the files have it.
///
/// # Errors
/// [`TokenizerError`] when `generation_config.json` is not right.
pub(super) fn read(
    folder: &Folder,
    config: &Config,
) -> Result<(Vec<u32>, Vec<ModelRemark>), TokenizerError> {
    let mut remarks = Vec::new();
    let (file, named) = match folder.get(GENERATION) {
        None => ("config.json", config.eos_token_ids.clone()),
        Some(bytes) => {
            let fields: Map<String, Value> =
                json::read(bytes).map_err(|e| TokenizerError::File {
                    file: GENERATION,
                    fault: TokenizerFault::unread(e),
                })?;
            let not_done = UNUSED.iter().filter(|(name, harmless)| {
                let found = fields.get(*name).map(Value::to_string);
                found.is_some_and(|found| !harmless.contains(&found.as_str()))
            });
            let not_done: Vec<&str> = not_done.map(|(name, _)| *name).collect();
            if !not_done.is_empty() {
                remarks.push(ModelRemark::Generation { fields: not_done });
            }
            let value = fields.get("eos_token_id").unwrap_or(&Value::Null);
            let named = ids(value).ok_or_else(|| TokenizerError::Setting {
                file: GENERATION,
                field: "eos_token_id".into(),
                expected: Expected::Ids,
                found: short(value),
            })?;
            (GENERATION, named)
        }
    };
    let n_vocab = config.shape.n_vocab;
    let known = |id: &i64| {
        u32::try_from(*id)
            .ok()
            .filter(|id| (*id as usize) < n_vocab)
    };
    let tokens: Vec<i64> = named
        .iter()
        .filter(|id| known(id).is_none())
        .take(8)
        .copied()
        .collect();
    if !tokens.is_empty() {
        remarks.push(ModelRemark::EndTokens {
            file,
            tokens,
            n_vocab,
        });
    }
    let ends = named.iter().filter_map(known).collect();
    Ok((ends, remarks))
}
