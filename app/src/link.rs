//! The experiment in the page's address. Its form is the engine's,
//! [`patchbay_engine::experiment::link`].

use patchbay_engine::experiment::{Experiment, link};
use wasm_bindgen::JsValue;

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
pub fn read() -> Result<Option<Experiment>, BrokenLink> {
    let text = gloo::utils::window().location().hash().unwrap_or_default();
    link::decode(&text).map_err(|error| BrokenLink {
        message: error.to_string(),
        text,
    })
}

/// Puts the experiment into the page's address, without a new history entry.
/// Where it could not be read from there, the address stays as it was: it opens again.
pub fn write(experiment: &Experiment) {
    let fragment = link::encode(experiment);
    if matches!(read(), Ok(Some(current)) if current == *experiment)
        || link::decode(&fragment).is_err()
    {
        return;
    }
    // A refusal (a sandboxed frame, too many calls) costs the address only;
    // the experiment itself is in the page.
    if let Ok(history) = gloo::utils::window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
}

/// The whole address of the page with this experiment, for the clipboard.
#[must_use]
pub fn address(experiment: &Experiment) -> String {
    let href = gloo::utils::window().location().href().unwrap_or_default();
    let page = href.split('#').next().unwrap_or_default();
    format!("{page}#{}", link::encode(experiment))
}
