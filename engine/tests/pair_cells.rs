//! What is told of the cells of a table of pairs: answers that lack the space in front, by
//! what the clean run expects; and no such remark where the answers are right.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    CellFault, Corruption, Experiment, Field, Noise, Pair, Prompt, Report, TokenRef, Tokens, Update,
};
use patchbay_engine::session::Session;
use std::path::Path;

const NAMES: [&str; 6] = ["Mary", "Alice", "Sarah", "Tom", "James", "Paul"];

fn pair(i: usize, space: &str) -> Pair {
    let (a, b) = (NAMES[i % 6], NAMES[(i / 6 + i + 1) % 6]);
    let text = |giver: &str| {
        Prompt::Text(format!(
            "When {a} and {b} went to the store, {giver} gave a bottle to"
        ))
    };
    Pair {
        clean: text(b),
        corrupted: text(a),
        answer: Some(format!("{space}{a}").as_str().into()),
        wrong: Some(format!("{space}{b}").as_str().into()),
    }
}

fn set(count: usize, space: &str) -> Experiment {
    let first = pair(0, space);
    let mut e = Experiment {
        clean: first.clean,
        corrupted: first.corrupted,
        pairs: (1..count).map(|i| pair(i, space)).collect(),
        ..Experiment::default()
    };
    e.metrics[0].answer = first.answer.unwrap();
    e.metrics[0].wrong = first.wrong;
    e
}

fn any(texts: &[&str]) -> Tokens {
    let token = |text: &&str| TokenRef::Text((*text).into());
    Tokens::Any(texts.iter().map(token).collect())
}

/// The two runs, without the sweeps.
fn runs(session: &mut Session<Cpu>, e: &Experiment) -> Report {
    pollster::block_on(session.run(e, true, &Listener::default())).unwrap()
}

/// Puts the spaces in, as the remarks say.
fn mended(e: &Experiment, report: &Report) -> Experiment {
    let mut e = e.clone();
    for cell in &report.reading.cells {
        assert_eq!(cell.fault, CellFault::NoSpace);
        let instead = cell.instead.clone().unwrap();
        let further = cell.pair.checked_sub(1).map(|i| &mut e.pairs[i]);
        match (cell.field, further) {
            (Field::Answer, None) => e.metrics[0].answer = instead,
            (Field::Wrong, None) => e.metrics[0].wrong = Some(instead),
            (Field::Answer, Some(pair)) => pair.answer = Some(instead),
            (Field::Wrong, Some(pair)) => pair.wrong = Some(instead),
            (field, _) => panic!("{field}"),
        }
    }
    e
}

#[test]
fn thirty_pairs_without_spaces_are_told_of_and_mended() {
    let mut session = session("mini", Cpu);
    let right = set(30, " ");
    let told = runs(&mut session, &right);
    assert_eq!(
        (&told.reading.cells, &told.reading.problems),
        (&vec![], &vec![])
    );
    let bare = set(30, "");
    let listener = Listener::default();
    let report = pollster::block_on(session.run(&bare, true, &listener)).unwrap();
    assert_eq!(report.reading.cells.len(), 60);
    assert_eq!(mended(&bare, &report), right);
    // They are other tokens, and other numbers.
    assert!(report.metrics[0].clean < told.metrics[0].clean - 1.0);
    // One remark for a field, not one for an answer.
    let of = |field: Field| {
        let problems = report.reading.problems.iter();
        let of: Vec<_> = problems.filter(|p| p.field == field && !p.fatal).collect();
        assert_eq!(of.len(), 1, "{of:?}");
        of[0].message.clone()
    };
    assert!(of(Field::Answer).contains("“ Mary” likelier"));
    assert!(of(Field::Wrong).contains("“ Alice” likelier"));
    assert!(of(Field::Pairs).starts_with("Answers of 29 further pairs"));
    // It is told before the end, too, for who watches.
    let updates = listener.0.into_inner();
    let mut reading = updates.iter().filter_map(|u| match u {
        Update::Reading(reading) => Some(reading.clone()),
        _ => None,
    });
    assert_eq!(reading.next_back().unwrap(), report.reading);
}

#[test]
fn pairs_whose_runs_are_not_kept_are_as_most_of_those_that_are() {
    let mut session = session("mini", Cpu);
    session.set_kept_bytes(1);
    assert_eq!(runs(&mut session, &set(5, "")).reading.cells.len(), 10);
    assert_eq!(runs(&mut session, &set(5, " ")).reading.cells, []);
}

#[test]
fn each_cell_is_told_of_by_its_fault() {
    let mut session = session("mini", Cpu);
    let mut e = set(4, " ");
    e.pairs[0].answer = Some("Zzyzx".into());
    e.pairs[1].clean =
        Prompt::Text("When Sarah and Tom went to the store, Tom gave a bottle to ".into());
    e.pairs[2].answer = Some(any(&["Tom", " James"]));
    let reading = runs(&mut session, &e).reading;
    let told: Vec<_> = reading
        .cells
        .iter()
        .map(|c| (c.pair, c.field, c.fault))
        .collect();
    assert!(
        told.contains(&(1, Field::Answer, CellFault::NotOneToken)),
        "{told:?}"
    );
    assert!(
        told.contains(&(2, Field::Clean, CellFault::EndsInSpace)),
        "{told:?}"
    );
    assert_eq!(reading.bad_pairs, [0, 1]);
    // Of a set only what lacks the space is written anew.
    let of_set = reading.cells.iter().find(|c| c.pair == 3).unwrap();
    let spaced = any(&[" Tom", " James"]);
    assert_eq!(of_set.instead.as_ref(), Some(&spaced));
}

#[test]
fn draws_of_noise_are_told_of_once() {
    let mut session = session("mini", Cpu);
    let e = Experiment {
        corruption: Corruption::Noise(Noise {
            positions: vec![2],
            sigma: 3.0,
            seed: 0,
            draws: 3,
        }),
        ..set(1, "")
    };
    assert_eq!(runs(&mut session, &e).reading.cells.len(), 2);
}

/// Digits go on where digits stand, and no example warns against itself.
#[test]
fn no_example_of_the_patching_room_is_remarked_on() {
    let mut session = session("mini", Cpu);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/experiments");
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let mut seen = 0;
    for entry in index["experiments"].as_array().unwrap() {
        if entry["room"] != "patching" {
            continue;
        }
        let file = entry["file"].as_str().unwrap();
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let e = Experiment::from_json(&text).unwrap();
        let reading = runs(&mut session, &e).reading;
        assert_eq!(
            (&reading.problems, &reading.cells),
            (&vec![], &vec![]),
            "{file}"
        );
        seen += 1;
    }
    assert!(seen > 3, "{seen} examples were read");
}
