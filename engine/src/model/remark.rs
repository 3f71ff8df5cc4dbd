//! What a person should know of how a model's files were read.

use super::folder::GENERATION;
use crate::sentence::{Listed, Says, Sentence};
use crate::text::{Plain, short};
use serde::Serialize;

/// What a person should know of how a model's files were read.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelRemark {
    /// The files have tensors without a place in the model, attention's masks apart.
    #[error(
        "{count} tensors of the weights are no part of GPT-2 as config.json describes it and are not used: {}{}.",
        Listed(names),
        if *count > names.len() { ", …" } else { "" }
    )]
    UnusedTensors {
        /// How many.
        count: usize,
        /// The first of them.
        names: Vec<String>,
    },
    /// A model with one matrix for both ends has it under the head's name alone.
    #[error(
        "The weights have lm_head.weight and no wte.weight; the two are one matrix in this model (tie_word_embeddings), so it is both, as transformers reads it."
    )]
    HeadIsBoth,
    /// `config.json` says that the head is the embedding, and its values say otherwise.
    #[error(
        "config.json says that embedding and output share one matrix (tie_word_embeddings), but the weights have an lm_head.weight with other values; it is used for the output, as transformers does."
    )]
    HeadOfItsOwn,
    /// The folder is a copy that `patchbay mirror` made smaller.
    #[error("{}", half(*off))]
    Half {
        /// The largest difference that was measured, of any number of the first example.
        off: Option<f32>,
    },
    /// `generation_config.json` asks for what is not done here.
    #[error(
        "{GENERATION} sets {}, which is not done here; how texts are written is set in the experiment.",
        Listed(fields)
    )]
    Generation {
        /// The fields that do.
        fields: Vec<&'static str>,
    },
    /// An end token is not in the vocabulary, so no text can end with it.
    #[error(
        "{file} says that a text ends with token {} (eos_token_id), which is not in this model's vocabulary of {n_vocab}; it ends no text.",
        Listed(tokens)
    )]
    EndTokens {
        /// The file that names it.
        file: &'static str,
        /// Their ids in that file, the first eight at most.
        tokens: Vec<i64>,
        /// Size of the vocabulary.
        n_vocab: usize,
    },
    /// The files name a class of transformers that is not GPT-2's.
    #[error(
        "The tokenizer's class is {}, which is not GPT-2's kind; tokenizer.json is read as it stands.",
        Plain(&short(class))
    )]
    TokenizerClass {
        /// Its name, without `Fast`.
        class: String,
    },
    /// GPT-2's class reads the tokenizer, and passes over what `tokenizer.json` says
    /// besides.
    #[error(
        "tokenizer.json has settings of its own ({}) that transformers' GPT2Tokenizer, which reads this model, does not go by; text is split in GPT-2's way.",
        Listed(settings)
    )]
    TokenizerSettings {
        /// What is passed over: `normalizer`, `pre_tokenizer`, or fields of `model`.
        settings: Vec<&'static str>,
    },
}

impl Sentence for ModelRemark {
    fn says(&self) -> Says {
        Says::of("model", self)
    }
}

fn half(off: Option<f32>) -> String {
    let off = match off {
        Some(off) => format!(
            "measured when this was done, no number of the first example's runs and map is off by more than {off:.1e}"
        ),
        None => "by how much the numbers are off was not measured".into(),
    };
    format!(
        "The weights of this copy were rounded to half precision, 11 binary digits each (patchbay mirror --f16); {off}."
    )
}
