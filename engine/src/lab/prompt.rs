//! A prompt as token ids that fit the model, for both rooms.

use crate::experiment::{MAX_PROMPT_BYTES, Prompt};
use crate::model::{Tokenizer, TokenizerError};
use crate::sentence::{Says, Sentence, within};
use serde::Serialize;

/// Why a prompt cannot be run: the rest of a sentence that begins with what
/// the prompt is called.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromptError {
    #[error(" has {found} bytes, but at most {MAX_PROMPT_BYTES} are read; shorten it.")]
    TooLarge { found: usize },
    #[error(": {0}.")]
    Tokenizer(
        #[from]
        #[serde(serialize_with = "within")]
        TokenizerError,
    ),
    #[error(" is empty; write something, or switch BOS on.")]
    Empty,
    #[error(" has {found} tokens, but this model reads at most {most}; shorten it.")]
    TooLong { found: usize, most: usize },
}

impl Sentence for PromptError {
    fn says(&self) -> Says {
        match self {
            // What is wrong is told by its own name.
            Self::Tokenizer(fault) => fault.says(),
            Self::TooLarge { .. } | Self::Empty | Self::TooLong { .. } => Says::of("prompt", self),
        }
    }
}

/// The ids of a prompt of at most `most` tokens, BOS in front if wanted.
pub(crate) fn token_ids(
    tokenizer: &Tokenizer,
    most: usize,
    prompt: &Prompt,
    bos: bool,
) -> Result<Vec<u32>, PromptError> {
    let ids = match prompt {
        Prompt::Text(text) if text.len() > MAX_PROMPT_BYTES => {
            return Err(PromptError::TooLarge { found: text.len() });
        }
        Prompt::Text(text) => tokenizer.encode(text, bos)?,
        // Token ids stand as they are: whoever writes them writes BOS too.
        Prompt::Tokens(ids) => {
            ids.iter().try_for_each(|id| tokenizer.check(*id))?;
            ids.clone()
        }
    };
    match ids.len() {
        0 => Err(PromptError::Empty),
        found if found > most => Err(PromptError::TooLong { found, most }),
        _ => Ok(ids),
    }
}
