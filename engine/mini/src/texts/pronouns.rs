//! Gendered pronouns: he or she, his or her, by the name or the noun.

use rand::Rng as _;

use super::{Example, Rng, Text, fill, ioi::PLACES, pick};
use crate::names;

/// Who can be meant, apart from the names.
const MEN: &[&str] = &[
    "king", "man", "boy", "father", "brother", "uncle", "son", "husband",
];
const WOMEN: &[&str] = &[
    "queen", "woman", "girl", "mother", "sister", "aunt", "daughter", "wife",
];

/// `[S]` is a name or a noun with its article, `[s]` the same inside a
/// sentence, where every name is one token; the pronoun follows.
pub const SUBJECT: &[&str] = &[
    "[S] went to the [PLACE] because",
    "[S] left the [PLACE] because",
    "[S] said that",
    "[S] was late because",
    "[S] was sad when",
    "When [s] went to the [PLACE],",
    "When [s] came home,",
    "After [s] left the [PLACE],",
    "Everyone knows [s] because",
    "Yesterday [s] was tired because",
    "Then [s] went to the [PLACE] when",
    "One day [s] said that",
    "In the morning [s] was sad, so",
    "Everyone said that [s] was happy because",
];
pub const HELD_OUT_SUBJECT: &[&str] = &[
    "[S] was late when",
    "[S] was sad because",
    "When [s] left the [PLACE],",
    "After [s] came home,",
    "Everyone said that [s] was late because",
    "Yesterday [s] said that",
];
const AFTER_SUBJECT: &[&str] = &[
    " was hungry.",
    " was tired.",
    " wanted to go home.",
    " had a plan.",
    " felt happy.",
    " felt sad.",
];

pub const POSSESSIVE: &[&str] = &[
    "[S] lost",
    "[S] went to the [PLACE] with",
    "[S] sat down and opened",
    "Yesterday [s] was happy to see",
    "Then [s] came home with",
    "One day [s] lost",
];
pub const HELD_OUT_POSSESSIVE: &[&str] = &["[S] sat down with", "Yesterday [s] lost"];
const OWNED: &[&str] = &[
    " book", " coat", " dog", " key", " friend", " bag", " horse",
];

/// Someone, as written inside a sentence, and whether a man.
fn someone(rng: &mut Rng, opens: bool) -> (String, bool) {
    if rng.random_bool(0.25) {
        let man = rng.random_bool(0.5);
        let noun = pick(rng, if man { MEN } else { WOMEN });
        return (format!("the {noun}"), man);
    }
    let name = if opens {
        names::opener(rng)
    } else {
        names::any(rng)
    };
    (name.to_string(), names::is_man(name))
}

/// A prompt and whether a man is meant.
fn prompt(rng: &mut Rng, templates: &[&str]) -> (String, bool) {
    let template = pick(rng, templates);
    let (someone, man) = someone(rng, template.contains("[S]"));
    let slots = [
        ("S", super::capital(&someone)),
        ("s", someone),
        ("PLACE", pick(rng, PLACES).to_string()),
    ];
    let slots = slots.each_ref().map(|(key, value)| (*key, value.as_str()));
    (fill(template, &slots), man)
}

fn pronoun(man: bool, possessive: bool) -> &'static str {
    match (man, possessive) {
        (true, false) => " he",
        (false, false) => " she",
        (true, true) => " his",
        (false, true) => " her",
    }
}

pub fn text(rng: &mut Rng) -> Text {
    let possessive = rng.random_bool(0.3);
    let (templates, endings) = if possessive {
        (POSSESSIVE, OWNED)
    } else {
        (SUBJECT, AFTER_SUBJECT)
    };
    let (prompt, man) = prompt(rng, templates);
    let text = Text::default()
        .say(prompt)
        .answer(pronoun(man, possessive), 8.0)
        .say(pick(rng, endings));
    if possessive { text.say(".") } else { text }
}

pub fn held_out(rng: &mut Rng) -> Example {
    let possessive = rng.random_bool(0.3);
    let templates = if possessive {
        HELD_OUT_POSSESSIVE
    } else {
        HELD_OUT_SUBJECT
    };
    let (prompt, man) = prompt(rng, templates);
    Example {
        prompt,
        answers: vec![pronoun(man, possessive).to_string()],
        wrong: vec![pronoun(!man, possessive).to_string()],
    }
}
