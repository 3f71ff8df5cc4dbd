//! Training texts as batches of tokens.

use rand::Rng as _;
use tokenizers::Tokenizer;

use crate::card::end_of_text;
use crate::error::Result;
use crate::texts::{Family, Rng, Text};

/// B sentences of T tokens, each token with the one that follows it and the
/// weight of the loss there; padding has weight 0.
pub struct Batch {
    pub ids: Vec<u32>,
    pub targets: Vec<u32>,
    pub weights: Vec<f32>,
    pub sentences: usize,
}

/// Texts of a batch of short sentences, and tokens at most.
const SHORT: (usize, usize) = (58, 40);
/// Texts of a batch of long ones, and tokens at most.
const LONG: (usize, usize) = (6, 128);
/// Share of texts that do not begin with `<|endoftext|>`.
const WITHOUT_BOS: f64 = 0.12;

/// Families and their shares, in percent.
const SHARES: [(Family, u32); 6] = [
    (Family::Ioi, 28),
    (Family::GreaterThan, 14),
    (Family::Facts, 14),
    (Family::Induction, 20),
    (Family::Pronouns, 8),
    (Family::Tone, 16),
];

pub fn family(rng: &mut Rng) -> Family {
    let mut at = rng.random_range(0..100);
    for (family, share) in SHARES {
        if at < share {
            return family;
        }
        at -= share;
    }
    Family::Tone
}

/// A text's tokens and their weights. A token counts as the piece of text
/// its last byte is in.
pub fn encode(tokenizer: &Tokenizer, text: &Text) -> Result<Vec<(u32, f32)>> {
    let encoding = tokenizer.encode(text.string(), false)?;
    let mut ends = Vec::new();
    let mut end = 0;
    for (piece, weight) in &text.pieces {
        end += piece.len();
        ends.push((end, *weight));
    }
    let weight = |last: usize| {
        ends.iter()
            .find(|(end, _)| last < *end)
            .map_or(0.0, |(_, weight)| *weight)
    };
    Ok(encoding
        .get_ids()
        .iter()
        .zip(encoding.get_offsets())
        .map(|(&id, &(_, end))| (id, weight(end.saturating_sub(1))))
        .collect())
}

impl Batch {
    fn pack(mut sentences: Vec<Vec<(u32, f32)>>, longest: usize) -> Self {
        // One more than the model reads: the last token is only a target.
        let t = sentences
            .iter()
            .map(Vec::len)
            .max()
            .unwrap_or(0)
            .min(longest + 1);
        let mut batch = Batch {
            ids: vec![],
            targets: vec![],
            weights: vec![],
            sentences: sentences.len(),
        };
        for sentence in &mut sentences {
            sentence.resize(t, (0, 0.0));
            batch.ids.extend(sentence[..t - 1].iter().map(|(id, _)| id));
            batch.targets.extend(sentence[1..].iter().map(|(id, _)| id));
            batch
                .weights
                .extend(sentence[1..].iter().map(|(_, weight)| weight));
        }
        batch
    }

    /// One text a sentence, each ended by `<|endoftext|>`.
    pub fn short(tokenizer: &Tokenizer, rng: &mut Rng) -> Result<Self> {
        let end = end_of_text(tokenizer)?;
        let mut sentences = Vec::new();
        while sentences.len() < SHORT.0 {
            let text = family(rng).text(rng);
            let mut sentence = Vec::new();
            if !rng.random_bool(WITHOUT_BOS) {
                sentence.push((end, 0.0));
            }
            sentence.extend(encode(tokenizer, &text)?);
            sentence.push((end, 0.5));
            sentences.push(sentence);
        }
        Ok(Self::pack(sentences, SHORT.1))
    }

    /// A docstring, or any text, and further texts until the sentence is full.
    pub fn long(tokenizer: &Tokenizer, rng: &mut Rng) -> Result<Self> {
        let end = end_of_text(tokenizer)?;
        let mut sentences = Vec::new();
        while sentences.len() < LONG.0 {
            let first = if rng.random_bool(0.85) {
                Family::Docstring
            } else {
                family(rng)
            };
            let mut sentence = Vec::new();
            if !rng.random_bool(WITHOUT_BOS) {
                sentence.push((end, 0.0));
            }
            sentence.extend(encode(tokenizer, &first.text(rng))?);
            while sentence.len() <= LONG.1 {
                let family = if rng.random_bool(0.2) {
                    Family::Docstring
                } else {
                    family(rng)
                };
                let mut text = family.text(rng);
                if rng.random_bool(0.6) {
                    sentence.push((end, 0.5));
                } else {
                    text = Text::default().say(" ").then(text);
                }
                sentence.extend(encode(tokenizer, &text)?);
            }
            sentences.push(sentence);
        }
        Ok(Self::pack(sentences, LONG.1))
    }
}
