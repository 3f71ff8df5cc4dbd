//! Docstring arguments (Heimersheim and Janiak 2023): a Python function's
//! docstring names its arguments in the order of the definition.

use rand::Rng as _;

use super::{Example, Rng, Text, fill, hash_of, pick};

pub const ARGUMENTS: &[&str] = &[
    "load", "size", "file", "last", "files", "obj", "state", "shape", "port", "new", "name",
    "path", "key", "value", "data", "index", "type", "model", "user", "list", "item", "text",
    "line", "node", "time", "date", "length", "count", "source", "target", "table", "field",
    "color", "mode", "level", "label", "group", "option", "result", "message", "page", "filter",
    "format", "width", "height", "order", "parent", "child", "token", "client", "server", "test",
    "query", "config", "start", "end", "step", "range", "default", "buffer", "row", "column",
    "weight", "batch", "image", "input", "output", "string", "number", "array", "event", "error",
    "code", "content", "version", "host", "password", "address", "title", "body",
];

/// Words of the descriptions; none of them is an argument's name.
const NOUNS: &[&str] = &[
    "oil",
    "piece",
    "crime",
    "population",
    "unit",
    "dark",
    "water",
    "house",
    "music",
    "power",
    "market",
    "school",
    "paper",
    "river",
    "light",
    "story",
    "money",
    "sound",
    "world",
    "part",
    "place",
    "stone",
    "bread",
    "train",
    "garden",
    "winter",
    "letter",
    "window",
    "bridge",
    "metal",
];

const FUNCTIONS: &[&str] = &[
    "f", "run", "get", "set", "load", "port", "make", "call", "build", "read", "send", "find",
];
const HELD_OUT_FUNCTIONS: &[&str] = &["test", "filter", "count"];

/// First lines of docstrings.
pub const SUMMARIES: &[&str] = &[
    "[N] [M] [O]",
    "Set the [N] of the [M]",
    "Get the [N] from the [M]",
    "Make a [N]",
    "Find the [N] in the [M]",
    "Read the [N] and the [M]",
];
pub const HELD_OUT_SUMMARIES: &[&str] = &[
    "Find the [N] and the [M]",
    "Read the [N] from the [M]",
    "Make the [N] of the [M]",
    "[N] [M]",
];

const DESCRIPTIONS: &[&str] = &["[N] [M]", "the [N]", "the [N] of the [M]", "the [N] to use"];

/// Whether `b` right after `a` is kept out of the training texts.
pub fn held_out_pair(a: &str, b: &str) -> bool {
    hash_of(&[a, b]).is_multiple_of(8)
}

/// `n` different arguments; only the pair ending at `critical` is held out.
fn arguments(rng: &mut Rng, n: usize, critical: Option<usize>) -> Vec<&'static str> {
    let mut chosen = vec![pick(rng, ARGUMENTS)];
    while chosen.len() < n {
        let next = pick(rng, ARGUMENTS);
        let held_out = held_out_pair(chosen[chosen.len() - 1], next);
        if !chosen.contains(&next) && held_out == (critical == Some(chosen.len())) {
            chosen.push(next);
        }
    }
    chosen
}

fn nouns(rng: &mut Rng, template: &str) -> String {
    let (n, m, o) = (pick(rng, NOUNS), pick(rng, NOUNS), pick(rng, NOUNS));
    fill(template, &[("N", n), ("M", m), ("O", o)])
}

fn definition(function: &str, arguments: &[&str], summary: &str) -> Text {
    Text::default()
        .say(format!("def {function}(self"))
        .noise(
            arguments
                .iter()
                .map(|a| format!(", {a}"))
                .collect::<String>(),
        )
        .say("):\n    \"\"\"")
        .noise(summary)
        .say("\n")
}

/// Documents the first of the arguments, each on a line of its own.
fn lines(rng: &mut Rng, mut text: Text, documented: &[&str]) -> Text {
    for argument in documented {
        let description = pick(rng, DESCRIPTIONS);
        text = text
            .say("\n    :param")
            .answer(format!(" {argument}"), 3.0)
            .say(":")
            .noise(format!(" {}", nouns(rng, description)));
    }
    text
}

pub fn text(rng: &mut Rng) -> Text {
    let arguments_in_all = rng.random_range(3..=6);
    let arguments = arguments(rng, arguments_in_all, None);
    let summary = pick(rng, SUMMARIES);
    let summary = nouns(rng, summary);
    let text = definition(pick(rng, FUNCTIONS), &arguments, &summary);
    let documented = rng.random_range(3..=arguments.len().min(4));
    lines(rng, text, &arguments[..documented]).say("\n    \"\"\"")
}

/// Two arguments are documented and the third is wanted; every other argument
/// is wrong. The function, the summary, and the pair of the second and third
/// argument are new.
pub fn held_out(rng: &mut Rng) -> Example {
    let arguments_in_all = rng.random_range(4..=6);
    let arguments = arguments(rng, arguments_in_all, Some(2));
    let summary = pick(rng, HELD_OUT_SUMMARIES);
    let summary = nouns(rng, summary);
    let text = definition(pick(rng, HELD_OUT_FUNCTIONS), &arguments, &summary);
    let text = lines(rng, text, &arguments[..2]).say("\n    :param");
    let spaced = |argument: &&str| format!(" {argument}");
    Example {
        prompt: text.string(),
        answers: vec![spaced(&arguments[2])],
        wrong: arguments
            .iter()
            .filter(|a| **a != arguments[2])
            .map(spaced)
            .collect(),
    }
}
