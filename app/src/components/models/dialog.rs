use crate::components::shared::{close_dialog, open_dialog};
use crate::state::State;
use leptos::prelude::Set;

/// The menu's id.
pub const DIALOG: &str = "models";

/// Opens the menu, with what is kept as it is now.
pub fn open_menu(state: State) {
    state.ask_kept();
    state.menu.set(true);
    open_dialog(DIALOG);
}

pub fn close_menu() {
    close_dialog(DIALOG);
}

/// Takes a model from the menu.
pub fn take(state: State, name: &str) {
    close_menu();
    state.choose_model(name);
}
