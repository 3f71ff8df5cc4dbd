//! New inputs from those of a corpus.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use std::collections::BTreeSet;
use std::ops::Range;

/// What readers go wrong on more often than on others.
const WORDS: [&str; 24] = [
    "0",
    "-1",
    "1e39",
    "-0.0",
    "1e-46",
    "1e999",
    "2147483648",
    "4294967295",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\u{feff}",
    "\r\n",
    "[[[[[[[[",
    ",",
    ":",
    "\u{202e}",
];

/// The inputs of a corpus, and the words of which they are made.
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    /// Strings, and what else stands for a value or a name.
    words: [Vec<Vec<u8>>; 2],
    longest: usize,
}

impl Mutator {
    /// Takes a corpus apart into words; `longest` is the bytes of an input at most.
    #[must_use]
    pub fn new(seeds: Vec<Vec<u8>>, longest: usize) -> Self {
        let found = seeds
            .iter()
            .flat_map(|s| tokens(s).into_iter().map(|t| s[t].to_vec()));
        let given = WORDS.iter().map(|w| w.as_bytes().to_vec());
        let words: BTreeSet<Vec<u8>> = found.chain(given).collect();
        Self {
            words: words.into_iter().partition(|w| is_string(w)).into(),
            seeds,
            longest,
        }
    }

    /// An input of the corpus after a change, or a few.
    pub fn input(&self, random: &mut StdRng) -> Vec<u8> {
        let mut input = self.seed(random).to_vec();
        loop {
            self.change(&mut input, random);
            if random.random_bool(0.4) {
                break;
            }
        }
        input.truncate(self.longest);
        input
    }

    fn seed(&self, random: &mut StdRng) -> &[u8] {
        self.seeds.choose(random).map_or(&[], Vec::as_slice)
    }

    fn word(&self, random: &mut StdRng) -> &[u8] {
        let kind = usize::from(random.random::<bool>());
        self.words[kind].choose(random).map_or(&[], Vec::as_slice)
    }

    /// A word that may well stand where the other stood.
    fn word_for(&self, other: &[u8], random: &mut StdRng) -> &[u8] {
        let kind = usize::from(!is_string(other));
        self.words[kind].choose(random).map_or(&[], Vec::as_slice)
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut StdRng) {
        let piece = range(input.len(), random);
        match random.random_range(0..12) {
            0 => drop(input.drain(piece)),
            1 => {
                let copy = input[piece].to_vec();
                insert(input, &copy, random);
            }
            2 => insert(input, self.word(random), random),
            3 => drop(input.splice(piece, self.word(random).to_vec())),
            // The end of another.
            4 => {
                let other = self.seed(random);
                let from = range(other.len(), random).start;
                input.truncate(piece.start);
                input.extend_from_slice(&other[from..]);
            }
            5 => {
                if let Some(byte) = input.get_mut(piece.start) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            // One word for another: what is JSON stays JSON.
            _ => {
                let words = tokens(input);
                if let Some(one) = words.choose(random) {
                    let word = self.word_for(&input[one.clone()], random).to_vec();
                    input.splice(one.clone(), word);
                }
            }
        }
    }
}

fn is_string(word: &[u8]) -> bool {
    word.first() == Some(&b'"')
}

/// A short piece of so many bytes.
fn range(bytes: usize, random: &mut StdRng) -> Range<usize> {
    let start = random.random_range(0..=bytes);
    let length = random.random_range(0..=32).min(bytes - start);
    start..start + length
}

fn insert(input: &mut Vec<u8>, piece: &[u8], random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    input.splice(at..at, piece.iter().copied());
}

/// Where the strings, numbers and names of a text are, as JSON has them.
fn tokens(text: &[u8]) -> Vec<Range<usize>> {
    let in_name = |b: &u8| b.is_ascii_alphanumeric() || b"+-._".contains(b);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text.get(at) {
        let rest = &text[at + 1..];
        let length = match first {
            b'"' => rest.iter().position(|b| *b == b'"').map_or(0, |n| n + 1),
            b if in_name(b) => rest.iter().position(|b| !in_name(b)).unwrap_or(rest.len()),
            _ => {
                at += 1;
                continue;
            }
        };
        found.push(at..at + 1 + length);
        at += 1 + length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn words_are_found() {
        let text = br#"{"a": [-1.5e3, null], "b":"c"}"#;
        let words: Vec<_> = tokens(text)
            .into_iter()
            .map(|t| String::from_utf8_lossy(&text[t]).into_owned())
            .collect();
        assert_eq!(words, ["\"a\"", "-1.5e3", "null", "\"b\"", "\"c\""]);
    }

    #[test]
    fn inputs_differ_and_come_again() {
        let all = || {
            let mutator = Mutator::new(vec![b"{\"a\": 1}".to_vec()], 16);
            let mut random = StdRng::seed_from_u64(1);
            let inputs: Vec<_> = (0..100).map(|_| mutator.input(&mut random)).collect();
            inputs
        };
        assert_eq!(all(), all());
        assert!(all().iter().all(|i| i.len() <= 16));
        assert!(all().iter().collect::<BTreeSet<_>>().len() > 50);
    }
}
