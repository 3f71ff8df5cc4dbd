//! Measures of continuations: what was wanted of them, and what it cost.

use crate::experiment::{Measures, Token, Written};
use crate::numbers::distinct;

/// A token of a continuation, as far as measures go.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub token: Token,
    /// By the unsteered model.
    pub probability: f32,
    /// From the unsteered model's distribution there.
    pub kl: f32,
    /// Along a map's reading direction, on its scale, where that is wanted.
    pub reading: Option<f32>,
}

impl From<&Written> for Read {
    fn from(w: &Written) -> Self {
        let view = w.unsteered.as_ref();
        Self {
            token: w.token.clone(),
            probability: view.map_or(w.probability, |u| u.probability),
            kl: view.map_or(0.0, |u| u.kl),
            reading: None,
        }
    }
}

/// The texts that were written, as measures see them.
pub(crate) fn read<'a>(texts: impl Iterator<Item = &'a Vec<Written>>) -> Vec<Vec<Read>> {
    texts.map(|t| t.iter().map(Read::from).collect()).collect()
}

/// What a continuation says.
pub(crate) fn said(text: &[Read]) -> String {
    Token::joined(text.iter().map(|r| &r.token))
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // counts, and means of f32
pub(crate) fn measures(texts: &[Vec<Read>], words: &[String]) -> Measures {
    let tokens = || texts.iter().flatten();
    let count = tokens().count().max(1) as f64;
    // A probability too small for f32 still costs something finite.
    let surprise = |r: &Read| -f64::from(r.probability.max(f32::MIN_POSITIVE)).ln();
    let holds = |text: &&Vec<Read>| {
        let text = said(text).to_lowercase();
        words.iter().any(|w| holds_word(&text, &w.to_lowercase()))
    };
    let ids: Vec<Vec<u32>> = texts
        .iter()
        .map(|t| t.iter().map(|r| r.token.id).collect())
        .collect();
    Measures {
        words: (!words.is_empty())
            .then(|| texts.iter().filter(holds).count() as f32 / texts.len().max(1) as f32),
        perplexity: (tokens().map(surprise).sum::<f64>() / count).exp() as f32,
        kl: (tokens().map(|r| f64::from(r.kl)).sum::<f64>() / count) as f32,
        distinct_2: distinct(&ids),
    }
}

/// Whether a text holds a word or phrase, with no letter before or after it.
fn holds_word(text: &str, word: &str) -> bool {
    let word = word.trim();
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + word.len()..]);
            !letter(before.chars().next_back()) && !letter(after.chars().next())
        })
}
