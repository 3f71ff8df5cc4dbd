//! Indirect objects (Wang et al. 2022, arXiv:2211.00593): two people, one of
//! them gives something, and it goes to the other. With a third giver either
//! of the first two may receive.

use rand::Rng as _;

use super::{Example, Rng, Text, fill, pick};
use crate::names;

pub const PLACES: &[&str] = &[
    "store",
    "shops",
    "park",
    "school",
    "garden",
    "restaurant",
    "office",
    "hospital",
    "station",
    "market",
    "library",
    "museum",
    "beach",
    "church",
    "kitchen",
    "river",
    "village",
    "bank",
    "hotel",
    "cafe",
    "theater",
    "gym",
    "zoo",
    "farm",
    "city",
    "house",
    "lake",
    "forest",
    "bakery",
    "harbor",
    "castle",
    "shop",
    "club",
    "stadium",
];

pub const OBJECTS: &[&str] = &[
    "bottle",
    "ring",
    "kiss",
    "bone",
    "basketball",
    "computer",
    "necklace",
    "drink",
    "snack",
    "bag",
    "book",
    "ball",
    "letter",
    "pen",
    "box",
    "cup",
    "coat",
    "hat",
    "key",
    "map",
    "gift",
    "card",
    "flower",
    "cake",
    "phone",
    "watch",
    "knife",
    "ticket",
    "picture",
    "sandwich",
    "lamp",
    "rope",
    "coin",
    "basket",
    "guitar",
    "camera",
    "pencil",
    "blanket",
    "toy",
    "candle",
    "bike",
];

const DAYS: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// How a training text brings in two people.
pub const OPENINGS: &[&str] = &[
    "When [A] and [B] went to the [PLACE], ",
    "When [A] and [B] went to the [PLACE], ",
    "When [A] and [B] went to the [PLACE], ",
    "After [A] and [B] went to the [PLACE], ",
    "When [A] and [B] got to the [PLACE], ",
    "While [A] and [B] were at the [PLACE], ",
    "While [A] and [B] were working at the [PLACE], ",
    "Then, [A] and [B] went to the [PLACE]. ",
    "Then, [A] and [B] had a lot of fun at the [PLACE]. ",
    "Afterwards, [A] and [B] went to the [PLACE]. ",
    "After lunch, [A] and [B] walked to the [PLACE]. ",
    "Last week [A] and [B] met at the [PLACE]. ",
    "Yesterday [A] and [B] drove to the [PLACE], and ",
    "The friends [A] and [B] found a [OBJECT] at the [PLACE]. ",
    "One day [A] and [B] were walking in the [PLACE], and ",
    "As [A] and [B] left the [PLACE], ",
    "Before [A] and [B] left the [PLACE], ",
    "Once [A] and [B] came to the [PLACE], ",
    "In the morning [A] and [B] went to the [PLACE]. ",
    "In the evening [A] and [B] were at the [PLACE], and ",
    "On [DAY] [A] and [B] came to the [PLACE]. ",
    "The [PLACE] was quiet when [A] and [B] came in. ",
    "Because [A] and [B] were friends, ",
    "At the [PLACE], [A] met [B]. ",
    "When [A] saw [B] at the [PLACE], ",
    "After [A] talked with [B] at the [PLACE], ",
    "Then, [A] had a long talk with [B]. Afterwards ",
    "As soon as [A] and [B] came back from the [PLACE], ",
    "Today [A] and [B] are at the [PLACE]. ",
    "When [A] and [B] got a [OBJECT] at the [PLACE], ",
];

pub const HELD_OUT_OPENINGS: &[&str] = &[
    "While [A] and [B] were walking to the [PLACE], ",
    "Then, [A] and [B] were working at the [PLACE]. ",
    "As soon as [A] and [B] got to the [PLACE], ",
    "After [A] and [B] came back from the [PLACE], ",
    "On [DAY] [A] and [B] met at the [PLACE], and ",
    "In the evening [A] saw [B] at the [PLACE]. ",
    "One day [A] and [B] went to the [PLACE]. ",
    "Afterwards, [A] and [B] had a lot of fun in the [PLACE], and ",
];

