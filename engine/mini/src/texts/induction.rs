//! Induction (Olsson et al. 2022, arXiv:2209.11895): random words said again
//! in the same order.

use rand::Rng as _;

use super::{Example, Rng, Text, hash_of, pick};

pub const WORDS: &[&str] = &[
    "cat", "dog", "tree", "lamp", "river", "stone", "cloud", "bread", "apple", "table", "chair",
    "window", "door", "road", "bridge", "ship", "horse", "bird", "fish", "snow", "rain", "wind",
    "fire", "gold", "silver", "iron", "glass", "paper", "letter", "book", "pen", "coat", "hat",
    "shoe", "ring", "king", "queen", "knight", "castle", "tower", "bell", "clock", "drum", "piano",
    "song", "dance", "story", "dream", "night", "morning", "summer", "winter", "spring", "garden",
    "flower", "grass", "leaf", "root", "seed", "corn", "rice", "milk", "butter", "cheese", "sugar",
    "salt", "honey", "lemon", "orange", "banana", "cherry", "peach", "potato", "soup", "cake",
    "pie", "tea", "coffee", "wine", "water", "ice", "sand", "mountain", "valley", "hill", "forest",
    "desert", "ocean", "island", "beach", "lake", "wave", "boat", "train", "car", "truck", "bus",
    "bike", "wheel", "engine", "wire", "pipe", "nail", "hammer", "rope", "chain", "lock", "key",
    "box", "bag", "basket", "bottle", "cup", "plate", "bowl", "spoon", "fork", "knife", "oven",
    "bed", "pillow", "carpet", "mirror", "candle", "smoke", "dust", "mud", "clay", "brick", "wood",
    "plastic", "cotton", "silk", "leather", "button", "needle", "doctor", "nurse", "teacher",
    "farmer", "soldier", "pilot", "driver", "judge", "lawyer", "artist", "singer", "writer",
    "tiger", "lion", "bear", "wolf", "fox", "deer", "rabbit", "mouse", "snake", "frog", "spider",
    "bee", "eagle", "duck", "goose", "chicken", "cow", "sheep", "goat", "pig", "shark", "whale",
    "arm", "leg", "hand", "foot", "head", "eye", "ear", "nose", "mouth", "tooth", "neck", "knee",
    "heart", "brain", "bone", "skin", "planet", "moon", "star", "sun", "rocket", "radio", "camera",
    "phone", "screen", "circle", "square", "corner",
];

/// What the words follow, and what stands between them.
pub const FRAMES: &[(&str, &str)] = &[
    ("", ""),
    ("", ""),
    ("", ""),
    ("", ""),
    ("", ","),
    ("Words:", ""),
    ("Words:", ""),
    ("Words:", ","),
    ("Again:", ""),
    ("The words are", ","),
    ("A list:", ""),
    ("He said", ""),
];
pub const HELD_OUT_FRAMES: &[&str] = &["", "The words are", "Again: He said"];

/// Whether `b` right after `a` is kept out of the training texts.
pub fn held_out_pair(a: &str, b: &str) -> bool {
    hash_of(&[a, b]).is_multiple_of(8)
}

/// `n` different words no two neighbours of which are a held-out pair, except,
/// if `held_out`, the pair that ends at word `critical`.
fn words(rng: &mut Rng, n: usize, critical: Option<usize>) -> Vec<&'static str> {
    let mut chosen = vec![pick(rng, WORDS)];
    while chosen.len() < n {
        let next = pick(rng, WORDS);
        let held_out = held_out_pair(chosen[chosen.len() - 1], next);
        if !chosen.contains(&next) && held_out == (critical == Some(chosen.len())) {
            chosen.push(next);
        }
    }
    chosen
}

fn joined(words: &[&str], separator: &str) -> String {
    words
        .iter()
        .map(|word| format!(" {word}{separator}"))
        .collect()
}

/// Three to ten words, then the same again.
pub fn text(rng: &mut Rng) -> Text {
    let (frame, separator) = pick(rng, FRAMES);
    let n = rng.random_range(3..=if separator.is_empty() { 10 } else { 6 });
    let words = words(rng, n, None);
    again(rng, Text::default().say(frame), &words, separator)
}

/// So many words that only their order tells what comes next, not a distance.
pub fn long_text(rng: &mut Rng) -> Text {
    let n = rng.random_range(12..=40);
    let words = words(rng, n, None);
    again(rng, Text::default(), &words, "")
}

/// Says the words, then says them again from the first or, as often, from any
/// one to the last.
fn again(rng: &mut Rng, text: Text, words: &[&str], separator: &str) -> Text {
    let n = words.len();
    let from = if rng.random_bool(0.5) {
        0
    } else {
        rng.random_range(0..n - 1)
    };
    let from = if held_out_pair(words[n - 1], words[from]) {
        0
    } else {
        from
    };
    if held_out_pair(words[n - 1], words[from]) {
        // Not to be said after the last word: leave the repetition out.
        return text.noise(joined(words, separator));
    }
    text.noise(joined(words, separator))
        .noise(joined(&words[from..=from], separator))
        .answer(joined(&words[from + 1..], separator), 2.5)
}

/// Stops before a word whose predecessor never came before it in training.
pub fn held_out(rng: &mut Rng) -> Example {
    let frame = pick(rng, HELD_OUT_FRAMES);
    stopped(rng, frame, 10, "")
}

/// The same with commas: the token to look for is not the last but the one
/// before, so that it takes one step more.
pub fn held_out_commas(rng: &mut Rng) -> Example {
    stopped(rng, "A list:", 6, ",")
}

/// At least four words and `most`, and some of them again.
fn stopped(rng: &mut Rng, frame: &str, most: usize, separator: &str) -> Example {
    let n = rng.random_range(4..=most);
    let critical = rng.random_range(1..n);
    let words = words(rng, n, Some(critical));
    let spaced = |word: &&str| format!(" {word}");
    Example {
        prompt: format!(
            "{frame}{}{}",
            joined(&words, separator),
            joined(&words[..critical], separator)
        ),
        answers: vec![spaced(&words[critical])],
        wrong: words
            .iter()
            .filter(|w| **w != words[critical])
            .map(spaced)
            .collect(),
    }
}
