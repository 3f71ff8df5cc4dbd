use super::Expected;
use super::fields::{self, Fields};
use super::mirrored::Mirrored;
use crate::rows::Shape;
use crate::sentence::{Says, Sentence, text};
use crate::text::{Plain, short};
pub use patchbay_kernels::Activation;
use serde::Serialize;

/// `config.json` of a model with the GPT-2 architecture, checked. Which of its fields
/// are read is in `FIELDS.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its sizes, each at least 1; `n_embd` is a multiple of `n_head`.
    pub shape: Shape,
    /// The MLP's function (`activation_function`); `gelu_new` where the file names none.
    pub activation: Activation,
    /// Added to the variance in every LayerNorm, between 0 and 1; 1e-5 where the file has
    /// none.
    pub layer_norm_epsilon: f32,
    /// Whether attention scores are divided by `sqrt(d_head)`; they are where the file
    /// does not say.
    pub scale_attn_weights: bool,
    /// Whether those of layer `l`, from 0, are divided by `l + 1`, too; not where the
    /// file does not say.
    pub scale_attn_by_inverse_layer_idx: bool,
    /// Whether the output is taken with the embedding. Files that hold another matrix
    /// for it have the last word.
    pub tied_head: bool,
    /// The token that BOS stands for, where the tokenizer names none.
    pub bos_token_id: Option<i64>,
    /// The tokens that end a text, where `generation_config.json` is not there.
    pub eos_token_ids: Vec<i64>,
    /// The class that reads the tokenizer's files, where they name none.
    pub tokenizer_class: Option<String>,
    /// Tokens that never occurred in training, where the folder says so (`mini` does).
    pub unseen_tokens: Vec<u32>,
    /// What `patchbay mirror` noted of the folder.
    pub mirrored: Mirrored,
}

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigError {
    /// The file is no JSON object, is not UTF-8, or has a key twice.
    #[error("config.json is not readable as JSON of a GPT-2 model: {}", Plain(.0))]
    Json(#[serde(serialize_with = "text")] serde_json::Error),
    /// A field has a value with which this code does not compute what the model does.
    #[error(
        "config.json, field {field}: expected {expected}, found {}",
        Plain(found)
    )]
    Field {
        /// Its name there, the first one where it has two.
        field: &'static str,
        /// What it may hold.
        expected: Expected,
        /// Its value, cut where it is long.
        found: String,
    },
    /// A field stands under both of its names, with different values.
    #[error(
        "config.json, field {field}: expected one value, found {}, and {} under its other name {alias}",
        Plain(found),
        Plain(other)
    )]
    TwoValues {
        /// Its first name.
        field: &'static str,
        /// Its value there.
        found: String,
        /// Its second name.
        alias: &'static str,
        /// Its value under that.
        other: String,
    },
    /// A file is not the one that `patchbay mirror` noted in `config.json`.
    #[error(
        "{file} has the SHA-256 {found}, but config.json beside it says {expected}; the files do not belong together, or one was damaged on its way: copy the folder again, whole"
    )]
    Hash {
        /// Which file of the folder.
        file: String,
        /// SHA-256 of the file that came, in hexadecimal.
        found: String,
        /// The SHA-256 that is noted.
        expected: String,
    },
    /// The residual stream cannot be split evenly among the heads.
    #[error(
        "config.json, field n_embd: expected a multiple of n_head, found {n_embd} with n_head {n_head}"
    )]
    Heads {
        /// Width of the residual stream.
        n_embd: usize,
        /// Heads of each layer.
        n_head: usize,
    },
}

impl Sentence for ConfigError {
    fn says(&self) -> Says {
        Says::of("config", self)
    }
}

/// Sizes beyond this are not models of this kind; they would only overflow sums.
const LARGEST: usize = 1 << 24;

/// GPT-2 XL has 48. Each layer takes memory of its own, however narrow it is.
const MOST_LAYERS: usize = 1024;

