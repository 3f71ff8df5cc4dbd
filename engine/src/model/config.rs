use crate::rows::Shape;
use serde::Deserialize;

/// `config.json` of a model with the GPT-2 architecture, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub shape: Shape,
    pub activation: Activation,
    pub layer_norm_epsilon: f32,
    pub scale_attn_weights: bool,
    pub scale_attn_by_inverse_layer_idx: bool,
    pub tied_head: bool,
    /// The token that BOS stands for.
    pub bos_token_id: Option<u32>,
    /// Tokens that never occurred in training, where the folder says so (`mini` does).
    pub unseen_tokens: Vec<u32>,
}

/// The MLP's activation function, by its name in `config.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `gelu_new`: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    GeluNew,
    /// `gelu`: 0.5 x (1 + erf(x / sqrt 2))
    Gelu,
    /// `relu`
    Relu,
    /// `silu` or `swish`: x / (1 + exp(-x))
    Silu,
    /// `tanh`
    Tanh,
}

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("config.json is not readable as JSON of a GPT-2 model: {0}")]
    Json(#[from] serde_json::Error),
    #[error("config.json, field {field}: expected {expected}, found {found}")]
    Field {
        field: &'static str,
        expected: &'static str,
        found: String,
    },
}

/// The fields as they stand in the file, with GPT-2's defaults for those left out.
#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    model_type: Option<String>,
    vocab_size: usize,
    #[serde(alias = "num_hidden_layers")]
    n_layer: usize,
    #[serde(alias = "num_attention_heads")]
    n_head: usize,
    #[serde(alias = "hidden_size")]
    n_embd: usize,
    #[serde(alias = "n_ctx", alias = "max_position_embeddings")]
    n_positions: Option<usize>,
    #[serde(default)]
    n_inner: Option<usize>,
    #[serde(default = "gelu_new")]
    activation_function: String,
    #[serde(default = "epsilon")]
    layer_norm_epsilon: f64,
    #[serde(default = "yes")]
    scale_attn_weights: bool,
    #[serde(default)]
    scale_attn_by_inverse_layer_idx: bool,
    #[serde(default = "yes")]
    tie_word_embeddings: bool,
    #[serde(default)]
    add_cross_attention: bool,
    #[serde(default)]
    bos_token_id: Option<u32>,
    #[serde(default)]
    unseen_tokens: Vec<u32>,
}

fn gelu_new() -> String {
    "gelu_new".into()
}

fn epsilon() -> f64 {
    1e-5
}

fn yes() -> bool {
    true
}

/// Sizes beyond this are not models of this kind; they would only overflow sums.
const LARGEST: usize = 1 << 24;

/// GPT-2 XL has 48. Each layer takes memory of its own, however narrow it is.
const MOST_LAYERS: usize = 1024;

impl Config {
    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field that this code does not compute.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ConfigError> {
        // Some files hold both `n_ctx` and `n_positions`; serde takes aliases
        // for duplicates of one field, so the context length is looked up first.
        let mut value: serde_json::Value = serde_json::from_slice(bytes)?;
        if let Some(map) = value.as_object_mut() {
            let names = ["n_positions", "n_ctx", "max_position_embeddings"];
            let found = names.iter().find_map(|n| map.get(*n).cloned());
            names.iter().for_each(|n| drop(map.remove(*n)));
            map.extend(found.map(|v| ("n_positions".into(), v)));
        }
        let raw: Raw = serde_json::from_value(value)?;
        raw.check()
    }

    /// What the attention scores of layer `l` are multiplied by.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a layer or width is far below 2^24
    pub fn attention_scale(&self, l: usize) -> f32 {
        let mut scale = 1.0;
        if self.scale_attn_weights {
            scale /= (self.shape.d_head() as f32).sqrt();
        }
        if self.scale_attn_by_inverse_layer_idx {
            scale /= (l + 1) as f32;
        }
        scale
    }
}

