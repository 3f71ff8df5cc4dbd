//! Which matrix a model's output is taken with: the embedding, as GPT-2 does, or one of
//! its own. transformers goes by what the files hold, and so does this:
//!
//! | `tie_word_embeddings` | `wte.weight` | `lm_head.weight` | embedding | head |
//! |---|---|---|---|---|
//! | true (or left out) | yes | no | `wte` | `wte` |
//! | true | yes | the same values | `wte` | `wte` |
//! | true | yes | other values | `wte` | `lm_head`, which is said |
//! | true | no | yes | `lm_head` | `lm_head` |
//! | false | yes | yes | `wte` | `lm_head` |
//! | false | yes | no | refused: transformers makes one up | |
//! | false | no | yes | refused: transformers makes one up | |

use super::{Config, Gpt2, ModelRemark, WeightsError};
use crate::backend::Backend;
use std::hash::{DefaultHasher, Hasher};

/// The head's name; it is no part of the `transformer` module.
pub(super) const HEAD: &str = "lm_head.weight";

const EMBEDDING: &str = "wte.weight";

/// What the names of the tensors say of the head.
pub(super) struct Head {
    /// In front of the names of the `transformer` module's tensors.
    prefix: &'static str,
    /// Tied, and both are there: which it is, their values tell.
    both: bool,
    /// Tied, and the head alone is there.
    only: bool,
}

impl Head {
    pub fn of(config: &Config, has: &dyn Fn(&str) -> bool) -> Result<Self, WeightsError> {
        // Files of the whole language model name their transformer.
        let prefix = match has(EMBEDDING) || has("wpe.weight") {
            true => "",
            false => "transformer.",
        };
        let (wte, head) = (has(&format!("{prefix}{EMBEDDING}")), has(HEAD));
        if !config.tied_head && wte && !head {
            return Err(WeightsError::NoHead);
        }
        Ok(Self {
            prefix,
            both: config.tied_head && wte && head,
            only: config.tied_head && !wte && head,
        })
    }

    /// Whether there is a head beside the embedding, as the names have it.
    pub fn is_own(&self) -> bool {
        self.both
    }

    /// A tensor's name in the files.
    pub fn name_of(&self, name: &str) -> String {
        match name {
            HEAD => HEAD.into(),
            EMBEDDING if self.only => HEAD.into(),
            name => format!("{}{name}", self.prefix),
        }
    }

    pub fn twins(&self) -> Option<Twins> {
        self.both.then(Twins::default)
    }

    /// What a person should know.
    pub fn remark(&self) -> Option<ModelRemark> {
        self.only.then_some(ModelRemark::HeadIsBoth)
    }
}

/// Embedding and head of files that hold both though config.json calls them one:
/// whether they are is seen by their values as they come.
#[derive(Default)]
pub(super) struct Twins {
    embedding: DefaultHasher,
    head: DefaultHasher,
}

impl Twins {
    /// Notes values of a tensor. Both matrices have one shape, so they come in
    /// equal pieces.
    pub fn note(&mut self, tensor: &str, values: &[f32]) {
        let of = match tensor {
            HEAD => &mut self.head,
            tensor if tensor.ends_with(EMBEDDING) => &mut self.embedding,
            _ => return,
        };
        for value in values {
            // -0 equals 0.
            of.write_u32((value + 0.0).to_bits());
        }
    }

    /// Lets go of a head that is the embedding again. Says so where it is not.
    pub fn settle<B: Backend>(self, model: &mut Gpt2<B>) -> Option<ModelRemark> {
        if self.embedding.finish() == self.head.finish() {
            model.lm_head = None;
            return None;
        }
        model.config.tied_head = false;
        Some(ModelRemark::HeadOfItsOwn)
    }
}
