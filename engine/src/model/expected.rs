//! What was expected in a field of a model's files.

use serde::Serialize;

/// What a field may hold, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    #[error("\"gpt2\"")]
    Gpt2,
    #[error("a whole number from 1 to 16777216")]
    Size,
    #[error("a whole number from 1 to 1024")]
    Layers,
    #[error("a number between 0 and 1")]
    Share,
    #[error("gelu_new, gelu, relu, silu or tanh")]
    Activation,
    #[error("true or false")]
    Flag,
    #[error("a text")]
    Text,
    #[error("a token's id")]
    Id,
    #[error("a token's id, or null")]
    MaybeId,
    #[error("a token's id, a list of them, or null")]
    Ids,
    #[error("a list of token ids")]
    IdList,
    #[error("a token, or null")]
    MaybeToken,
    #[error("a list of tokens")]
    Tokens,
    #[error("an object of tokens by their ids")]
    TokensById,
    #[error("an empty list")]
    EmptyList,
    #[error("an object of SHA-256s in hexadecimal by the names of files, no more than 1024")]
    Hashes,
    #[error("a number from 0 on, or null")]
    Distance,
    #[error("false")]
    False,
    #[error("none")]
    None,
    #[error("none; quantised weights are not read, so take the model as it was before")]
    NotQuantised,
}
