use super::choices::Choices;
use super::dialog::{DIALOG, close_menu, open_menu};
use super::hub::Hub;
use super::kept::Kept;
use super::other::Other;
use crate::components::shared::live;
use crate::later;
use crate::state::use_state;
use crate::text::text;
use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;

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

later! {
    /// What the menu holds, loaded when it is first opened.
    MENU: menus, held, load => view! {
        <Choices />
        <Other />
        <Hub />
        <Kept />
    }
}

/// The menu.
#[component]
pub fn Menu() -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    view! {
        <dialog
            id=DIALOG
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
            <Show when=move || state.menu.get()>{MENU.into_view()}</Show>
            <p class="hint"><a href="mirror.html">{t.mirror}</a></p>
        </dialog>
    }
}
