use crate::state::State;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

/// Opens the menu, with what is kept as it is now.
pub fn open_menu(state: State) {
    state.ask_kept();
    if let Some(dialog) = dialog() {
        // Refused only where it is open already.
        let _ = dialog.show_modal();
    }
}

pub fn close_menu() {
    if let Some(dialog) = dialog() {
        dialog.close();
    }
}

/// Takes a model from the menu.
pub fn take(state: State, name: &str) {
    close_menu();
    state.choose_model(name);
}

fn dialog() -> Option<HtmlDialogElement> {
    document().get_element_by_id("models")?.dyn_into().ok()
}
