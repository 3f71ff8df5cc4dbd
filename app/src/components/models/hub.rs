use crate::components::fields::{Typed, form, understood};
use crate::components::shared::live;
use crate::state::use_state;
use crate::text::{say, text};
use leptos::prelude::*;
use patchbay_engine::source::mirror;

/// The hub that repositories are looked for on, or a mirror of it.
#[component]
pub fn Hub() -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    let named = state.preferences.with_untracked(|p| p.hub.clone());
    form(
        ["hub", "use-hub", "hub-problem"],
        Typed::new(named.unwrap_or_default()),
        [t.hub, t.use_hub],
        live(move || (t.hub_hint)(&state.place().hub_host())),
        |state, address| {
            let hub = match address {
                "" => None,
                address => {
                    let hub = mirror(&understood(address)).map_err(|e| say(&e))?;
                    Some(hub.text)
                }
            };
            state.choose_hub(hub.clone());
            Ok(hub.unwrap_or_default())
        },
    )
}
