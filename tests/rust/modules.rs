//! Who knows whom among the modules of a crate: read from their `use` lines, and from
//! the paths that stand elsewhere. Included by the tests that hold the walls.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules by their paths, each with its code.
pub type Modules = BTreeMap<String, String>;

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, into),
            false => into.push(path),
        }
    }
}

/// `components::fields::number` for `components/fields/number.rs`; nothing for the root.
fn name(path: &Path) -> String {
    let path = path.with_extension("");
    let parts = path.iter().map(|part| part.to_str().unwrap());
    let parts: Vec<&str> = parts.filter(|p| !["mod", "main"].contains(p)).collect();
    parts.join("::")
}

/// The code without comments and without tests, which stand at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|l| l.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Those below a folder of sources.
pub fn modules(root: &Path) -> Modules {
    let mut files = Vec::new();
    sources(root, &mut files);
    let files = files.iter().filter(|f| !f.ends_with("tests.rs"));
    files
        .map(|file| {
            let name = name(file.strip_prefix(root).unwrap());
            (name, code(&fs::read_to_string(file).unwrap()))
        })
        .collect()
}

/// The paths that begin at the start of a text: one, or those of a group in braces.
fn paths(text: &str) -> Vec<String> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let (mut depth, mut from, mut all) = (0, 0, Vec::new());
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    all.extend(paths(&group[from..i]));
                    from = i + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return all;
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (first, rest) = text.split_at(end.unwrap_or(text.len()));
    if first.is_empty() {
        return Vec::new();
    }
    match rest.strip_prefix("::") {
        Some(rest) => {
            let inner = paths(rest);
            let inner = inner.iter().map(|path| format!("{first}::{path}"));
            let all: Vec<String> = inner.collect();
            if all.is_empty() {
                vec![first.into()]
            } else {
                all
            }
        }
        None => vec![first.into()],
    }
}

/// The modules that a module names, in `use` lines and elsewhere.
fn known(module: &str, all: &Modules) -> BTreeSet<String> {
    let code = &all[module];
    let mut found = BTreeSet::new();
    let starts = ["crate::", "super::", "use "]
        .iter()
        .flat_map(|word| code.match_indices(word));
    for (at, word) in starts {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let from = if word == "use " { at + word.len() } else { at };
        for path in paths(&code[from..]) {
            found.extend(resolved(module, &path, all));
        }
    }
    found.remove(module);
    found
}

/// The module that a path leads to, if it is one of the page's.
fn resolved(module: &str, path: &str, all: &Modules) -> Option<String> {
    let mut steps = path.split("::").peekable();
    let mut at: Vec<&str> = module.split("::").filter(|s| !s.is_empty()).collect();
    match steps.peek() {
        Some(&"crate") => {
            at.clear();
            steps.next();
        }
        Some(&"super") => {
            while steps.next_if_eq(&"super").is_some() {
                at.pop();
            }
        }
        // A module of this one's own, or another crate.
        Some(first) => {
            let own = [at.clone(), vec![first]].concat().join("::");
            if !all.contains_key(&own) {
                return None;
            }
        }
        None => return None,
    }
    for step in steps {
        let deeper = [at.clone(), vec![step]].concat();
        if !all.contains_key(&deeper.join("::")) {
            break;
        }
        at = deeper;
    }
    Some(at.join("::"))
}

pub fn arrows(all: &Modules) -> BTreeMap<String, BTreeSet<String>> {
    all.keys().map(|m| (m.clone(), known(m, all))).collect()
}

/// A circle of modules, if there is one.
pub fn circle(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        arrows: &BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        if way.iter().any(|m| m == at) {
            way.push(at.into());
            return true;
        }
        if done.contains(at) {
            return false;
        }
        way.push(at.into());
        if arrows[at].iter().any(|to| walk(to, arrows, way, done)) {
            return true;
        }
        way.pop();
        done.insert(at.into());
        false
    }
    let (mut way, mut done) = (Vec::new(), BTreeSet::new());
    let found = arrows.keys().any(|m| walk(m, arrows, &mut way, &mut done));
    found.then_some(way)
}

#[test]
fn what_is_read_is_what_is_there() {
    let all: Modules = [
        ("", "mod a; mod b;"),
        ("a", "use crate::{b::{self, c::D}, e};\npub use x::Y;"),
        ("a::x", "fn f() { super::super::b::g() }"),
        ("b", "use std::fmt;"),
        ("b::c", "use super::super::a::Z; // crate::e"),
        ("e", ""),
    ]
    .map(|(name, text)| (name.to_owned(), code(text)))
    .into();
    let known = |m: &str| known(m, &all).into_iter().collect::<Vec<_>>();
    assert_eq!(known("a"), ["a::x", "b", "b::c", "e"]);
    assert_eq!(known("a::x"), ["b"]);
    assert_eq!(known("b"), [""; 0]);
    assert_eq!(known("b::c"), ["a"]);
    let way = circle(&arrows(&all)).unwrap();
    assert_eq!(way.first(), way.last());
    assert_eq!(way.len(), 3);
}
