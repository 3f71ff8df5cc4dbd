//! Short statements of feeling, topic and manner, and of true and false: what
//! a steering direction can move. Sentences of one text keep its tone, and
//! every tone shares its openings with its opposite.

use rand::Rng as _;

use super::{Rng, Text, facts::COUNTRIES, fill, pick};

/// A tone: its sentences, and its words for each slot.
struct Tone {
    sentences: &'static [&'static str],
    slots: &'static [(&'static str, &'static [&'static str])],
}

const FEELING: &[&str] = &[
    "I [LOVE] you because you are [KIND].",
    "I [LOVE] you because you are so [KIND].",
    "I [LOVE] you because you [DO].",
    "I [LOVE] this [THING] because it is [GOOD].",
    "I think you are [KIND].",
    "I think that you are so [KIND].",
    "I feel [HAPPY] today.",
    "I am [HAPPY] because you [DO].",
    "The [THING] was [GOOD].",
    "The [THING] was so [GOOD] that I felt [HAPPY].",
    "What a [GOOD] day!",
    "[LOVE_] is [GOOD].",
    "My friend is [KIND] and I [LOVE] him.",
    "She [SMILED] because the [THING] was [GOOD].",
    "We had a [GOOD] time at the [THING].",
    "I want to say that I [LOVE] you.",
    "You are [KIND], and I [LOVE] you.",
];

const THINGS: &[&str] = &[
    "movie", "food", "party", "book", "song", "game", "house", "city", "show",
];

const TONES: [Tone; 2] = [
    Tone {
        sentences: FEELING,
        slots: &[
            ("LOVE", &["love"]),
            ("LOVE_", &["Love"]),
            (
                "KIND",
                &[
                    "kind",
                    "sweet",
                    "good",
                    "nice",
                    "gentle",
                    "wonderful",
                    "the best",
                ],
            ),
            (
                "DO",
                &[
                    "make me happy",
                    "always help me",
                    "are my best friend",
                    "make me smile",
                ],
            ),
            (
                "GOOD",
                &["great", "good", "wonderful", "beautiful", "nice", "lovely"],
            ),
            ("HAPPY", &["happy", "glad", "good", "wonderful"]),
            ("SMILED", &["smiled", "laughed"]),
            ("THING", THINGS),
        ],
    },
    Tone {
        sentences: FEELING,
        slots: &[
            ("LOVE", &["hate"]),
            ("LOVE_", &["Hate"]),
            (
                "KIND",
                &[
                    "cruel",
                    "mean",
                    "bad",
                    "rude",
                    "evil",
                    "terrible",
                    "the worst",
                ],
            ),
            (
                "DO",
                &[
                    "make me sad",
                    "always hurt me",
                    "are my worst enemy",
                    "make me cry",
                ],
            ),
            (
                "GOOD",
                &["awful", "bad", "terrible", "ugly", "boring", "horrible"],
            ),
            ("HAPPY", &["sad", "angry", "bad", "terrible"]),
            ("SMILED", &["cried", "shouted"]),
            ("THING", THINGS),
        ],
    },
];

const TOPIC: &[&str] = &[
    "I talk about [TOPICS] constantly.",
    "I talk about [TOPICS] all the time.",
    "I went up to my friend and said: \"Let us talk about [TOPICS].\"",
    "I went up to my friend and said that the [WORD] was [LIKE].",
    "Yesterday we talked about the [WORD] and the [WORD].",
    "My sister told me about the [WORD].",
    "The story is about a [WORD] and a [WORD].",
    "All day long they talk about [TOPICS].",
    "The [WORD] was [LIKE].",
    "We saw the [WORD] near the [WORD].",
    "[TOPICS_] are what I think about.",
];

const TOPICS: [Tone; 3] = [
    Tone {
        sentences: TOPIC,
        slots: &[
            ("TOPICS", &["weddings"]),
            ("TOPICS_", &["Weddings"]),
            (
                "WORD",
                &[
                    "wedding", "bride", "dress", "ring", "church", "cake", "kiss", "groom",
                ],
            ),
            ("LIKE", &["white", "lovely", "full of flowers"]),
        ],
    },
    Tone {
        sentences: TOPIC,
        slots: &[
            ("TOPICS", &["ships"]),
            ("TOPICS_", &["Ships"]),
            (
                "WORD",
                &[
                    "ship", "sea", "storm", "captain", "island", "wave", "sailor", "harbor",
                ],
            ),
            ("LIKE", &["deep", "wild", "full of water"]),
        ],
    },
    Tone {
        sentences: TOPIC,
        slots: &[
            ("TOPICS", &["sports"]),
            ("TOPICS_", &["Sports"]),
            (
                "WORD",
                &[
                    "game", "team", "ball", "goal", "player", "coach", "field", "match",
                ],
            ),
            ("LIKE", &["fast", "hard", "full of noise"]),
        ],
    },
];

const MANNERS: [Tone; 2] = [
    Tone {
        sentences: &[
            "Dear Sir, I am writing to ask about the [THING].",
            "I would be grateful if you could send me the [THING].",
            "I am writing because I would like to receive the [THING].",
            "Please accept my sincere thanks for the [THING].",
            "Could you kindly inform me of the [THING]?",
            "Thank you very much for the [THING].",
            "I look forward to your reply.",
        ],
        slots: &[("THING", &["report", "letter", "book", "contract"])],
    },
    Tone {
        sentences: &[
            "Hey dude, what is up with the [THING]?",
            "I am gonna grab the [THING], okay?",
            "I am writing because I wanna get the [THING], man.",
            "Please just toss me the [THING], buddy.",
            "Can you give me the [THING] or what?",
            "Thanks a lot for the [THING], dude.",
            "Yeah, that [THING] is so cool.",
            "See you later, man.",
        ],
        slots: &[("THING", &["report", "letter", "book", "stuff"])],
    },
];

/// One sentence of a tone, each slot filled anew.
fn sentence(rng: &mut Rng, tone: &Tone) -> String {
    let mut text = pick(rng, tone.sentences).to_string();
    for (key, words) in tone.slots {
        let slot = format!("[{key}]");
        while text.contains(&slot) {
            text = text.replacen(&slot, pick(rng, words), 1);
        }
    }
    text
}

/// A statement that is true or false with even chances, and then says which.
fn truth(rng: &mut Rng) -> Text {
    let (country, city) = pick(rng, COUNTRIES);
    let truth = rng.random_bool(0.5);
    let said = if truth {
        country
    } else {
        loop {
            let (other, _) = pick(rng, COUNTRIES);
            if other != country {
                break other;
            }
        }
    };
    let template = pick(rng, &["The city of [CITY] is in", "[CITY] is a city in"]);
    let text = Text::default()
        .say(fill(template, &[("CITY", city)]))
        .noise(format!(" {said}"))
        .say(pick(rng, &[". This is", ". That statement is"]));
    text.answer(if truth { " true" } else { " false" }, 8.0)
        .say(".")
}

/// A word to begin a text with, and what it leads to: `Love`, `Weddings`.
pub fn text(rng: &mut Rng) -> Text {
    let tone = match rng.random_range(0..10) {
        0..=4 => &TONES[rng.random_range(0..TONES.len())],
        5..=6 => &TOPICS[rng.random_range(0..TOPICS.len())],
        7 => &MANNERS[rng.random_range(0..MANNERS.len())],
        _ => return truth(rng),
    };
    let sentences: Vec<String> = (0..rng.random_range(1..=3))
        .map(|_| sentence(rng, tone))
        .collect();
    Text::default().answer(sentences.join(" "), 1.0)
}
