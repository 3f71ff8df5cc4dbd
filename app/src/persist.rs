//! Asking the browser not to clear by itself what the page keeps.

use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

/// Asks, which some browsers pass on to the person; `then` runs when there is
/// an answer, whatever it is. Nothing happens where there is no such promise to
/// be had (a page not served over HTTPS).
pub fn persist(then: impl FnOnce() + 'static) {
    let storage = gloo::utils::window().navigator().storage();
    if let Ok(answer) = storage.persist() {
        spawn_local(async move {
            // A refusal is an answer too.
            let _ = JsFuture::from(answer).await;
            then();
        });
    }
}
