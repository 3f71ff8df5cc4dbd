//! What each term means: a file beside the page, read when it is first wanted.

use crate::download::beside;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::json;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

/// What a term means, and who says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    pub says: String,
    pub source: Option<String>,
}

/// The meanings, by the terms' places in [`Term::ALL`].
#[derive(Clone, Copy)]
pub struct Meanings(RwSignal<Read>);

#[derive(Clone, Debug, PartialEq)]
enum Read {
    Unasked,
    Waiting,
    Failed,
    Done(Vec<Meaning>),
}

impl Meanings {
    pub fn new() -> Self {
        Self(RwSignal::new(Read::Unasked))
    }

    /// Reads the file, unless that was done; once more where it could not be had.
    pub fn want(self) {
        if matches!(*self.0.read_untracked(), Read::Waiting | Read::Done(_)) {
            return;
        }
        self.0.set(Read::Waiting);
        spawn_local(async move {
            let found = beside(text().words.file).await;
            let found = found.and_then(|text| json::value(&text).ok());
            self.0.set(match found {
                Some(found) => Read::Done(read(&found)),
                None => Read::Failed,
            });
        });
    }

    /// What a term means; until that is known, why it is not.
    pub fn of(self, term: Term) -> Meaning {
        let says = |says: &str| Meaning {
            says: says.into(),
            source: None,
        };
        self.0.with(|read| match read {
            Read::Unasked | Read::Waiting => says(text().words.waiting),
            Read::Failed => says(text().words.failed),
            Read::Done(all) => all.get(term as usize).cloned().unwrap_or_default(),
        })
    }

    pub fn are_there(self) -> bool {
        self.0.with(|read| matches!(read, Read::Done(_)))
    }

    pub fn failed(self) -> bool {
        self.0.with(|read| *read == Read::Failed)
    }
}

fn read(file: &Value) -> Vec<Meaning> {
    let one = |term: &Term| {
        let entry = &file[(text().words.name)(*term)];
        Meaning {
            says: entry["says"].as_str().unwrap_or_default().into(),
            source: entry["source"].as_str().map(Into::into),
        }
    };
    Term::ALL.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Words that an explanation has at most.
    const MOST: usize = 45;

    fn file() -> Value {
        let path = format!(
            "{}/../www/{}",
            env!("CARGO_MANIFEST_DIR"),
            text().words.file
        );
        json::value(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// How many sentences a text has.
    fn sentences(text: &str) -> usize {
        let text = text.replace("et al.", "et al");
        let ends = text
            .split_whitespace()
            .filter(|word| word.ends_with(['.', '?', '!']));
        ends.count()
    }

    #[test]
    fn every_term_has_a_name_of_its_own_and_two_sentences() {
        let found = read(&file());
        assert_eq!(found.len(), Term::ALL.len());
        let names: HashSet<_> = Term::ALL.iter().map(|t| (text().words.name)(*t)).collect();
        assert_eq!(names.len(), Term::ALL.len(), "two terms of one name");
        for (term, meaning) in Term::ALL.iter().zip(&found) {
            let words = meaning.says.split_whitespace().count();
            assert!((10..=MOST).contains(&words), "{term:?} has {words} words");
            assert_eq!(sentences(&meaning.says), 2, "{term:?}");
            assert_ne!(meaning.source.as_deref(), Some(""), "{term:?}");
        }
    }

    #[test]
    fn the_file_has_no_entry_that_no_term_asks_for() {
        let file = file();
        let names: HashSet<_> = Term::ALL.iter().map(|t| (text().words.name)(*t)).collect();
        for (name, entry) in file.as_object().unwrap() {
            assert!(names.contains(name.as_str()), "{name}");
            for key in entry.as_object().unwrap().keys() {
                assert!(["says", "source"].contains(&key.as_str()), "{name}: {key}");
            }
        }
    }

    #[test]
    fn terms_are_counted_as_they_are_listed() {
        for (i, term) in Term::ALL.iter().enumerate() {
            assert_eq!(*term as usize, i);
        }
    }
}
