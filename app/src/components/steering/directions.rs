use super::direction::DirectionCard;
use super::source::begin;
use crate::components::shared::Explained;
use crate::components::shared::problems::Problems;
use crate::examples;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::experiment::{Direction, Field, Source};

/// The directions, one card each.
#[component]
pub fn Directions() -> impl IntoView {
    let state = use_state();
    let t = steer();
    let count = Memo::new(move |_| state.steer(|s| s.directions.len()));
    // The one added last is open, so that what it is made of can be set.
    let added = RwSignal::new(None::<usize>);
    let menu = NodeRef::<leptos::html::Details>::new();
    let add = move |kind: &'static str| {
        let n_layer = untrack(|| state.model()).map_or(1, |m| m.n_layer);
        added.set(Some(untrack(|| state.steer(|s| s.directions.len()))));
        state.edit_steer(|s| {
            let name = (t.new_name)(s.directions.len() + 1);
            let example = examples::steering().directions.pop();
            let last = s.directions.last().cloned().or(example);
            s.directions.extend(last.map(|last| {
                let mut made = Direction {
                    name,
                    source: Source::Random { seed: 1 },
                    ..last
                };
                begin(&mut made, kind, n_layer);
                made
            }));
        });
        if let Some(menu) = menu.get_untracked() {
            menu.set_open(false);
        }
    };
    let kinds = t.sources.map(|(kind, label)| {
        view! {
            <button type="button" class="quiet" data-testid=format!("add-{kind}") on:click=move |_| add(kind)>
                {label}
            </button>
        }
    });
    view! {
        <section class="panel" aria-labelledby="directions-title">
            <div class="named">
                <h2 id="directions-title">{t.directions_title}</h2>
                <Explained term=Term::Direction first=true />
            </div>
            {move || {
                let open = |i| added.get_untracked() == Some(i);
                let card = |i| view! { <DirectionCard i open=open(i) /> };
                (0..count.get()).map(card).collect_view()
            }}
            <Problems field=Field::Directions />
            <details class="add" node_ref=menu>
                <summary class="button" data-testid="add-direction">{t.add_direction}</summary>
                <p class="hint">{t.add_hint}</p>
                <div class="buttons">{kinds.into_iter().collect_view()}</div>
            </details>
        </section>
    }
}
