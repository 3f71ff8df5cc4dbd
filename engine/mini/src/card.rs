//! The model card: what is measured, on which held-out prompts, and what must
//! be reached. Whoever can give the logits after a prompt can be measured.

use std::collections::HashMap;

use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use crate::bpe::END_OF_TEXT;
use crate::error::{MiniError, Result};
use crate::texts::{Example, Family, Rng, ioi};

/// The held-out prompts and the shuffling both start from this seed.
pub const SEED: u64 = 2026;
/// Prompts a measure.
pub const PROMPTS: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Share of prompts after which the likeliest token is an answer.
    Top1,
    /// Mean logit of the answers less the mean logit of the wrong ones.
    LogitDifference,
    /// Probability of all answers less that of all wrong ones.
    ProbabilityDifference,
    /// Probability of the less likely of two answers that are equally right.
    SmallerProbability,
}

/// One line of the card.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    pub name: &'static str,
    pub family: Family,
    pub statistic: Statistic,
    pub held_out: fn(&mut Rng) -> Example,
    /// What the mean must reach; without one the value is only reported.
    pub at_least: Option<f64>,
}

pub fn measures() -> Vec<Measure> {
    use Statistic::*;
    let measure = |name, family, statistic, held_out, at_least| Measure {
        name,
        family,
        statistic,
        held_out,
        at_least,
    };
    use crate::texts::{docstring, facts, greater_than, induction, pronouns};
    vec![
        measure("ioi", Family::Ioi, Top1, ioi::held_out, Some(0.95)),
        measure(
            "ioi",
            Family::Ioi,
            LogitDifference,
            ioi::held_out,
            Some(3.0),
        ),
        measure(
            "ioi, three names",
            Family::Ioi,
            Top1,
            ioi::held_out_three,
            None,
        ),
        measure(
            "ioi, three names",
            Family::Ioi,
            SmallerProbability,
            ioi::held_out_three,
            None,
        ),
        measure(
            "greater-than",
            Family::GreaterThan,
            ProbabilityDifference,
            greater_than::held_out,
            Some(0.7),
        ),
        measure(
            "docstring",
            Family::Docstring,
            Top1,
            docstring::held_out,
            Some(0.9),
        ),
        measure("facts", Family::Facts, Top1, facts::held_out, Some(0.95)),
        measure(
            "induction",
            Family::Induction,
            Top1,
            induction::held_out,
            Some(0.9),
        ),
        measure(
            "induction, commas",
            Family::Induction,
            Top1,
            induction::held_out_commas,
            None,
        ),
        measure("pronouns", Family::Pronouns, Top1, pronouns::held_out, None),
    ]
}

/// What was found for one measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub name: String,
    pub family: Family,
    pub statistic: Statistic,
    /// Whether the prompts follow `<|endoftext|>`.
    pub bos: bool,
    pub prompts: usize,
    pub value: f64,
    pub at_least: Option<f64>,
}

impl Line {
    /// Whether the bar is reached.
    pub fn passes(&self) -> bool {
        self.at_least.is_none_or(|bar| self.value >= bar)
    }
}

/// The held-out prompts of a measure, the same at every call.
pub fn examples(measure: &Measure) -> Vec<Example> {
    let mut rng = Rng::seed_from_u64(SEED);
    (0..PROMPTS).map(|_| (measure.held_out)(&mut rng)).collect()
}

/// The id of a string that is one token.
pub fn one_token(tokenizer: &Tokenizer, token: &str) -> Result<usize> {
    match tokenizer.encode(token, false)?.get_ids() {
        [id] => Ok(*id as usize),
        ids => Err(MiniError::NotOneToken {
            token: token.to_string(),
            found: ids.len(),
        }),
    }
}

pub fn end_of_text(tokenizer: &Tokenizer) -> Result<u32> {
    let token = END_OF_TEXT.to_string();
    tokenizer
        .token_to_id(END_OF_TEXT)
        .ok_or(MiniError::NotOneToken { token, found: 0 })
}

/// From prompts as token ids to the logits `[n_vocab]` after the last token of each.
pub type LastLogits<'a> = dyn FnMut(&[Vec<u32>]) -> Result<Vec<Vec<f32>>> + 'a;

/// Measures a model through the logits it gives.
pub fn card(tokenizer: &Tokenizer, bos: bool, last_logits: &mut LastLogits) -> Result<Vec<Line>> {
    measures()
        .iter()
        .map(|measure| line(measure, tokenizer, bos, last_logits))
        .collect()
}

fn line(
    measure: &Measure,
    tokenizer: &Tokenizer,
    bos: bool,
    last_logits: &mut LastLogits,
) -> Result<Line> {
    let examples = examples(measure);
    let start = if bos {
        vec![end_of_text(tokenizer)?]
    } else {
        Vec::new()
    };
    let mut prompts = Vec::new();
    for example in &examples {
        let ids = tokenizer.encode(example.prompt.as_str(), false)?;
        prompts.push([&start, ids.get_ids()].concat());
    }
    let mut sum = 0.0;
    for (logits, example) in last_logits(&prompts)?.iter().zip(&examples) {
        let ids = |tokens: &[String]| -> Result<Vec<usize>> {
            tokens
                .iter()
                .map(|token| one_token(tokenizer, token))
                .collect()
        };
        let value = value(
            measure.statistic,
            logits,
            &ids(&example.answers)?,
            &ids(&example.wrong)?,
        );
        sum += value;
    }
    Ok(Line {
        name: measure.name.to_string(),
        family: measure.family,
        statistic: measure.statistic,
        bos,
        prompts: examples.len(),
        value: sum / examples.len() as f64,
        at_least: measure.at_least,
    })
}

fn value(statistic: Statistic, logits: &[f32], answers: &[usize], wrong: &[usize]) -> f64 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|x| f64::from(x - top).exp()).sum();
    let probability = |&id: &usize| f64::from(logits[id] - top).exp() / sum;
    let mean = |ids: &[usize]| {
        ids.iter().map(|&id| f64::from(logits[id])).sum::<f64>() / ids.len().max(1) as f64
    };
    match statistic {
        Statistic::Top1 => f64::from(answers.iter().any(|&id| logits[id] == top)),
        Statistic::LogitDifference => mean(answers) - mean(wrong),
        Statistic::ProbabilityDifference => {
            let total = |ids: &[usize]| ids.iter().map(probability).sum::<f64>();
            total(answers) - total(wrong)
        }
        Statistic::SmallerProbability => answers
            .iter()
            .map(probability)
            .fold(f64::INFINITY, f64::min),
    }
}

/// The control: the entries of every tensor in a random order of their own.
/// A card that this model passes measures nothing.
pub fn shuffle(tensors: &mut HashMap<String, Vec<f32>>) {
    let mut names: Vec<&String> = tensors.keys().collect();
    names.sort();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let mut rng = Rng::seed_from_u64(SEED);
    for name in names {
        if let Some(values) = tensors.get_mut(&name) {
            let mut own = Rng::seed_from_u64(rng.random());
            values.shuffle(&mut own);
        }
    }
}
