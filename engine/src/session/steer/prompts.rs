//! Texts of the steering room as token ids that fit the model.

use super::*;
use crate::experiment::{MAX_PROMPT_BYTES, Prompt, TokenRef};
use crate::session::prompt::{PromptError, token_ids};

impl<B: Backend> Session<B> {
    /// The token ids of a prompt, BOS in front if wanted.
    pub(super) fn prompt(
        &self,
        field: Field,
        prompt: &Prompt,
        bos: bool,
    ) -> Result<Vec<u32>, SessionError> {
        let ids = token_ids(&self.tokenizer, self.info.n_positions, prompt, bos);
        ids.map_err(|e| {
            let name = match e {
                PromptError::TooLarge { .. } | PromptError::Empty => "This text".into(),
                PromptError::Tokenizer(_) | PromptError::TooLong { .. } => {
                    format!("“{}”", short(prompt))
                }
            };
            SessionError::of(field, format!("{name}{e}"))
        })
    }

    /// The token ids of a prompt that leaves room to write after it.
    pub(super) fn to_continue(
        &self,
        field: Field,
        prompt: &Prompt,
        bos: bool,
    ) -> Result<Vec<u32>, SessionError> {
        let ids = self.prompt(field, prompt, bos)?;
        if ids.len() < self.info.n_positions {
            return Ok(ids);
        }
        Err(SessionError::of(
            field,
            format!(
                "The prompt fills this model's {} positions, so nothing can be written after it; shorten it.",
                self.info.n_positions
            ),
        ))
    }

    /// The id of what has to be one token.
    pub(super) fn one_token(&self, field: Field, token: &TokenRef) -> Result<u32, SessionError> {
        let text = match token {
            TokenRef::Id(id) => {
                let id = self.tokenizer.check(*id).map(|()| *id);
                return id.map_err(|e| SessionError::of(field, format!("{e}.")));
            }
            TokenRef::Text(text) => text,
        };
        let ids = match text.len() > MAX_PROMPT_BYTES {
            true => Vec::new(),
            false => {
                let named = self.tokenizer.named(text);
                named.map_err(|e| SessionError::of(field, format!("{e}.")))?
            }
        };
        match ids.as_slice() {
            [id] => Ok(*id),
            [] => Err(SessionError::of(
                field,
                "Choose a token: usually a word with a space in front.",
            )),
            many => {
                let pieces: Vec<String> = self
                    .tokenizer
                    .tokens(many)
                    .iter()
                    .map(|t| format!("“{}”", t.text))
                    .collect();
                Err(SessionError::of(
                    field,
                    format!(
                        "“{text}” is {} tokens here ({}), but one is needed; take one of them, usually with its space in front.",
                        many.len(),
                        pieces.join(" ")
                    ),
                ))
            }
        }
    }
}

/// Enough of a prompt to know it by.
fn short(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Text(text) if text.chars().count() > 40 => {
            text.chars().take(40).chain(['…']).collect()
        }
        Prompt::Text(text) => text.clone(),
        Prompt::Tokens(ids) => format!("{} token ids", ids.len()),
    }
}
