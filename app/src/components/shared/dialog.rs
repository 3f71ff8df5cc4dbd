use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

fn dialog(id: &str) -> Option<HtmlDialogElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Opens a dialog, by its id. The browser keeps the focus in it, closes it on Escape and
/// gives the focus back.
pub fn open_dialog(id: &str) {
    if let Some(dialog) = dialog(id) {
        // Refused only where it is open already.
        let _ = dialog.show_modal();
    }
}

pub fn close_dialog(id: &str) {
    if let Some(dialog) = dialog(id) {
        dialog.close();
    }
}
