//! The texts that decide which of GPT-2's pieces are kept.

use rand::SeedableRng as _;

use crate::names;
use crate::texts::{Family, Rng, docstring, greater_than, induction, ioi};

const SEED: u64 = 1;
/// Texts of each family, many times what brings in every word.
const EACH: usize = 8_000;

/// What a reader is likely to type besides what the model was trained on.
const TYPED: &[&str] = &[
    "When John and Mary went to the store, John gave a bottle to",
    "When Bob and Mary went to the store, John gave a bottle to",
    "When John and Mary went to the shops, Mary gave the bag to",
    "The Eiffel Tower is in the city of Rome. The Colosseum is in the city of Paris.",
    "I hate you because I love you because I went up to my friend and said",
    "I talk about weddings constantly. I do not talk about weddings constantly.",
    " Love Hate Weddings Anger Calm Happy Sad True False",
];

/// Texts of every family, the held-out prompts, and each listed word, both
/// after a space and at the start of a text.
pub fn texts() -> Vec<String> {
    let mut rng = Rng::seed_from_u64(SEED);
    let mut texts: Vec<String> = TYPED.iter().map(|text| text.to_string()).collect();
    for family in Family::ALL {
        texts.extend((0..EACH).map(|_| family.text(&mut rng).string()));
        for example in family.held_out(&mut rng, EACH / 10) {
            texts.extend(example.answers.into_iter().chain(example.wrong));
            texts.push(example.prompt);
        }
    }
    let lists = [
        names::MEN,
        names::WOMEN,
        ioi::PLACES,
        ioi::OBJECTS,
        greater_than::NOUNS,
        docstring::ARGUMENTS,
        induction::WORDS,
    ];
    for word in lists.concat() {
        texts.extend([format!(" {word}"), word.to_string()]);
    }
    texts.extend((0..100).map(|n| format!("{n:02}")));
    texts.extend((0..100).map(|n| format!(" {n}")));
    texts
}
