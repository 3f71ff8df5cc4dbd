//! Workshops as this browser left them.

use crate::examples::complete;
use crate::workshop::Work;
use patchbay_engine::experiment::{Experiment, Workshop};
use web_sys::Storage;

/// Where the workshops that somebody began are kept, a line each, and how many of them.
const KEPT: &str = "patchbay.workshops";
const MOST_KEPT: usize = 12;

/// What a link puts on the page: its workshop, as this browser left it, and the experiment
/// with which that goes on; without one the link's own.
pub(super) fn opened_with(
    workshop: Option<Workshop>,
    first: Experiment,
) -> (Option<Work>, Experiment) {
    let first = complete(first);
    let Some(workshop) = workshop else {
        return (None, first);
    };
    let mut work = begun(workshop, first);
    let goes_on = complete(work.goes_on());
    (Some(work), goes_on)
}

fn begun(workshop: Workshop, first: Experiment) -> Work {
    let mut work = Work::new(workshop, first);
    let kept = storage().and_then(|s| s.get_item(KEPT).ok()?);
    let of = work.handed.of.clone();
    if let Some(line) = kept.as_deref().and_then(|k| line_of(k, &of)) {
        work.resume(line);
    }
    work
}

/// What was kept of one workshop.
fn line_of<'a>(kept: &'a str, of: &str) -> Option<&'a str> {
    let mut lines = kept.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(it, _)| *it == of).map(|(_, line)| line)
}

/// All that is kept, with this of one workshop in front.
fn with_line(kept: &str, of: &str, line: &str) -> String {
    let others = kept
        .lines()
        .filter(|line| line.split_once(' ').is_some_and(|(it, _)| it != of));
    let first = format!("{of} {line}");
    std::iter::once(first.as_str())
        .chain(others)
        .take(MOST_KEPT)
        .collect::<Vec<_>>()
        .join("\n")
}

fn storage() -> Option<Storage> {
    gloo::utils::window().local_storage().ok()?
}

/// Keeps a workshop as it is now. Where nothing can be kept, it lasts as long as the page.
pub(super) fn keep(of: &str, line: &str) {
    if let Some(storage) = storage() {
        let kept = storage.get_item(KEPT).ok().flatten().unwrap_or_default();
        let _ = storage.set_item(KEPT, &with_line(&kept, of, line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_workshops_are_kept_a_line_each() {
        let mut kept = String::new();
        for n in 0..20 {
            kept = with_line(&kept, &format!("w{n}"), &format!("0 handed1={n}"));
        }
        assert_eq!(kept.lines().count(), MOST_KEPT);
        assert_eq!(line_of(&kept, "w19"), Some("0 handed1=19"));
        assert_eq!(line_of(&kept, "w0"), None);
        let kept = with_line(&kept, "w15", "1 handed1=x");
        assert_eq!(line_of(&kept, "w15"), Some("1 handed1=x"));
        assert_eq!(kept.lines().count(), MOST_KEPT);
        assert_eq!(with_line("broken", "a", "b"), "a b");
    }
}
