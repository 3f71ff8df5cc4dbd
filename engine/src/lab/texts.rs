//! Texts of the steering room as token ids that fit the model.

use super::prompt::{PromptError, token_ids};
use crate::backend::Backend;
use crate::experiment::{Field, MAX_PROMPT_BYTES, Prompt, TokenRef};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;

impl<B: Backend> Lab<B> {
    /// The token ids of a prompt, BOS in front if wanted.
    pub(crate) fn prompt(
        &self,
        prompt: &Prompt,
        task: Task<'_, impl Host>,
    ) -> Result<Vec<u32>, SessionError> {
        let ids = token_ids(&self.tokenizer, self.info.n_positions, prompt, task.bos);
        ids.map_err(|e| {
            let name = match e {
                PromptError::TooLarge { .. } | PromptError::Empty => "This text".into(),
                PromptError::Tokenizer(_) | PromptError::TooLong { .. } => {
                    format!("“{}”", short(prompt))
                }
            };
            task.wrong(format!("{name}{e}"))
        })
    }

    /// The token ids of a prompt that leaves room to write after it.
    pub(crate) fn to_continue(
        &self,
        prompt: &Prompt,
        task: Task<'_, impl Host>,
    ) -> Result<Vec<u32>, SessionError> {
        let ids = self.prompt(prompt, task)?;
        if ids.len() < self.info.n_positions {
            return Ok(ids);
        }
        Err(task.wrong(
            format!(
                "The prompt fills this model's {} positions, so nothing can be written after it; shorten it.",
                self.info.n_positions
            ),
        ))
    }

    /// The id of what has to be one token.
    pub(crate) fn one_token(&self, field: Field, token: &TokenRef) -> Result<u32, SessionError> {
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
