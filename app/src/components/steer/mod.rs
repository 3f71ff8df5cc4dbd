//! The steering room. Like the other components these hold nothing of the
//! experiment; they read the state and edit the experiment in it.

mod direction;
mod facts;
mod feature;
mod inspect;
mod map;
pub(super) mod number;
mod prompt;
mod reading;
mod sampling;
mod source;
mod summary;
mod texts;
mod used;

use super::models::Panel;
use super::notice::Notices;
use super::shows::Shows;
use super::{live, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Direction, Source, Steer};

/// The room of activation steering.
#[component]
pub fn Steering() -> impl IntoView {
    let t = &text().steer;
    view! {
        <div class="lede">
            <h1>{t.title}</h1>
            <p>{t.lede}</p>
        </div>
        <Notices />
        <Panel />
        <div class="bench steering">
            <div class="column">
                <prompt::PromptPanel />
                <Directions />
            </div>
            <texts::Texts />
            <map::MapPanel />
            <Shows id="steer-shows-title" title=t.shows_title lines=t.shows />
        </div>
    }
}

#[component]
fn Directions() -> impl IntoView {
    let state = use_state();
    let t = &text().steer;
    let count = Memo::new(move |_| state.steer(|s| s.directions.len()));
    let add = move |_| {
        state.edit_steer(|s| {
            let name = (t.new_name)(s.directions.len() + 1);
            let example = Steer::default().directions.into_iter().next();
            let last = s.directions.last().cloned().or(example);
            s.directions.extend(last.map(|last| Direction {
                name,
                source: Source::Random { seed: 1 },
                ..last
            }));
        });
    };
    view! {
        <section class="panel" aria-labelledby="directions-title">
            <h2 id="directions-title">{t.directions_title}</h2>
            {move || (0..count.get()).map(|i| view! { <direction::DirectionCard i /> }).collect_view()}
            <button type="button" data-testid="add-direction" on:click=add>{t.add_direction}</button>
        </section>
    }
}
