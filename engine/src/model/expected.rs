//! What was expected in a field of a model's files.

use serde::Serialize;

/// What a field may hold, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// Of `model_type`.
    #[error("\"gpt2\"")]
    Gpt2,
    /// Of the sizes: `n_head`, `n_embd`, `vocab_size` ...
    #[error("a whole number from 1 to 16777216")]
    Size,
    /// Of `n_layer`, where it is a size, but too large a one.
    #[error("a whole number from 1 to 1024")]
    Layers,
    /// Of `layer_norm_epsilon`.
    #[error("a number between 0 and 1")]
    Share,
    /// Of `activation_function`.
    #[error("gelu_new, gelu, relu, silu or tanh")]
    Activation,
    /// Of settings that are on or off.
    #[error("true or false")]
    Flag,
    /// Of `model_type` and `tokenizer_class`.
    #[error("a text")]
    Text,
    /// Of the entries of `added_tokens.json`.
    #[error("a token's id")]
    Id,
    /// Of `bos_token_id`.
    #[error("a token's id, or null")]
    MaybeId,
    /// Of `eos_token_id`.
    #[error("a token's id, a list of them, or null")]
    Ids,
    /// Of `unseen_tokens`.
    #[error("a list of token ids")]
    IdList,
    /// Of tokens with a name: `bos_token`, `eos_token` ...
    #[error("a token, or null")]
    MaybeToken,
    /// Of `extra_special_tokens` and its older name.
    #[error("a list of tokens")]
    Tokens,
    /// Of `added_tokens_decoder`.
    #[error("an object of tokens by their ids")]
    TokensById,
    /// Of `init_inputs`.
    #[error("an empty list")]
    EmptyList,
    /// Of `patchbay_sha256`.
    #[error("an object of SHA-256s in hexadecimal by the names of files, no more than 1024")]
    Hashes,
    /// Of `patchbay_half`.
    #[error("a number from 0 on, or null")]
    Distance,
    /// Of what makes another model: `add_cross_attention`, `is_encoder_decoder`.
    #[error("false")]
    False,
    /// Of what takes parts away: `pruned_heads`, `per_layer_config`.
    #[error("none")]
    None,
    /// Of `quantization_config`.
    #[error("none; quantised weights are not read, so take the model as it was before")]
    NotQuantised,
}
