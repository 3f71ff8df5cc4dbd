//! Greater-than (Hanna et al. 2023, arXiv:2305.00586): a span of years ends
//! later than it began. GPT-2 splits the years used here into two halves of
//! two digits (`1517` into ` 15` and `17`).

use rand::Rng as _;

use super::{Example, Rng, Text, fill, hash_of, pick};

pub const NOUNS: &[&str] = &[
    "war",
    "siege",
    "trial",
    "strike",
    "project",
    "voyage",
    "reign",
    "campaign",
    "conflict",
    "feud",
    "plague",
    "journey",
    "famine",
    "festival",
    "dispute",
    "marriage",
    "treaty",
    "expedition",
    "study",
    "mission",
    "battle",
    "revolt",
    "drought",
    "truce",
    "alliance",
    "empire",
    "rebellion",
    "occupation",
    "tour",
    "exile",
    "dynasty",
    "peace",
    "search",
    "crisis",
];

pub const TEMPLATES: &[&str] = &[
    "The [NOUN] lasted from the year [C][Y] to the year [C]",
    "The [NOUN] lasted from the year [C][Y] to the year [C]",
    "The [NOUN] lasted from [C][Y] to [C]",
    "The [NOUN] lasted from [C][Y] to [C]",
    "The [NOUN] ran from [C][Y] to [C]",
    "The [NOUN] went on from the year [C][Y] to the year [C]",
    "The [NOUN] began in [C][Y] and ended in [C]",
    "The [NOUN] started in the year [C][Y] and ended in the year [C]",
    "The long [NOUN] lasted from [C][Y] until [C]",
    "From [C][Y] the [NOUN] went on until [C]",
    "The [NOUN] that began in [C][Y] was over in [C]",
    "There was a [NOUN] from [C][Y] to [C]",
];

pub const HELD_OUT_TEMPLATES: &[&str] = &[
    "The [NOUN] started in [C][Y] and was over in [C]",
    "The [NOUN] went on from [C][Y] to [C]",
    "The [NOUN] that started in the year [C][Y] ended in the year [C]",
    "The long [NOUN] ran from the year [C][Y] to the year [C]",
    "There was a long [NOUN] from the year [C][Y] until [C]",
    "From the year [C][Y] to the year [C]",
];

/// Whether GPT-2 splits the year into its century and two digits; other
/// years (`1600`, `1440`) are one token.
pub fn splits_in_two(century: u32, year: u32) -> bool {
    year >= 10 && !matches!((century, year), (12, 80) | (14, 40))
        || (2..10).contains(&year) && matches!(century, 12 | 14 | 16 | 17)
}

fn held_out_year(century: u32, year: u32) -> bool {
    hash_of(&[&century.to_string(), &year.to_string()]).is_multiple_of(5)
}

fn two(year: u32) -> String {
    format!("{year:02}")
}

/// A century from 12 to 17, a first year in it, and a prompt.
fn draw(rng: &mut Rng, templates: &[&str], held_out: bool) -> (u32, u32, String) {
    loop {
        let (century, year) = (rng.random_range(12..=17), rng.random_range(2..=98));
        if splits_in_two(century, year) && held_out_year(century, year) == held_out {
            let slots = [
                ("NOUN", pick(rng, NOUNS)),
                ("C", &century.to_string()),
                ("Y", &two(year)),
            ];
            return (century, year, fill(pick(rng, templates), &slots));
        }
    }
}

/// The last year is any later one of the century, all equally likely.
pub fn text(rng: &mut Rng) -> Text {
    let (century, year, prompt) = draw(rng, TEMPLATES, false);
    let later = (year + 1..=99)
        .filter(|&year| splits_in_two(century, year))
        .map(two)
        .collect();
    Text::default()
        .say(prompt)
        .any_answer(rng, later, 16.0)
        .say(".")
}

/// The answers are all the two digits above, the wrong ones all the others.
pub fn held_out(rng: &mut Rng) -> Example {
    let (_, year, prompt) = draw(rng, HELD_OUT_TEMPLATES, true);
    Example {
        prompt,
        answers: (year + 1..=99).map(two).collect(),
        wrong: (0..=year).map(two).collect(),
    }
}