/// How a training text gives; `[S]` gives.
pub const GIVINGS: &[&str] = &[
    "[S] gave a [OBJECT] to",
    "[S] gave a [OBJECT] to",
    "[S] gave the [OBJECT] to",
    "[S] handed a [OBJECT] to",
    "[S] handed the [OBJECT] to",
    "[S] passed the [OBJECT] to",
    "[S] wanted to pass the [OBJECT] to",
    "[S] offered a [OBJECT] to",
    "[S] wanted to give a [OBJECT] to",
    "[S] decided to give the [OBJECT] to",
    "[S] decided to give it to",
    "[S] sold a [OBJECT] to",
    "[S] sent the [OBJECT] to",
    "[S] showed the [OBJECT] to",
    "[S] said hello to",
    "[S] told a story to",
    "[S] brought a [OBJECT] to",
    "[S] threw the [OBJECT] to",
    "[S] lent a [OBJECT] to",
    "[S] found the [OBJECT] and handed it to",
    "[S] took a [OBJECT] and gave it to",
];

pub const HELD_OUT_GIVINGS: &[&str] = &[
    "[S] wanted to hand the [OBJECT] to",
    "[S] decided to pass a [OBJECT] to",
    "[S] brought the [OBJECT] and showed it to",
    "[S] sold the [OBJECT] to",
    "[S] took the [OBJECT] and threw it to",
    "[S] offered the [OBJECT] to",
    "[S] said a lot to",
];

const ENDINGS: &[&str] = &[
    ".",
    ".",
    ".",
    " and went home.",
    " with a smile.",
    " and said thank you.",
    " and left the [PLACE].",
    ", who was very happy.",
];

/// Fills the two halves of a template with the same place and things.
fn prompt(rng: &mut Rng, template: &str, people: [&str; 3]) -> String {
    let [a, b, giver] = people;
    fill(
        template,
        &[
            ("A", a),
            ("B", b),
            ("S", giver),
            ("PLACE", pick(rng, PLACES)),
            ("OBJECT", pick(rng, OBJECTS)),
            ("DAY", pick(rng, DAYS)),
        ],
    )
}

/// A quarter of the texts have a third giver; the rest are half ABBA, half BABA.
pub fn text(rng: &mut Rng) -> Text {
    let template = format!("{}{}", pick(rng, OPENINGS), pick(rng, GIVINGS));
    let (a, b, third) = names::three(rng, false);
    let (giver, receivers) = match rng.random_range(0..8) {
        0..=1 => (third, vec![format!(" {a}"), format!(" {b}")]),
        2..=4 => (a, vec![format!(" {b}")]),
        _ => (b, vec![format!(" {a}")]),
    };
    let ending = fill(pick(rng, ENDINGS), &[("PLACE", pick(rng, PLACES))]);
    let prompt = prompt(rng, &template, [a, b, giver]);
    Text::default()
        .say(prompt)
        .any_answer(rng, receivers, 16.0)
        .say(ending)
}

/// A template whose halves are both new, a pair of names that is new.
fn held_out_template(rng: &mut Rng) -> String {
    format!(
        "{}{}",
        pick(rng, HELD_OUT_OPENINGS),
        pick(rng, HELD_OUT_GIVINGS)
    )
}

pub fn held_out(rng: &mut Rng) -> Example {
    let (a, b) = names::pair(rng, true);
    let (giver, receiver) = if rng.random_bool(0.5) { (a, b) } else { (b, a) };
    let template = held_out_template(rng);
    Example {
        prompt: prompt(rng, &template, [a, b, giver]),
        answers: vec![format!(" {receiver}")],
        wrong: vec![format!(" {giver}")],
    }
}

/// A third giver: the answers are both others, the wrong one is the giver.
pub fn held_out_three(rng: &mut Rng) -> Example {
    let (a, b, giver) = names::three(rng, true);
    let template = held_out_template(rng);
    Example {
        prompt: prompt(rng, &template, [a, b, giver]),
        answers: vec![format!(" {a}"), format!(" {b}")],
        wrong: vec![format!(" {giver}")],
    }
}
