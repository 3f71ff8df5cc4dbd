//! Who may know whom among the page's modules. Arrows point one way.
#![allow(clippy::panic)]

#[path = "../../tests/rust/modules.rs"]
mod read;

use read::{Modules, arrows, circle};
use std::path::Path;

/// What of `components` a part of it may know, besides itself. The rest of the page is
/// below them all, and knows none of them.
const FLOORS: [(&str, &[&str]); 17] = [
    (
        "app",
        &[
            "collect", "embedded", "header", "rooms", "share", "tour", "words", "shared",
        ],
    ),
    ("embedded", &["rooms", "shared"]),
    ("rooms", &["patching", "steering", "workshop", "shared"]),
    ("collect", &["models", "notice", "fields", "shared"]),
    ("workshop", &["fields", "shared"]),
    ("tour", &["shared"]),
    ("words", &["shared"]),
    ("header", &["models", "share", "fields", "shared"]),
    ("share", &["fields", "shared"]),
    (
        "patching",
        &[
            "examples", "notice", "models", "runs", "share", "fields", "shared",
        ],
    ),
    (
        "steering",
        &[
            "examples", "notice", "models", "runs", "share", "fields", "shared",
        ],
    ),
    ("examples", &["shared"]),
    ("runs", &["shared"]),
    ("notice", &["models", "fields", "shared"]),
    ("models", &["fields", "shared"]),
    ("fields", &["shared"]),
    ("shared", &[]),
];

fn modules() -> Modules {
    read::modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn no_modules_know_each_other_in_a_circle() {
    assert_eq!(circle(&arrows(&modules())), None);
}

#[test]
fn parts_of_the_page_know_only_those_below_them() {
    let all = modules();
    let part = |module: &str| {
        let inner = module.strip_prefix("components::")?;
        inner.split("::").next().map(str::to_owned)
    };
    for (module, known) in arrows(&all) {
        for other in known {
            match (part(&module), part(&other)) {
                (Some(own), Some(other)) if own != other => {
                    let floor = FLOORS.iter().find(|(name, _)| *name == own);
                    let (_, below) = floor.unwrap_or_else(|| panic!("{own} has no floor"));
                    assert!(below.contains(&other.as_str()), "{module} knows {other}");
                }
                // The root is known by `main`, by way of their folder.
                (None, Some(other)) => {
                    assert_eq!((module.as_str(), other.as_str()), ("components", "app"));
                }
                _ => assert!(
                    other != "components" || module.is_empty(),
                    "{module} knows the root"
                ),
            }
        }
    }
}
