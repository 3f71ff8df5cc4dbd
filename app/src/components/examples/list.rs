//! The examples that lie beside the page: files, and a list that says what each shows.

use crate::download::beside;
use patchbay_engine::experiment::{Experiment, Room};
use patchbay_engine::json;
use serde_json::Value;

/// The folder beside the page, and its list.
const FOLDER: &str = "experiments";
const LIST: &str = "index.json";

/// How an example is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What it shows was seen: its list entry has the evidence.
    Shown,
    /// Settings to begin with, on a model that nobody measured them on.
    Start,
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub room: Room,
    pub kind: Kind,
    pub file: String,
    pub title: String,
    /// What to look at.
    pub about: String,
    /// What was measured; empty where nothing was.
    pub evidence: String,
    /// Whether it is of the model in its file alone, because it names layers or heads.
    pub of_its_model: bool,
}

/// What lies beside the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    pub entries: Vec<Entry>,
    /// What cannot be shown, and why.
    pub limits: Vec<String>,
}

/// Reads a list; what of it cannot be read is left out.
fn read(list: &Value) -> List {
    let said = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let one = |entry: &Value| Entry {
        room: match entry["room"] == "patching" {
            true => Room::Patching,
            false => Room::Steering,
        },
        kind: match entry["kind"] == "start" {
            true => Kind::Start,
            false => Kind::Shown,
        },
        file: said(entry, "file"),
        title: said(entry, "title"),
        about: said(entry, "about"),
        evidence: said(entry, "evidence"),
        of_its_model: entry["of_its_model"] == true,
    };
    let texts = |key: &str| list[key].as_array().into_iter().flatten();
    List {
        entries: texts("experiments").map(one).collect(),
        limits: texts("limits")
            .filter_map(|l| l.as_str().map(str::to_owned))
            .collect(),
    }
}

/// The list; `None` where it cannot be had.
pub async fn list() -> Option<List> {
    let text = beside(&format!("{FOLDER}/{LIST}")).await?;
    json::value(&text).ok().as_ref().map(read)
}

/// The experiment of an entry; `None` where it cannot be had.
pub async fn experiment(file: &str) -> Option<Experiment> {
    let text = beside(&format!("{FOLDER}/{file}")).await?;
    Experiment::from_json(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_beside_the_page_names_files_that_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/experiments");
        let text = |file: &str| std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let list = read(&json::value(&text(LIST)).unwrap());
        assert!(list.entries.len() >= 20 && !list.limits.is_empty());
        for entry in &list.entries {
            let found = Experiment::from_json(&text(&entry.file)).unwrap();
            assert_eq!(found.room, entry.room, "{}", entry.file);
            assert_eq!(found.check().err(), None, "{}", entry.file);
            assert!(
                !entry.title.is_empty() && !entry.about.is_empty(),
                "{}",
                entry.file
            );
            let start = entry.kind == Kind::Start;
            assert_eq!(entry.evidence.is_empty(), start, "{}", entry.file);
        }
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(files, list.entries.len() + 1, "one that is not in the list");
    }
}
