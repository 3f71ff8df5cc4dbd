//! What the card asks was never trained on.

use std::collections::HashSet;

use rand::SeedableRng as _;

use crate::card::{examples, measures};
use crate::names;
use crate::texts::{Family, Rng, docstring, facts, greater_than, induction, ioi, pronouns};

const TEXTS: usize = 20_000;

/// Texts of the stream that training draws from, and of another seed.
fn trained(family: Family) -> Vec<String> {
    let mut rng = Rng::seed_from_u64(1);
    (0..TEXTS).map(|_| family.text(&mut rng).string()).collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split([' ', '\n'])
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether the template is anywhere in the text; a `[SLOT]` is any one word,
/// or, where the slot has letters around it, any word of the same frame.
fn occurs(template: &str, text: &str) -> bool {
    let template = words(template);
    let fits = |word: &&str, slot: &&str| match (slot.find('['), slot.rfind(']')) {
        (Some(open), Some(close)) => {
            word.starts_with(&slot[..open]) && word.ends_with(&slot[close + 1..])
        }
        _ => word.trim_end_matches(['.', ',']) == slot.trim_end_matches(['.', ',']),
    };
    words(text).windows(template.len()).any(|window| {
        window
            .iter()
            .zip(&template)
            .all(|(word, slot)| fits(word, slot))
    })
}

fn assert_absent(templates: &[&str], texts: &[String]) {
    for template in templates {
        let found = texts.iter().find(|text| occurs(template, text));
        assert!(found.is_none(), "{template:?} is in {found:?}");
    }
}

#[test]
fn a_template_is_found_where_it_is() {
    assert!(occurs(
        "[S] sold the [OBJECT] to",
        "Then, Ann sold the hat to Bob."
    ));
    assert!(!occurs(
        "[S] sold the [OBJECT] to",
        "Then, Ann sold a hat to Bob."
    ));
    assert!(occurs("from [C][Y] to [C]", "It ran from 1517 to 1520."));
    let training = trained(Family::Ioi);
    assert!(training.iter().any(|text| occurs(ioi::OPENINGS[0], text)));
    assert!(training.iter().any(|text| occurs(ioi::GIVINGS[0], text)));
}

#[test]
fn no_held_out_template_is_trained_on() {
    let texts = trained(Family::Ioi);
    assert_absent(ioi::HELD_OUT_OPENINGS, &texts);
    assert_absent(ioi::HELD_OUT_GIVINGS, &texts);
    assert_absent(pronouns::HELD_OUT_SUBJECT, &trained(Family::Pronouns));
    assert_absent(pronouns::HELD_OUT_POSSESSIVE, &trained(Family::Pronouns));
    let texts = trained(Family::Facts);
    for relation in facts::RELATIONS {
        assert_absent(relation.held_out, &texts);
    }
    let texts = trained(Family::GreaterThan);
    // The last one is a part of others; its prompt is only new as a beginning.
    let (bare, whole) = greater_than::HELD_OUT_TEMPLATES.split_last().unwrap();
    assert_absent(whole, &texts);
    let beginning = bare.split('[').next().unwrap();
    assert!(!texts.iter().any(|text| text.starts_with(beginning)));
    let overlap = |a: &[&str], b: &[&str]| a.iter().any(|template| b.contains(template));
    assert!(!overlap(
        docstring::SUMMARIES,
        docstring::HELD_OUT_SUMMARIES
    ));
}

#[test]
fn no_held_out_pair_of_names_meets_in_training() {
    for text in trained(Family::Ioi) {
        let people: HashSet<&str> = words(&text)
            .into_iter()
            .map(|word| word.trim_end_matches([',', '.']))
            .filter(|word| names::MEN.contains(word) || names::WOMEN.contains(word))
            .collect();
        assert!((2..=3).contains(&people.len()), "{text}");
        for a in &people {
            for b in people.iter().filter(|b| *b != a) {
                assert!(!names::held_out_pair(a, b), "{a} and {b}: {text}");
            }
        }
    }
}

#[test]
fn no_held_out_pair_of_words_or_arguments_is_trained_on() {
    for text in trained(Family::Induction) {
        let text = text.replace(',', "");
        for pair in words(&text).windows(2) {
            if induction::WORDS.contains(&pair[0]) && induction::WORDS.contains(&pair[1]) {
                assert!(
                    !induction::held_out_pair(pair[0], pair[1]),
                    "{pair:?}: {text}"
                );
            }
        }
    }
    for text in trained(Family::Docstring) {
        let arguments = text
            .split_once("(self, ")
            .unwrap()
            .1
            .split_once("):")
            .unwrap()
            .0;
        for pair in arguments.split(", ").collect::<Vec<_>>().windows(2) {
            assert!(
                !docstring::held_out_pair(pair[0], pair[1]),
                "{pair:?}: {text}"
            );
        }
    }
}

#[test]
fn no_held_out_year_begins_a_span_in_training() {
    let year = |text: &str| {
        let digits = text.find(|c: char| c.is_ascii_digit()).unwrap();
        text[digits..digits + 4].to_string()
    };
    let trained: HashSet<String> = trained(Family::GreaterThan)
        .iter()
        .map(|t| year(t))
        .collect();
    for example in held_out(Family::GreaterThan) {
        assert!(!trained.contains(&year(&example)), "{example}");
    }
}

fn held_out(family: Family) -> Vec<String> {
    let measures = measures()
        .into_iter()
        .filter(|measure| measure.family == family);
    measures
        .flat_map(|measure| examples(&measure))
        .map(|example| example.prompt)
        .collect()
}

#[test]
fn no_held_out_prompt_begins_a_training_text() {
    for family in Family::ALL {
        let texts = trained(family);
        for prompt in held_out(family) {
            assert!(
                !texts.iter().any(|text| text.starts_with(&prompt)),
                "{prompt}"
            );
        }
    }
}

#[test]
fn every_held_out_word_is_known_from_training() {
    let trained: HashSet<String> = Family::ALL
        .into_iter()
        .flat_map(trained)
        .flat_map(|text| parts(&text).collect::<Vec<_>>())
        .collect();
    let new: HashSet<String> = Family::ALL
        .into_iter()
        .flat_map(held_out)
        .flat_map(|prompt| parts(&prompt).collect::<Vec<_>>())
        .filter(|part| !trained.contains(part) && !part.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(new.is_empty(), "{new:?}");
}

fn parts(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .map(str::to_lowercase)
}

#[test]
fn examples_are_the_same_each_time_and_have_answers() {
    for measure in measures() {
        let examples = examples(&measure);
        assert_eq!(examples, super::held_out::examples(&measure));
        for example in examples {
            assert!(
                !example.answers.is_empty() && !example.wrong.is_empty(),
                "{example:?}"
            );
            assert!(
                !example
                    .answers
                    .iter()
                    .any(|answer| example.wrong.contains(answer))
            );
            assert!(!example.prompt.ends_with(' '), "{example:?}");
        }
    }
}

#[test]
fn both_orders_and_three_names_are_trained_on() {
    let (mut first, mut second, mut third) = (0, 0, 0);
    for text in trained(Family::Ioi) {
        let people: Vec<&str> = words(&text)
            .into_iter()
            .map(|word| word.trim_end_matches([',', '.']))
            .filter(|word| names::MEN.contains(word) || names::WOMEN.contains(word))
            .collect();
        match people[..] {
            [a, _, giver, _] if giver == a => first += 1,
            [_, b, giver, _] if giver == b => second += 1,
            [..] => third += 1,
        }
    }
    for (share, expected) in [(first, 0.375), (second, 0.375), (third, 0.25)] {
        assert!(
            (f64::from(share) / TEXTS as f64 - expected).abs() < 0.02,
            "{share}"
        );
    }
}
