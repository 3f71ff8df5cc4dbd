//! The steering room. Like the other components these hold nothing of the
//! experiment; they read the state and edit the experiment in it.

mod detector;
mod direction;
mod facts;
mod feature;
mod inspect;
mod map;
pub(super) mod number;
mod prompt;
mod reading;
mod ready;
mod sampling;
mod source;
mod summary;
mod texts;
mod used;

use super::models::Panel;
use super::notice::Notices;
use super::problems::Problems;
use super::shows::Shows;
use super::{Old, live, target, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Direction, Field, Source, Steer};

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
        <ready::Ready />
        <div class="bench steering">
            <div class="column">
                <prompt::PromptPanel />
                <Directions />
            </div>
            <texts::Texts />
            <map::MapPanel />
            <detector::DetectorPanel />
            <Shows id="steer-shows-title" title=t.shows_title lines=t.shows />
        </div>
    }
}

/// A choice of one of the experiment's directions, after what stands for none.
fn choices(
    id: &'static str,
    label: &'static str,
    none: Vec<&'static str>,
    value: impl Fn() -> Option<usize> + Send + Sync + 'static,
    set: impl Fn(Option<usize>) + 'static,
) -> impl IntoView {
    let state = use_state();
    let value = Signal::derive(value);
    let names = Memo::new(move |_| {
        state.steer(|s| {
            s.directions
                .iter()
                .map(|d| d.name.clone())
                .collect::<Vec<_>>()
        })
    });
    let options = move || {
        let none = none.iter().map(|n| (None, n.to_string()));
        let all = none.chain(
            names
                .get()
                .into_iter()
                .enumerate()
                .map(|(i, n)| (Some(i), n)),
        );
        all.map(|(i, name)| {
            let number = i.map(|i| i.to_string()).unwrap_or_default();
            view! { <option value=number prop:selected=whether(move || value.get() == i)>{name}</option> }
        })
        .collect_view()
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id data-testid=id on:change:target=move |e| set(e.target().value().parse().ok())>{options}</select>
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
            <Problems field=Field::Directions />
            <button type="button" data-testid="add-direction" on:click=add>{t.add_direction}</button>
        </section>
    }
}
