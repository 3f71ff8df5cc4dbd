//! The fields of a model's JSON files, one by one. `FIELDS.md` has the table of all that
//! transformers knows: read, of no consequence, or refused; here are those that are
//! refused, and the ones with two names.

use super::Expected;
use super::config::{ConfigError, field};
use crate::json;
use crate::text::short;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Second names of fields.
pub(super) const ALIASES: [(&str, &str); 4] = [
    ("hidden_size", "n_embd"),
    ("max_position_embeddings", "n_positions"),
    ("num_attention_heads", "n_head"),
    ("num_hidden_layers", "n_layer"),
];

/// A field that may only have values with which it changes nothing: its name, those
/// values as JSON, and what is said of others.
pub(super) type Refused = (&'static str, &'static [&'static str], Expected);

/// Of `config.json`.
pub(super) const CONFIG: [Refused; 5] = [
    ("add_cross_attention", &["false", "null"], Expected::False),
    ("is_encoder_decoder", &["false", "null"], Expected::False),
    ("per_layer_config", &["null", "{}"], Expected::None),
    ("pruned_heads", &["null", "{}"], Expected::None),
    ("quantization_config", &["null"], Expected::NotQuantised),
];

/// A JSON object whose fields are taken out one by one.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads `config.json`, each field under its first name.
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigError> {
        let mut map: Map<String, Value> = json::read(bytes).map_err(ConfigError::Json)?;
        for (alias, name) in ALIASES {
            let Some(value) = map.remove(alias) else {
                continue;
            };
            match map.get(name) {
                Some(other) if *other != value => {
                    return Err(ConfigError::TwoValues {
                        field: name,
                        found: short(other),
                        alias,
                        other: short(value),
                    });
                }
                _ => drop(map.insert(name.into(), value)),
            }
        }
        Ok(Self(map))
    }

    /// Whether a field that changes what is computed has a value for which this code
    /// does not compute it.
    pub fn refuse(&self, refused: &[Refused]) -> Result<(), ConfigError> {
        for (name, harmless, expected) in refused {
            if let Some(found) = self.0.get(*name)
                && !harmless.contains(&found.to_string().as_str())
            {
                return Err(field(name, *expected, short(found)));
            }
        }
        Ok(())
    }

    /// A field's value, where it is there.
    pub fn take<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        expected: Expected,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        let found = short(&value);
        match serde_json::from_value(value) {
            Ok(read) => Ok(Some(read)),
            Err(_) => Err(field(name, expected, found)),
        }
    }

    /// Token ids: a number, a list or null.
    pub fn ids(&mut self, name: &'static str) -> Result<Option<Vec<i64>>, ConfigError> {
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        ids(&value)
            .map(Some)
            .ok_or_else(|| field(name, Expected::Ids, short(value)))
    }
}

/// Token ids as transformers takes them: a number, a list or null.
pub(super) fn ids(value: &Value) -> Option<Vec<i64>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(ids) => ids.iter().map(Value::as_i64).collect(),
        one => one.as_i64().map(|id| vec![id]),
    }
}
