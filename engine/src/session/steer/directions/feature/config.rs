//! `cfg.json` of a dictionary, as `SAELens` writes it.

use serde_json::Value;

/// What the encoder does besides its matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether `b_dec` is taken off the input.
    pub takes_off_bias: bool,
    /// Whether the model's writing weights were centred while it was trained.
    pub centred: bool,
}

impl Config {
    /// Reads it; what older versions do not say has the value that `SAELens`
    /// gives it then.
    ///
    /// # Errors
    /// What is not supported, as a clause: an activation would be wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let json: Value =
            serde_json::from_slice(bytes).map_err(|e| format!("its cfg.json is not JSON ({e})"))?;
        let only = |names: &[&str], expected: &[&str]| {
            let found = names.iter().find_map(|n| json.get(n));
            match found {
                None | Some(Value::Null | Value::Bool(false)) => Ok(()),
                Some(Value::String(s)) if expected.contains(&s.as_str()) => Ok(()),
                Some(other) => Err(format!(
                    "its {} is {other}, but activations are known only for {}",
                    names[0], expected[0]
                )),
            }
        };
        only(&["architecture"], &["standard"])?;
        only(&["activation_fn_str", "activation_fn"], &["relu"])?;
        only(&["normalize_activations"], &["none"])?;
        only(&["finetuning_scaling_factor"], &["false"])?;
        let yes = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or(true);
        let loaded = json.get("model_from_pretrained_kwargs");
        Ok(Self {
            takes_off_bias: yes(json.get("apply_b_dec_to_input")),
            centred: yes(loaded.and_then(|l| l.get("center_writing_weights"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_saelens_takes_it() {
        let both = |takes_off_bias, centred| Config {
            takes_off_bias,
            centred,
        };
        for (json, expected) in [
            (r#"{"d_in": 768, "hook_point": "x"}"#, both(true, true)),
            (
                r#"{"architecture": "standard", "activation_fn_str": "relu", "normalize_activations": "none", "apply_b_dec_to_input": false}"#,
                both(false, true),
            ),
            (
                r#"{"normalize_activations": false, "model_from_pretrained_kwargs": {"center_writing_weights": false}}"#,
                both(true, false),
            ),
        ] {
            assert_eq!(Config::read(json.as_bytes()), Ok(expected), "{json}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (json, reason) in [
            ("", "not JSON"),
            (r#"{"architecture": "gated"}"#, "architecture is \"gated\""),
            (r#"{"activation_fn": "topk"}"#, "topk"),
            (
                r#"{"normalize_activations": "layer_norm"}"#,
                "normalize_activations",
            ),
            (
                r#"{"finetuning_scaling_factor": true}"#,
                "finetuning_scaling_factor",
            ),
        ] {
            let e = Config::read(json.as_bytes()).unwrap_err();
            assert!(e.contains(reason), "{e}");
        }
    }
}
