//! What both rooms compute with: the model on its device, prompts as tokens,
//! texts that are written on, and numbers that stop being finite.

pub(crate) mod arriving;
pub(crate) mod finite;
pub(crate) mod line;
pub(crate) mod prompt;
mod texts;

use crate::experiment::{Experiment, Problem};
use crate::model::Tokenizer;
pub use arriving::Arriving;

/// Says that BOS is off though the experiment has it on, where the model has none.
pub(crate) fn bos_off(tokenizer: &Tokenizer, experiment: &Experiment) -> Option<Problem> {
    (experiment.bos && tokenizer.bos().is_none()).then(|| Problem {
        field: "bos".into(),
        message: "This model has no start token in its vocabulary (bos_token, bos_token_id), so BOS is off: nothing is put in front of a text.".into(),
        fatal: false,
    })
}
