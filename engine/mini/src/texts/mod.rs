//! The texts the mini model is trained and measured on, all made by rules:
//! one file a family.

pub mod docstring;
pub mod facts;
pub mod greater_than;
pub mod induction;
pub mod ioi;
pub mod pronouns;
pub mod tone;

use rand::Rng as _;

pub type Rng = rand_chacha::ChaCha8Rng;

/// How much the loss at a piece of text counts.
const SAID: f32 = 0.5;
const ANSWERED: f32 = 4.0;
const DRAWN: f32 = 0.1;

/// A training text in pieces, each with the weight of its tokens' loss.
#[derive(Clone, Debug, Default)]
pub struct Text {
    pub pieces: Vec<(String, f32)>,
}

impl Text {
    /// Ordinary words.
    pub fn say(mut self, text: impl Into<String>) -> Self {
        self.pieces.push((text.into(), SAID));
        self
    }

    /// What the text before it determines.
    pub fn answer(mut self, text: impl Into<String>) -> Self {
        self.pieces.push((text.into(), ANSWERED));
        self
    }

    /// Words drawn at random, which nothing could foresee.
    pub fn noise(mut self, text: impl Into<String>) -> Self {
        self.pieces.push((text.into(), DRAWN));
        self
    }

    pub fn string(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    pub fn then(mut self, other: Text) -> Self {
        self.pieces.extend(other.pieces);
        self
    }
}

/// One held-out prompt: the right next tokens and the wrong ones, as strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub prompt: String,
    pub answers: Vec<String>,
    pub wrong: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Ioi,
    GreaterThan,
    Docstring,
    Facts,
    Induction,
    Pronouns,
    Tone,
}

impl Family {
    pub const ALL: [Family; 7] = [
        Family::Ioi,
        Family::GreaterThan,
        Family::Docstring,
        Family::Facts,
        Family::Induction,
        Family::Pronouns,
        Family::Tone,
    ];

    /// One training text.
    pub fn text(self, rng: &mut Rng) -> Text {
        match self {
            Family::Ioi => ioi::text(rng),
            Family::GreaterThan => greater_than::text(rng),
            Family::Docstring => docstring::text(rng),
            Family::Facts => facts::text(rng),
            Family::Induction => induction::text(rng),
            Family::Pronouns => pronouns::text(rng),
            Family::Tone => tone::text(rng),
        }
    }

    /// `n` held-out prompts; none for tone, which has no right answer.
    pub fn held_out(self, rng: &mut Rng, n: usize) -> Vec<Example> {
        let example = match self {
            Family::Ioi => ioi::held_out,
            Family::GreaterThan => greater_than::held_out,
            Family::Docstring => docstring::held_out,
            Family::Facts => facts::held_out,
            Family::Induction => induction::held_out,
            Family::Pronouns => pronouns::held_out,
            Family::Tone => return Vec::new(),
        };
        (0..n).map(|_| example(rng)).collect()
    }
}

/// One of `items`; every list in this crate has at least one.
pub fn pick<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.random_range(0..items.len())]
}

/// Replaces each `[KEY]` of a template.
pub fn fill(template: &str, slots: &[(&str, &str)]) -> String {
    slots
        .iter()
        .fold(template.to_string(), |text, (key, value)| {
            text.replace(&format!("[{key}]"), value)
        })
}

/// FNV-1a over the words: decides what is held out, the same on every machine.
pub fn hash_of(words: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in words.join("|").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^ (hash >> 32)
}

/// The first letter made a capital.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
