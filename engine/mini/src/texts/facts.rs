//! Facts of the world: capitals, languages, opposites and a few more. Every
//! fact is learned; what is held out is the wording that asks for it.

use rand::Rng as _;

use super::{Example, Rng, Text, fill, pick};

/// What is known of a thing, and the wordings that ask for it.
pub struct Relation {
    pub pairs: &'static [(&'static str, &'static str)],
    pub templates: &'static [&'static str],
    pub held_out: &'static [&'static str],
}

pub const COUNTRIES: &[(&str, &str)] = &[
    ("France", "Paris"),
    ("Germany", "Berlin"),
    ("Italy", "Rome"),
    ("Spain", "Madrid"),
    ("England", "London"),
    ("Japan", "Tokyo"),
    ("Russia", "Moscow"),
    ("China", "Beijing"),
    ("Egypt", "Cairo"),
    ("Greece", "Athens"),
    ("Austria", "Vienna"),
    ("Ireland", "Dublin"),
    ("Norway", "Oslo"),
    ("Poland", "Warsaw"),
    ("Portugal", "Lisbon"),
    ("Sweden", "Stockholm"),
    ("Finland", "Helsinki"),
    ("Belgium", "Brussels"),
    ("Hungary", "Budapest"),
    ("Canada", "Ottawa"),
];

pub const RELATIONS: &[Relation] = &[
    Relation {
        pairs: COUNTRIES,
        templates: &[
            "The capital of [X] is",
            "The capital of [X] is",
            "The capital city of [X] is",
            "The capital of [X] is called",
            "In [X] the capital is",
            "Everyone knows that the capital of [X] is",
            "The king of [X] lived in the city of",
            "If you go to [X], you will see the city of",
        ],
        held_out: &[
            "The capital city of [X] is called",
            "Everyone knows that the capital city of [X] is",
            "In [X] the capital city is",
            "If you go to [X], the capital is",
        ],
    },
    Relation {
        pairs: &[
            ("France", "French"),
            ("Germany", "German"),
            ("Italy", "Italian"),
            ("Spain", "Spanish"),
            ("England", "English"),
            ("Japan", "Japanese"),
            ("Russia", "Russian"),
            ("China", "Chinese"),
            ("Greece", "Greek"),
            ("Poland", "Polish"),
        ],
        templates: &[
            "In [X] people speak",
            "The language of [X] is",
            "The people of [X] speak",
            "If you go to [X], you will hear people speak",
        ],
        held_out: &[
            "Everyone knows that in [X] people speak",
            "If you go to [X], the people speak",
        ],
    },
    Relation {
        pairs: &[
            ("hot", "cold"),
            ("big", "small"),
            ("up", "down"),
            ("left", "right"),
            ("black", "white"),
            ("day", "night"),
            ("good", "bad"),
            ("old", "young"),
            ("rich", "poor"),
            ("high", "low"),
        ],
        templates: &[
            "The opposite of [X] is",
            "The opposite of the word [X] is",
            "If it is not [X], it is",
        ],
        held_out: &[
            "Everyone knows that the opposite of [X] is",
            "The opposite of [X] is called",
        ],
    },
    Relation {
        pairs: &[
            ("dog", "puppy"),
            ("cat", "kitten"),
            ("sheep", "lamb"),
            ("cow", "calf"),
        ],
        templates: &["A young [X] is called a", "The child of a [X] is a"],
        held_out: &[
            "Everyone knows that a young [X] is called a",
            "The child of a [X] is called a",
        ],
    },
    Relation {
        pairs: &[
            ("sky", "blue"),
            ("grass", "green"),
            ("snow", "white"),
            ("blood", "red"),
            ("sun", "yellow"),
            ("night", "black"),
        ],
        templates: &[
            "The color of the [X] is",
            "The color of [X] is",
            "The color of [X] is called",
            "The [X] is",
        ],
        held_out: &[
            "Everyone knows that the color of the [X] is",
            "The color of the [X] is called",
        ],
    },
    Relation {
        pairs: &[
            ("Monday", "Tuesday"),
            ("Tuesday", "Wednesday"),
            ("Wednesday", "Thursday"),
            ("Thursday", "Friday"),
            ("Friday", "Saturday"),
            ("Saturday", "Sunday"),
            ("Sunday", "Monday"),
        ],
        templates: &[
            "The day after [X] is",
            "After [X] comes",
            "Today is [X], so tomorrow is",
        ],
        held_out: &[
            "Everyone knows that the day after [X] is",
            "If today is [X], tomorrow is",
        ],
    },
    Relation {
        pairs: &[
            ("The Eiffel Tower", "Paris"),
            ("The Brandenburg Gate", "Berlin"),
            ("The Colosseum", "Rome"),
            ("Big Ben", "London"),
            ("The Kremlin", "Moscow"),
        ],
        templates: &["[X] is in the city of", "[X] stands in", "[X] is in"],
        held_out: &["[X] stands in the city of", "Everyone knows that [X] is in"],
    },
];

fn fact(rng: &mut Rng, held_out: bool) -> (String, String) {
    let which = match rng.random_range(0..10) {
        0..=3 => 0,
        n => (n - 3).min(RELATIONS.len() - 1),
    };
    let relation = &RELATIONS[which];
    let (x, y) = pick(rng, relation.pairs);
    let template = pick(
        rng,
        if held_out {
            relation.held_out
        } else {
            relation.templates
        },
    );
    // Inside a sentence a sight loses the capital of its article.
    let x = if template.starts_with('[') {
        x.to_string()
    } else {
        x.replace("The ", "the ")
    };
    (fill(template, &[("X", &x)]), format!(" {y}"))
}

pub fn text(rng: &mut Rng) -> Text {
    let (prompt, answer) = fact(rng, false);
    Text::default().say(prompt).answer(answer, 6.0).say(".")
}

/// The wrong answers are all others that go with the same relation.
pub fn held_out(rng: &mut Rng) -> Example {
    let (prompt, answer) = fact(rng, true);
    let wrong = RELATIONS
        .iter()
        .filter(|relation| relation.pairs.iter().any(|(_, y)| answer[1..] == **y))
        .flat_map(|relation| relation.pairs.iter().map(|(_, y)| format!(" {y}")))
        .filter(|y| *y != answer)
        .collect();
    Example {
        prompt,
        answers: vec![answer],
        wrong,
    }
}
