//! Experiments, as JSON and in links.

use crate::read_or_told;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use patchbay_engine::experiment::link::{self, Link};
use patchbay_engine::experiment::{Answer, Experiment, Handed, Picture};

/// Any bytes as an experiment's JSON: what can be read can be written, and is
/// then read as the same.
pub fn experiment(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Some(read) = read_or_told(Experiment::from_json(text)) else {
        return false;
    };
    let again = Experiment::from_json(&read.to_json());
    assert_eq!(again.ok().as_ref(), Some(&read), "{text}");
    // What is within its limits still is when what was named twice stands once.
    if let Ok((once, _)) = read.checked() {
        assert_eq!(read.check().map_err(|p| p.message), Ok(()), "{text}");
        let (same, told) = once.checked().unwrap_or_else(|p| beyond(&p.message));
        assert!(told.is_empty() && same == once, "{text}: {told:?}");
    }
    true
}

#[allow(clippy::panic)] // a fault that was found
fn beyond<T>(message: &str) -> T {
    panic!("it was within its limits, and is not any more: {message}")
}

/// Any bytes as the end of a link, as what a link encodes in either of its forms, and as
/// the JSON that one packs.
pub fn link(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    let whole = text.is_ok_and(opens);
    let body = URL_SAFE_NO_PAD.encode(bytes);
    let inside = opens(&format!("#v1={body}"));
    let json = text.is_ok_and(|json| Experiment::from_json(json).is_ok());
    assert_eq!(inside, json, "a link is read as its JSON is");
    let unpacked = opens(&format!("#v2={body}"));
    let held = text
        .ok()
        .and_then(|json| read_or_told(Link::from_json(json)));
    if let Some(held) = &held {
        assert!(opens(&link::packed(held)), "{held:?}");
    }
    whole || inside || unpacked || held.is_some()
}

/// Whether it is a link; the link of what it holds then holds the same.
fn opens(fragment: &str) -> bool {
    let Some(Some(read)) = read_or_told(link::open(fragment)) else {
        return false;
    };
    let again = link::open(&link::packed(&read));
    assert_eq!(again.ok().flatten().as_ref(), Some(&read), "{fragment}");
    // What is asked is answered, whatever the answer.
    if let Some(workshop) = &read.workshop {
        let nothing = workshop.steps.iter().map(|_| Answer::default()).collect();
        let _ = workshop.points(&Handed {
            answers: nothing,
            ..Handed::default()
        });
        let _ = workshop.opens(usize::MAX - 1, &read.experiment);
    }
    // What travels with it is drawn, and compared with what comes out.
    if let Some(digest) = &read.digest {
        let _ = digest.picture.as_ref().map(Picture::places);
        let _ = digest.compare("", digest.runs, |_, _| Some(0.0), &[]);
    }
    true
}
