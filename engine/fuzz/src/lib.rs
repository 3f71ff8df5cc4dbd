//! Every reader of what others wrote, on any bytes: links, experiments and what a class
//! hands in, the files of models, of directions and of dictionaries.
//!
//! A target takes bytes and panics where something is wrong: a reader that
//! panics, or one that took what it should not have. The same targets run on a
//! few thousand inputs with the project's tests, on any number by this crate's
//! command, and under libFuzzer by `make fuzz`. Their corpora, small inputs that
//! each take another way through the code, are in `corpus/`.

pub mod campaign;
mod directions;
mod experiments;
mod handed;
pub mod memory;
mod models;
pub mod mutate;
pub mod watch;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A reader, and what it may be given.
pub struct Target {
    /// Its corpus has the same name.
    pub name: &'static str,
    /// Whether the bytes were taken for what they should be.
    pub run: fn(&[u8]) -> bool,
    /// Bytes of an input at most.
    pub longest: usize,
}

const fn target_of(name: &'static str, longest: usize, run: fn(&[u8]) -> bool) -> Target {
    Target { name, run, longest }
}

/// Every target; some of them read as one reader, each with a corpus of its own.
pub const TARGETS: &[Target] = &[
    target_of("link", 4096, experiments::link),
    target_of("handed", 4096, handed::handed),
    target_of("experiment", 4096, experiments::experiment),
    target_of("header", 4096, models::header),
    target_of("config", 4096, models::config),
    target_of("index", 2048, models::index),
    target_of("tokenizer", 4096, models::tokenizer),
    target_of("vocabulary", 2048, models::vocabulary),
    target_of("tokenizer-settings", 2048, models::settings),
    target_of("vectors-json", 2048, directions::vectors),
    target_of("vectors-gguf", 2048, directions::vectors),
    target_of("vectors-safetensors", 2048, directions::safetensors),
    target_of("dictionary-config", 2048, directions::dictionary_config),
    target_of("dictionary-layout", 2048, directions::dictionary_layout),
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|t| t.name == name)
}

/// A path of this crate's folder.
fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where the target's corpus is.
fn folder(target: &Target) -> PathBuf {
    here("corpus").join(target.name)
}

/// The inputs of the target's corpus, always in the same order.
///
/// # Errors
/// Where the folder cannot be read.
pub fn corpus(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder(target))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(fs::read).collect()
}

/// What was read, if it was. What is said of it else shows nothing of the bytes that
/// is not seen, or that changes how the rest is seen.
fn read_or_told<T>(read: Result<T, impl Display>) -> Option<T> {
    const UNSEEN: &str = "\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{feff}";
    let seen = |c: char| {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !(c.is_control() || turns || UNSEEN.contains(c))
    };
    let told = match read {
        Ok(read) => return Some(read),
        Err(e) => e.to_string(),
    };
    assert!(told.chars().all(seen), "{told:?}");
    None
}

/// The bytes as a safetensors file with a length that fits, which chance would
/// seldom find: what follows the first eight bytes up to the last `}` is its header.
#[must_use]
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let rest = bytes.get(8..).unwrap_or_default();
    let header = rest.iter().rposition(|b| *b == b'}').map_or(0, |at| at + 1);
    let length = (header as u64).to_le_bytes();
    [&length, rest].concat()
}
