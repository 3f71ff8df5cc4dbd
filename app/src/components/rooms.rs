//! The room that the experiment is in, and the workshop above it.

use super::patching::Patching;
use super::steering::STEERING;
use super::workshop::WORKSHOP;
use crate::state::State;
use leptos::prelude::*;
use patchbay_engine::experiment::Room;

/// The room. What of it is shown follows the link that was opened last.
pub fn rooms(state: State) -> impl Fn() -> AnyView {
    let room = Memo::new(move |_| {
        let is_workshop = state.work.with(Option::is_some);
        (state.room(), state.show.get(), is_workshop)
    });
    move || match room.get().0 {
        Room::Patching => view! { <Patching /> }.into_any(),
        Room::Steering => STEERING.into_view().into_any(),
    }
}

/// The workshop, where the link is one.
pub fn workshop(state: State) -> impl Fn() -> AnyView {
    let is_workshop = Memo::new(move |_| state.work.with(Option::is_some));
    move || match is_workshop.get() {
        true => WORKSHOP.into_view().into_any(),
        false => ().into_any(),
    }
}
