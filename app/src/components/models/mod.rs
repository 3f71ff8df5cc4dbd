//! Models: the menu in the header, and the panel that stands in place of results
//! until a model is there.

mod choices;
mod hub;
mod kept;
mod offer;
mod other;
mod panel;
mod progress;
mod source;
mod typed;

pub use panel::Panel;
pub use source::Source;

use super::{focus, live, whether};
use crate::state::{MINI, State, use_state};
use crate::text::text;
use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

/// The model's name, as the button that opens the menu.
#[component]
pub fn MenuButton() -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    view! {
        <button
            type="button"
            class="menu-button"
            data-testid="model-menu"
            aria-haspopup="dialog"
            aria-label=live(move || (t.menu)(&state.model_name()))
            on:click=move |_| open_menu(state)
        >
            <strong class="mono" data-testid="model">{live(move || state.model_name())}</strong>
        </button>
    }
}

/// The menu. The browser keeps the focus in it, closes it on Escape and gives
/// the focus back.
#[component]
pub fn Menu() -> impl IntoView {
    let t = &text().models;
    view! {
        <dialog
            id="models"
            class="models"
            data-testid="models"
            aria-labelledby="models-title"
            {..custom_attribute("closedby", "any")}
        >
            <div class="panel-head">
                <h2 id="models-title">{t.title}</h2>
                <button type="button" class="quiet" data-testid="models-close" on:click=|_| close_menu()>
                    {t.close}
                </button>
            </div>
            <choices::Choices />
            <other::Other />
            <hub::Hub />
            <kept::Kept />
            <p class="hint"><a href="mirror.html">{t.mirror}</a></p>
        </dialog>
    }
}

/// Opens the menu, with what is kept as it is now.
pub fn open_menu(state: State) {
    state.ask_kept();
    if let Some(dialog) = dialog() {
        // Refused only where it is open already.
        let _ = dialog.show_modal();
    }
}

fn close_menu() {
    if let Some(dialog) = dialog() {
        dialog.close();
    }
}

/// Takes a model from the menu.
fn take(state: State, name: &str) {
    close_menu();
    state.choose_model(name);
}

fn dialog() -> Option<HtmlDialogElement> {
    document().get_element_by_id("models")?.dyn_into().ok()
}

/// A button of the panel. What it does puts other buttons there, so the focus
/// goes to the panel, which stays.
#[component]
fn Act(testid: &'static str, #[prop(into)] label: Signal<String>, act: fn(State)) -> impl IntoView {
    let state = use_state();
    view! {
        <button
            type="button"
            class="primary"
            data-testid=testid
            on:click=move |_| {
                focus("offer");
                act(state);
            }
        >
            {label}
        </button>
    }
}

/// What leads to the mini where another model was wanted.
#[component]
fn UseMini(label: &'static str) -> impl IntoView {
    let state = use_state();
    view! {
        <button
            type="button"
            data-testid="use-mini"
            on:click=move |_| {
                // This button goes away with the panel that it is in.
                focus("main");
                state.choose_model(MINI);
            }
        >
            {label}
        </button>
    }
}
