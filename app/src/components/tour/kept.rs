//! The step that a person is at, kept over a reload and for nobody else: with the
//! address, in this tab alone. A link opened in the same tab has another address.

use super::step::Step;
use crate::link;
use gloo::events::EventListener;
use leptos::prelude::*;
use web_sys::Storage;

const KEY: &str = "patchbay.tour";

/// A browser may refuse to keep anything.
fn storage() -> Option<Storage> {
    window().session_storage().ok()?
}

fn address() -> String {
    window().location().href().unwrap_or_default()
}

/// Whether the page was opened without an experiment in its address.
pub fn nothing_was_opened() -> bool {
    matches!(link::read(), Ok(None))
}

/// The step at which this page was left last.
pub fn step() -> Option<Step> {
    let kept = storage()?.get_item(KEY).ok()??;
    read(&kept, &address())
}

/// Keeps the step that is told whenever the page is left.
pub fn keep(step: impl Fn() -> Option<Step> + 'static) {
    let leave = move |_: &web_sys::Event| {
        if let Some(storage) = storage() {
            let _ = match step() {
                Some(step) => storage.set_item(KEY, &written(step, &address())),
                None => storage.remove_item(KEY),
            };
        }
    };
    EventListener::new(&window(), "pagehide", leave).forget();
}

fn written(step: Step, address: &str) -> String {
    format!("{} {address}", step.place())
}

fn read(kept: &str, address: &str) -> Option<Step> {
    let (at, of) = kept.split_once(' ')?;
    let at: usize = at.parse().ok()?;
    Step::ALL.get(at).copied().filter(|_| of == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_kept_for_its_address_alone() {
        let own = "https://host/page/#v1=a";
        for step in Step::ALL {
            let kept = written(step, own);
            assert_eq!(read(&kept, own), Some(step));
            assert_eq!(read(&kept, "https://host/page/#v1=b"), None);
        }
        for broken in [
            "",
            "1",
            " ",
            "9 https://host/page/#v1=a",
            "x https://host/page/#v1=a",
        ] {
            assert_eq!(read(broken, own), None, "{broken}");
        }
    }
}
