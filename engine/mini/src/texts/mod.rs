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

/// How much the loss at a token of ordinary words, and of random ones, counts.
const SAID: f32 = 0.2;
const DRAWN: f32 = 0.05;

/// Some words of a training text.
#[derive(Clone, Debug)]
pub struct Piece {
    pub text: String,
    /// Of the loss at each of its tokens.
    pub weight: f32,
    /// What could have stood here as likely, the piece itself among it, one
    /// token each. The model learns all of them at once; none means only `text`.
    pub equally: Vec<String>,
}

/// A training text in pieces.
#[derive(Clone, Debug, Default)]
pub struct Text {
    pub pieces: Vec<Piece>,
}

impl Text {
    fn piece(mut self, text: impl Into<String>, weight: f32, equally: Vec<String>) -> Self {
        self.pieces.push(Piece {
            text: text.into(),
            weight,
            equally,
        });
        self
    }

    /// Ordinary words.
    pub fn say(self, text: impl Into<String>) -> Self {
        self.piece(text, SAID, Vec::new())
    }

    /// Words drawn at random, which nothing could foresee.
    pub fn noise(self, text: impl Into<String>) -> Self {
        self.piece(text, DRAWN, Vec::new())
    }

    /// What the text before it determines.
    pub fn answer(self, text: impl Into<String>, weight: f32) -> Self {
        self.piece(text, weight, Vec::new())
    }

    /// One of several tokens that the text before allows alike.
    pub fn any_answer(self, rng: &mut Rng, equally: Vec<String>, weight: f32) -> Self {
        let text = equally[rng.random_range(0..equally.len())].clone();
        self.piece(text, weight, equally)
    }

    pub fn string(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect()
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
