//! Training texts as batches of tokens.

use rand::Rng as _;
use tokenizers::Tokenizer;

use crate::card::{end_of_text, one_token};
use crate::error::Result;
use crate::texts::{Family, Rng, Text, induction};

/// A token, the weight of predicting it, and what could stand there as well.
#[derive(Clone)]
struct Token {
    id: u32,
    weight: f32,
    equally: Vec<u32>,
}

impl Token {
    fn new(id: u32, weight: f32) -> Self {
        Self {
            id,
            weight,
            equally: vec![id],
        }
    }
}

/// B sentences of T tokens, each with those that may follow it and the
/// weight of the loss there; padding has weight 0.
pub struct Batch {
    pub ids: Vec<u32>,
    pub targets: Vec<Vec<u32>>,
    pub weights: Vec<f32>,
    pub sentences: usize,
}

/// Texts of a batch of short sentences, and tokens at most.
const SHORT: (usize, usize) = (62, 32);
/// Texts of a batch of long ones, and tokens at most.
const LONG: (usize, usize) = (8, 128);
/// Share of texts that do not begin with `<|endoftext|>`.
const WITHOUT_BOS: f64 = 0.12;

/// Families other than induction, and their shares of what it leaves.
const SHARES: [(Family, u32); 5] = [
    (Family::Ioi, 34),
    (Family::GreaterThan, 12),
    (Family::Facts, 10),
    (Family::Pronouns, 10),
    (Family::Tone, 12),
];

/// A family; induction with the given chance, in percent.
pub fn family(rng: &mut Rng, induction: u32) -> Family {
    if rng.random_range(0..100) < induction {
        return Family::Induction;
    }
    let all = SHARES.iter().map(|(_, share)| share).sum();
    let mut at = rng.random_range(0..all);
    for (family, share) in SHARES {
        if at < share {
            return family;
        }
        at -= share;
    }
    Family::Tone
}

/// A text's tokens. A token belongs to the piece of text its last byte is in.
fn encode(tokenizer: &Tokenizer, text: &Text) -> Result<Vec<Token>> {
    let mut pieces = Vec::new();
    let mut end = 0;
    for piece in &text.pieces {
        end += piece.text.len();
        let equally: Result<Vec<u32>> = piece
            .equally
            .iter()
            .map(|token| Ok(one_token(tokenizer, token)? as u32))
            .collect();
        pieces.push((end, piece.weight, equally?));
    }
    let encoding = tokenizer.encode(text.string(), false)?;
    let token = |(&id, &(_, end)): (&u32, &(usize, usize))| match pieces
        .iter()
        .find(|(piece_end, ..)| end <= *piece_end)
    {
        Some((_, weight, equally)) if !equally.is_empty() => Token {
            id,
            weight: *weight,
            equally: equally.clone(),
        },
        Some((_, weight, _)) => Token::new(id, *weight),
        None => Token::new(id, 0.0),
    };
    Ok(encoding
        .get_ids()
        .iter()
        .zip(encoding.get_offsets())
        .map(token)
        .collect())
}

impl Batch {
    fn pack(mut sentences: Vec<Vec<Token>>, longest: usize) -> Self {
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
            sentence.resize(t, Token::new(0, 0.0));
            batch
                .ids
                .extend(sentence[..t - 1].iter().map(|token| token.id));
            batch
                .targets
                .extend(sentence[1..].iter().map(|token| token.equally.clone()));
            batch
                .weights
                .extend(sentence[1..].iter().map(|token| token.weight));
        }
        batch
    }

    /// One text a sentence, each ended by `<|endoftext|>`.
    pub fn short(tokenizer: &Tokenizer, rng: &mut Rng, induction: u32) -> Result<Self> {
        let end = end_of_text(tokenizer)?;
        let mut sentences = Vec::new();
        while sentences.len() < SHORT.0 {
            let text = family(rng, induction).text(rng);
            let mut sentence = Vec::new();
            if !rng.random_bool(WITHOUT_BOS) {
                sentence.push(Token::new(end, 0.0));
            }
            sentence.extend(encode(tokenizer, &text)?);
            sentence.push(Token::new(end, 0.5));
            sentences.push(sentence);
        }
        Ok(Self::pack(sentences, SHORT.1))
    }

    /// A docstring or a long list said again, and further texts until the
    /// sentence is full.
    pub fn long(tokenizer: &Tokenizer, rng: &mut Rng, induction: u32) -> Result<Self> {
        let end = end_of_text(tokenizer)?;
        let mut sentences = Vec::new();
        while sentences.len() < LONG.0 {
            let first = if sentences.len().is_multiple_of(2) {
                Family::Docstring.text(rng)
            } else {
                induction::long_text(rng)
            };
            let mut sentence = Vec::new();
            if !rng.random_bool(WITHOUT_BOS) {
                sentence.push(Token::new(end, 0.0));
            }
            sentence.extend(encode(tokenizer, &first)?);
            while sentence.len() <= LONG.1 {
                let mut text = family(rng, induction).text(rng);
                if rng.random_bool(0.6) || text.string().starts_with(' ') {
                    sentence.push(Token::new(end, 0.5));
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