impl Config {
    /// Reads and checks `config.json`.
    ///
    /// Where a field has two names, either is read; names that contradict each other
    /// are refused.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field that this code does not compute.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ConfigError> {
        let mut fields = Fields::read(bytes)?;
        if let Some(kind) = fields
            .take::<Option<String>>("model_type", Expected::Text)?
            .flatten()
            && kind != "gpt2"
        {
            return Err(field("model_type", Expected::Gpt2, short(kind)));
        }
        fields.refuse(&fields::CONFIG)?;
        let shape = shape(&mut fields)?;
        let flag = Expected::Flag;
        Ok(Self {
            shape,
            activation: activation(&mut fields)?,
            layer_norm_epsilon: epsilon(&mut fields)?,
            scale_attn_weights: fields.take("scale_attn_weights", flag)?.unwrap_or(true),
            scale_attn_by_inverse_layer_idx: fields
                .take("scale_attn_by_inverse_layer_idx", flag)?
                .unwrap_or(false),
            tied_head: fields.take("tie_word_embeddings", flag)?.unwrap_or(true),
            bos_token_id: fields.take("bos_token_id", Expected::MaybeId)?.flatten(),
            eos_token_ids: fields.ids("eos_token_id")?.unwrap_or(vec![GPT2_END]),
            tokenizer_class: fields.take("tokenizer_class", Expected::Text)?.flatten(),
            unseen_tokens: fields
                .take("unseen_tokens", Expected::IdList)?
                .unwrap_or_default(),
            mirrored: Mirrored::read(&mut fields)?,
        })
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

/// GPT-2's sizes and end token, which transformers takes where a file names none.
const GPT2: Shape = Shape {
    n_layer: 12,
    n_head: 12,
    n_embd: 768,
    n_inner: 4 * 768,
    n_positions: 1024,
    n_vocab: 50_257,
};
const GPT2_END: i64 = 50_256;

fn shape(fields: &mut Fields) -> Result<Shape, ConfigError> {
    let size = Expected::Size;
    let mut read = |name: &'static str, default: usize| {
        let found = fields.take(name, size)?.unwrap_or(default);
        match found {
            1..=LARGEST => Ok(found),
            _ => Err(field(name, size, found)),
        }
    };
    let n_vocab = read("vocab_size", GPT2.n_vocab)?;
    let n_head = read("n_head", GPT2.n_head)?;
    let n_embd = read("n_embd", GPT2.n_embd)?;
    // Before transformers 4 it had another name, which counts where it stands alone.
    let n_ctx = read("n_ctx", GPT2.n_positions)?;
    let n_positions = read("n_positions", n_ctx)?;
    let n_layer = read("n_layer", GPT2.n_layer)?;
    let n_inner = fields.take::<Option<usize>>("n_inner", size)?.flatten();
    let n_inner = n_inner.unwrap_or(4 * n_embd);
    if n_inner == 0 || n_inner > LARGEST {
        return Err(field("n_inner", size, n_inner));
    }
    if n_layer > MOST_LAYERS {
        return Err(field("n_layer", Expected::Layers, n_layer));
    }
    if !n_embd.is_multiple_of(n_head) {
        return Err(ConfigError::Heads { n_embd, n_head });
    }
    Ok(Shape {
        n_layer,
        n_head,
        n_embd,
        n_inner,
        n_positions,
        n_vocab,
    })
}

fn epsilon(fields: &mut Fields) -> Result<f32, ConfigError> {
    let (name, expected) = ("layer_norm_epsilon", Expected::Share);
    let found: f64 = fields.take(name, expected)?.unwrap_or(1e-5);
    // As it is computed with: smaller numbers than f32 has would be 0.
    #[allow(clippy::cast_possible_truncation)]
    let epsilon = found as f32;
    match epsilon > 0.0 && epsilon < 1.0 {
        true => Ok(epsilon),
        false => Err(field(name, expected, found)),
    }
}

fn activation(fields: &mut Fields) -> Result<Activation, ConfigError> {
    let (name, expected) = ("activation_function", Expected::Activation);
    let found: Option<String> = fields.take(name, expected)?;
    let found = found.as_deref().unwrap_or("gelu_new");
    let named = |a: &&Activation| a.names().contains(&found);
    match Activation::ALL.iter().find(named) {
        Some(activation) => Ok(*activation),
        None => Err(field(name, expected, short(found))),
    }
}

pub(super) fn field(field: &'static str, expected: Expected, found: impl ToString) -> ConfigError {
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
            let named = format!("config.json, field {name}: expected");
            assert!(e.to_string().starts_with(&named), "{name} {value}: {e}");
        }
        let widest = read("n_layer", "1024").unwrap();
        assert_eq!(widest.shape.n_layer, 1024);
    }

    #[test]
    fn two_names_of_one_field_must_agree() {
        let same = read("hidden_size", "8").unwrap();
        assert_eq!(same.shape.n_embd, 8);
        for (alias, name) in fields::ALIASES {
            let e = read(alias, "7").map(|c| c.shape.n_positions);
            match name {
                // It has no value of its own there.
                "n_positions" => assert_eq!(e.unwrap(), 7),
                name => {
                    let e = e.unwrap_err();
                    assert!(
                        e.to_string().contains(name) && e.to_string().contains(alias),
                        "{e}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let json = br#"{"vocab_size":301,"n_layer":2,"n_head":2,"n_embd":8}"#;
        let marked = [b"\xef\xbb\xbf", json.as_slice()].concat();
        assert_eq!(
            Config::from_json(&marked).unwrap(),
            Config::from_json(json).unwrap()
        );
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        for (name, value) in [
            ("n_layer", "\"2\""),
            ("tie_word_embeddings", "null"),
            ("scale_attn_weights", "1"),
            ("eos_token_id", "\"</s>\""),
            ("activation_function", "[]"),
        ] {
            let e = read(name, value).unwrap_err();
            assert!(e.to_string().contains(name), "{name} {value}: {e}");
        }
    }

    #[test]
    fn every_activation_function_is_read_and_told() {
        let field = "activation_function";
        let refused = read(field, "\"swiglu\"").unwrap_err().to_string();
        for activation in Activation::ALL {
            for name in activation.names() {
                let config = read(field, &format!("\"{name}\"")).unwrap();
                assert_eq!(config.activation, *activation, "{name}");
            }
            assert!(refused.contains(activation.names()[0]), "{refused}");
        }
    }
}
