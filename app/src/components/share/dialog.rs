use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

pub(super) const DIALOG: &str = "share-dialog";

pub(super) fn dialog() -> Option<HtmlDialogElement> {
    document().get_element_by_id(DIALOG)?.dyn_into().ok()
}

pub(super) fn close() {
    if let Some(dialog) = dialog() {
        dialog.close();
    }
}
