//! Who may know whom in the engine: a floor knows those below it, no room knows
//! another, and above the model no files know each other in a circle.
//! `ARCHITECTURE.md` says what each floor is for.

use crate::read::{Modules, arrows, circle};
use std::path::Path;

/// The floors from the ground up. What stands on one line does not know its neighbours.
const FLOORS: [&[&str]; 13] = [
    &["text", "order"],
    &["json", "sentence"],
    &["experiment"],
    &["source", "rows"],
    &["dictionary", "protocol", "backend"],
    &["model", "numbers"],
    &["device", "host"],
    &["lab"],
    &["directions"],
    // The rooms.
    &["patching", "steering"],
    &["session"],
    &["worker"],
    // What starts it all.
    &["", "lib", "bin"],
];

/// Below these, files of one folder may know each other: `rows` and its plan do.
const ABOVE_THE_MODEL: [&str; 7] = [
    "host",
    "lab",
    "directions",
    "patching",
    "steering",
    "session",
    "numbers",
];

fn modules() -> Modules {
    crate::read::modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// The module at the top that another one is in.
fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

#[test]
fn a_floor_knows_only_what_is_below_it() {
    let floor = |module: &str| FLOORS.iter().position(|names| names.contains(&top(module)));
    let mut wrong = Vec::new();
    for (module, known) in arrows(&modules()) {
        let Some(own) = floor(&module) else {
            wrong.push(format!("{module} stands on no floor"));
            continue;
        };
        for other in known {
            // The root of the crate holds modules, and of a command its own parts.
            let apart = !other.is_empty() && top(&other) != top(&module);
            if apart && floor(&other).is_none_or(|floor| floor >= own) {
                wrong.push(format!("{module} knows {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn above_the_model_no_files_know_each_other_in_a_circle() {
    let mut arrows = arrows(&modules());
    arrows.retain(|module, _| ABOVE_THE_MODEL.contains(&top(module)));
    let there: Vec<String> = arrows.keys().cloned().collect();
    for (module, known) in &mut arrows {
        // A file's own folder is no other file: its `mod.rs` names what it is made of.
        let own = module
            .rsplit_once("::")
            .map(|(folder, _)| folder.to_owned());
        known.retain(|other| there.contains(other) && own.as_ref() != Some(other));
    }
    assert_eq!(circle(&arrows), None);
}

#[test]
fn nobody_imports_everything() {
    for (module, code) in &modules() {
        let globs = code.lines().filter(|line| {
            let line = line.trim_start();
            (line.starts_with("use ") || line.starts_with("pub use ")) && line.contains("::*")
        });
        // Only within a function, of an enum's own names.
        let globs: Vec<&str> = globs.filter(|l| !l.starts_with("    ")).collect();
        assert!(globs.is_empty(), "{module}: {globs:?}");
    }
}
