//! Experiments, as JSON and in links.

use crate::read_or_told;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use patchbay_engine::experiment::{Experiment, link};

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

/// Any bytes as the end of a link, and as what a link encodes.
pub fn link(bytes: &[u8]) -> bool {
    let whole = std::str::from_utf8(bytes).is_ok_and(opens);
    let inside = opens(&format!("#v1={}", URL_SAFE_NO_PAD.encode(bytes)));
    let text = std::str::from_utf8(bytes);
    let json = text.is_ok_and(|json| Experiment::from_json(json).is_ok());
    assert_eq!(inside, json, "a link is read as its JSON is");
    whole || inside
}

/// Whether it is a link; the link of what it holds then holds the same.
fn opens(fragment: &str) -> bool {
    let Some(Some(read)) = read_or_told(link::decode(fragment)) else {
        return false;
    };
    let again = link::decode(&link::encode(&read));
    assert_eq!(again.ok().flatten().as_ref(), Some(&read), "{fragment}");
    true
}
