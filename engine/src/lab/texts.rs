//! Texts of the steering room as token ids that fit the model.

use super::problem::LabProblem;
use super::prompt::{PromptError, token_ids};
use crate::backend::Backend;
use crate::experiment::{Field, MAX_PROMPT_BYTES, Prompt, TokenRef};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::sentence::Stop;

impl<B: Backend> Lab<B> {
    /// The token ids of a prompt, BOS in front if wanted.
    pub(crate) fn prompt(
        &self,
        prompt: &Prompt,
        task: Task<'_, impl Host>,
    ) -> Result<Vec<u32>, SessionError> {
        let ids = token_ids(&self.tokenizer, self.info.n_positions, prompt, task.bos);
        ids.map_err(|fault| {
            task.wrong(match (&fault, prompt) {
                (PromptError::TooLarge { .. } | PromptError::Empty, _) => {
                    LabProblem::Text { fault }
                }
                (PromptError::Tokenizer(_) | PromptError::TooLong { .. }, Prompt::Text(text)) => {
                    let text = short(text);
                    LabProblem::NamedText { text, fault }
                }
                (PromptError::Tokenizer(_) | PromptError::TooLong { .. }, Prompt::Tokens(ids)) => {
                    let count = ids.len();
                    LabProblem::TextOfIds { count, fault }
                }
            })
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
        let n_positions = self.info.n_positions;
        Err(task.wrong(LabProblem::NoRoomToWrite { n_positions }))
    }

    /// The id of what has to be one token.
    pub(crate) fn one_token(&self, field: Field, token: &TokenRef) -> Result<u32, SessionError> {
        let text = match token {
            TokenRef::Id(id) => {
                let id = self.tokenizer.check(*id).map(|()| *id);
                return id.map_err(|e| SessionError::of(field, Stop(e)));
            }
            TokenRef::Text(text) => text,
        };
        let ids = match text.len() > MAX_PROMPT_BYTES {
            true => Vec::new(),
            false => {
                let named = self.tokenizer.named(text);
                named.map_err(|e| SessionError::of(field, Stop(e)))?
            }
        };
        match ids.as_slice() {
            [id] => Ok(*id),
            [] => Err(SessionError::of(field, LabProblem::NoToken)),
            many => {
                let pieces = self.tokenizer.tokens(many).into_iter();
                let problem = LabProblem::SeveralTokens {
                    text: text.clone(),
                    pieces: pieces.map(|t| t.text).collect(),
                };
                Err(SessionError::of(field, problem))
            }
        }
    }
}

/// Enough of a text to know it by.
fn short(text: &str) -> String {
    match text.chars().count() > 40 {
        true => text.chars().take(40).chain(['…']).collect(),
        false => text.into(),
    }
}