impl Raw {
    fn check(self) -> Result<Config, ConfigError> {
        if let Some(kind) = self.model_type.filter(|k| k != "gpt2") {
            return Err(field("model_type", "\"gpt2\"", kind));
        }
        let n_positions = self.n_positions.unwrap_or(1024);
        let n_inner = self.n_inner.unwrap_or(self.n_embd.saturating_mul(4));
        for (name, size) in [
            ("vocab_size", self.vocab_size),
            ("n_head", self.n_head),
            ("n_embd", self.n_embd),
            ("n_positions", n_positions),
            ("n_inner", n_inner),
        ] {
            if size == 0 || size > LARGEST {
                return Err(field(name, "a whole number from 1 to 16777216", size));
            }
        }
        if self.n_layer == 0 || self.n_layer > MOST_LAYERS {
            let expected = "a whole number from 1 to 1024";
            return Err(field("n_layer", expected, self.n_layer));
        }
        if !self.n_embd.is_multiple_of(self.n_head) {
            let found = format!("{} with n_head {}", self.n_embd, self.n_head);
            return Err(field("n_embd", "a multiple of n_head", found));
        }
        // As it is computed with: smaller numbers than f32 has would be 0.
        #[allow(clippy::cast_possible_truncation)]
        let layer_norm_epsilon = self.layer_norm_epsilon as f32;
        if !(layer_norm_epsilon > 0.0 && layer_norm_epsilon < 1.0) {
            return Err(field(
                "layer_norm_epsilon",
                "a number between 0 and 1",
                self.layer_norm_epsilon,
            ));
        }
        if self.add_cross_attention {
            return Err(field("add_cross_attention", "false", "true"));
        }
        let activation = match self.activation_function.as_str() {
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluNew,
            "gelu" => Activation::Gelu,
            "relu" => Activation::Relu,
            "silu" | "swish" => Activation::Silu,
            "tanh" => Activation::Tanh,
            other => {
                return Err(field(
                    "activation_function",
                    "gelu_new, gelu, relu, silu or tanh",
                    other,
                ));
            }
        };
        Ok(Config {
            shape: Shape {
                n_layer: self.n_layer,
                n_head: self.n_head,
                n_embd: self.n_embd,
                n_inner,
                n_positions,
                n_vocab: self.vocab_size,
            },
            activation,
            layer_norm_epsilon,
            scale_attn_weights: self.scale_attn_weights,
            scale_attn_by_inverse_layer_idx: self.scale_attn_by_inverse_layer_idx,
            tied_head: self.tie_word_embeddings,
            bos_token_id: self.bos_token_id,
            unseen_tokens: self.unseen_tokens,
        })
    }
}

fn field(field: &'static str, expected: &'static str, found: impl ToString) -> ConfigError {
    ConfigError::Field {
        field,
        expected,
        found: found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str, value: &str) -> Result<Config, ConfigError> {
        let json =
            format!(r#"{{"vocab_size":301,"n_layer":2,"n_head":2,"n_embd":8,"{field}":{value}}}"#);
        // Of two entries of one name, JSON readers take the last.
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        Config::from_json(value.to_string().as_bytes())
    }

    #[test]
    fn what_would_break_the_computation_is_refused_by_name() {
        for (name, value) in [
            ("n_layer", "1025"),
            ("n_layer", "0"),
            ("n_embd", "16777217"),
            ("n_embd", "9"),
            ("layer_norm_epsilon", "0"),
            ("layer_norm_epsilon", "1e-300"),
            ("layer_norm_epsilon", "0.9999999999"),
        ] {
            let e = read(name, value).unwrap_err();
            let found = matches!(&e, ConfigError::Field { field, .. } if *field == name);
            assert!(found, "{name} {value}: {e}");
        }
        let widest = read("n_layer", "1024").unwrap();
        assert_eq!(widest.shape.n_layer, 1024);
    }
}
