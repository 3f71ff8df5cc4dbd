//! What can be wrong with a text, a token or a run, in sentences.

use super::prompt::PromptError;
use crate::sentence::{Quoted, Says, Sentence, within};
use serde::Serialize;

/// What both rooms may have to say of a text, a token or a run.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LabProblem {
    #[error(
        "This model has no start token in its vocabulary (bos_token, bos_token_id), so BOS is off: nothing is put in front of a text."
    )]
    NoBos,
    #[error("This text{fault}")]
    Text {
        #[serde(serialize_with = "within")]
        fault: PromptError,
    },
    #[error("“{text}”{fault}")]
    NamedText {
        text: String,
        #[serde(serialize_with = "within")]
        fault: PromptError,
    },
    #[error("“{count} token ids”{fault}")]
    TextOfIds {
        count: usize,
        #[serde(serialize_with = "within")]
        fault: PromptError,
    },
    #[error(
        "The prompt fills this model's {n_positions} positions, so nothing can be written after it; shorten it."
    )]
    NoRoomToWrite { n_positions: usize },
    #[error("Choose a token: usually a word with a space in front.")]
    NoToken,
    #[error(
        "“{text}” is {} tokens here ({}), but one is needed; take one of them, usually with its space in front.",
        .pieces.len(),
        Quoted(pieces, " ")
    )]
    SeveralTokens { text: String, pieces: Vec<String> },
    #[error(
        "The numbers of {run} stop being finite at {place}, position {position}{}, so there is nothing to show after it. {}",
        made_with(tensor),
        match edited {
            true => "What is done to this run is too strong for 32-bit arithmetic; make it weaker.",
            false => "The model's weights are too large for 32-bit arithmetic, or damaged; take another model.",
        }
    )]
    Overflow {
        run: Whose,
        /// TransformerLens's name of the site.
        place: String,
        position: usize,
        /// The weights that it is made with, where it is.
        tensor: Option<String>,
        edited: bool,
    },
}

impl Sentence for LabProblem {
    fn says(&self) -> Says {
        Says::of("lab", self)
    }
}

fn made_with(tensor: &Option<String>) -> String {
    let tensor = tensor.as_ref();
    tensor.map_or_else(String::new, |name| format!(" (made with {name})"))
}

/// Whose numbers stop being finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whose {
    #[error("the clean run")]
    Clean,
    #[error("the corrupted run")]
    Corrupted,
    #[error("the run that a sweep brings")]
    Brought,
    #[error("a patched run")]
    Patched,
    #[error("the unsteered run")]
    Unsteered,
    #[error("the steered run")]
    Steered,
}
