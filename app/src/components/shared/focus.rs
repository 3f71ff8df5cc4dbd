use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// The element in which something happened: one listener serves a whole list. One for
/// each entry would stay until JavaScript looks for garbage.
pub fn target(event: &web_sys::Event) -> Option<web_sys::Element> {
    event.target()?.dyn_into().ok()
}

/// Moves the focus to an element that is shown once what was just changed is.
pub fn focus_next(id: String) {
    leptos::task::spawn_local(async move {
        leptos::task::tick().await;
        focus(&id);
    });
}

/// Moves the focus to an element, by its id.
pub fn focus(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// Moves the focus to the first element that a selector finds.
pub fn focus_first(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok()) {
        let _ = element.focus();
    }
}
