//! The experiment in the page's address. Its form is the engine's,
//! [`patchbay_engine::experiment::link`].

use crate::embed::is_embedded;
use crate::text::say;
use patchbay_engine::experiment::Experiment;
use patchbay_engine::experiment::link::{self, Link};
use patchbay_engine::source::Remote;
use wasm_bindgen::JsValue;

/// What the address says of a page that looks through what was handed in.
const COLLECT: &str = "?collect";

/// A link that could not be read, kept so that nothing is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenLink {
    /// The fragment as it came.
    pub text: String,
    pub message: String,
}

/// What the page's address says now.
///
/// # Errors
/// [`BrokenLink`] where it claims to be an experiment and is not.
pub fn read() -> Result<Option<Link>, BrokenLink> {
    let text = gloo::utils::window().location().hash().unwrap_or_default();
    link::open(&text).map_err(|error| BrokenLink {
        message: say(&error),
        text,
    })
}

/// The file that the page's address names, where its experiment is one on some server.
///
/// # Errors
/// [`BrokenLink`] where that is no address of a file.
pub fn behind() -> Result<Option<Remote>, BrokenLink> {
    let text = gloo::utils::window().location().hash().unwrap_or_default();
    let Some(address) = link::behind(&text) else {
        return Ok(None);
    };
    // Programs that make links like to escape what stands in them.
    let plain = match address.contains("://") {
        true => None,
        false => js_sys::decode_uri_component(address).ok(),
    };
    let plain = plain.map_or_else(|| address.to_owned(), String::from);
    Remote::parse(&plain).map(Some).map_err(|error| BrokenLink {
        message: say(&error),
        text,
    })
}

/// What the page notes at an entry of the browser's history: which experiment of
/// [`crate::history`] it is, and the entry's place among the page's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// When the page was opened; a reload goes on with the same visit.
    pub visit: u64,
    pub number: u32,
    pub place: i32,
}

impl Note {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let note = Self {
            visit: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            place: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(note)
    }
}

/// What is noted at the entry of the browser's history where it is now.
#[must_use]
pub fn note() -> Option<Note> {
    let state = gloo::utils::window().history().ok()?.state().ok()?;
    Note::read(&state.as_string()?)
}

/// Puts a link's end into the page's address, and the note beside it: as a new entry
/// of the browser's history, or in the place of the one where it is. Whether the
/// browser took it: a sandboxed frame and too many calls are refused.
/// An experiment that could not be read from there leaves the address as it was.
pub fn write(link: &Link, at: Note, new: bool) -> bool {
    let there = matches!(read(), Ok(Some(current)) if current == *link);
    if !new && there && note() == Some(at) {
        return true;
    }
    let end = (!there).then(|| opening(link)).flatten();
    let address = end.map(|end| format!("#{end}"));
    put(at, address.as_deref(), new)
}

/// Notes where the browser is, and leaves the address as it came.
pub fn mark(at: Note) -> bool {
    put(at, None, false)
}

fn put(at: Note, address: Option<&str>, new: bool) -> bool {
    let state = JsValue::from_str(&format!("{} {} {}", at.visit, at.number, at.place));
    let put = |history: web_sys::History| match new {
        true => history.push_state_with_url(&state, "", address),
        false => history.replace_state_with_url(&state, "", address),
    };
    gloo::utils::window().history().and_then(put).is_ok()
}

/// Where the page lies, with a slash at its end.
#[must_use]
pub fn home() -> String {
    let href = gloo::utils::window().location().href().unwrap_or_default();
    let page = href.split(['#', '?']).next().unwrap_or_default();
    let end = page.rfind('/').map_or(0, |at| at + 1);
    page[..end].to_owned()
}

/// Whether the page was opened to look through what was handed in.
#[must_use]
pub fn is_collecting() -> bool {
    let query = gloo::utils::window().location().search();
    query.is_ok_and(|query| query == COLLECT)
}

/// The whole address of the page that looks through what was handed in to a workshop.
#[must_use]
pub fn collecting(link: &str) -> String {
    format!("{}{COLLECT}#{link}", home())
}

/// The end of a link, where that opens again: what is too large for one does not.
#[must_use]
pub fn opening(link: &Link) -> Option<String> {
    let end = link::packed(link);
    (end.len() <= link::LONGEST && link::open(&end).is_ok()).then_some(end)
}

/// The whole address of the page with this experiment, for the clipboard.
#[must_use]
pub fn address(experiment: &Experiment) -> String {
    page(&link::encode(experiment))
}

/// The whole address of the page with this end of a link.
#[must_use]
pub fn page(link: &str) -> String {
    let href = gloo::utils::window().location().href().unwrap_or_default();
    // An embed's is that of its own page.
    let page = match is_embedded() {
        true => home(),
        false => href.split('#').next().unwrap_or_default().to_owned(),
    };
    format!("{page}#{link}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_another_page_is_none() {
        let note = Note {
            visit: 9,
            number: 3,
            place: -1,
        };
        assert_eq!(Note::read("9 3 -1"), Some(note));
        for text in ["", "9 3", "9 3 x", "9 -1 0", "9 3 1 2", "9 99999999999 0"] {
            assert_eq!(Note::read(text), None, "{text}");
        }
    }
}
