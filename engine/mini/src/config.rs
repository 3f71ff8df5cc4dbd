//! The model's `config.json`, in Hugging Face's fields.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub architectures: Vec<String>,
    pub model_type: String,
    pub activation_function: String,
    pub vocab_size: usize,
    pub n_ctx: usize,
    pub n_positions: usize,
    pub n_embd: usize,
    pub n_layer: usize,
    pub n_head: usize,
    pub layer_norm_epsilon: f64,
    pub initializer_range: f64,
    pub bos_token_id: u32,
    pub eos_token_id: u32,
    pub attn_pdrop: f64,
    pub embd_pdrop: f64,
    pub resid_pdrop: f64,
    pub tie_word_embeddings: bool,
    pub torch_dtype: String,
    /// Tokens that no text of the training holds, so that the page can say so.
    #[serde(default)]
    pub unseen_tokens: Vec<u32>,
}

impl Config {
    /// Four layers of four heads, 128 wide, 128 positions. The last token of
    /// the vocabulary both begins and ends a text.
    pub fn mini(vocab_size: usize) -> Self {
        let end_of_text = vocab_size.saturating_sub(1) as u32;
        Self {
            architectures: vec!["GPT2LMHeadModel".to_string()],
            model_type: "gpt2".to_string(),
            activation_function: "gelu_new".to_string(),
            vocab_size,
            n_ctx: 128,
            n_positions: 128,
            n_embd: 128,
            n_layer: 4,
            n_head: 4,
            layer_norm_epsilon: 1e-5,
            initializer_range: 0.05,
            bos_token_id: end_of_text,
            eos_token_id: end_of_text,
            attn_pdrop: 0.0,
            embd_pdrop: 0.0,
            resid_pdrop: 0.0,
            tie_word_embeddings: true,
            torch_dtype: "float16".to_string(),
            unseen_tokens: Vec::new(),
        }
    }
}
