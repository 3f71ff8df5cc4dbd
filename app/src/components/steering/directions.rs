use super::direction::DirectionCard;
use crate::components::shared::problems::Problems;
use crate::examples;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Direction, Field, Source};

/// The directions, one card each.
#[component]
pub fn Directions() -> impl IntoView {
    let state = use_state();
    let t = &text().steer;
    let count = Memo::new(move |_| state.steer(|s| s.directions.len()));
    let add = move |_| {
        state.edit_steer(|s| {
            let name = (t.new_name)(s.directions.len() + 1);
            let example = examples::steering().directions.pop();
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
            {move || (0..count.get()).map(|i| view! { <DirectionCard i /> }).collect_view()}
            <Problems field=Field::Directions />
            <button type="button" data-testid="add-direction" on:click=add>{t.add_direction}</button>
        </section>
    }
}
