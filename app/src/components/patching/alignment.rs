use crate::components::shared::live;
use crate::parts;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, Role};

/// How positions of the two prompts are matched.
const WAYS: [&str; 3] = ["same", "hand", "role"];

fn way(experiment: &Experiment) -> usize {
    match (&experiment.alignment, experiment.roles.is_empty()) {
        (_, false) => 2,
        (Some(_), _) => 1,
        (None, _) => 0,
    }
}

/// Which positions of the two prompts belong together.
#[component]
pub fn Alignment() -> impl IntoView {
    let state = use_state();
    let t = &text().alignment;
    let now = Memo::new(move |_| state.experiment.with(way));
    // What prompts of different lengths could be matched by; else the same positions.
    let offer = Memo::new(move |_| {
        let reading = state.derived.reading;
        reading.with(|r| r.as_ref().map(|r| r.alignment.clone()).unwrap_or_default())
    });
    let same = move || {
        let reading = state.derived.reading;
        let count = reading.with_untracked(|r| r.as_ref().map_or(0, |r| r.clean.len()));
        (0..count).map(|p| (p, p)).collect()
    };
    let take = move |way: usize| {
        state.edit(|e| {
            (e.alignment, e.roles, e.cell) = (None, Vec::new(), None);
            match way {
                1 => {
                    let offered = offer.get_untracked();
                    e.alignment = Some(if offered.is_empty() { same() } else { offered });
                }
                2 => e.roles = Role::ALL.to_vec(),
                _ => {}
            }
        });
    };
    let options = move || {
        let option = |(i, name): (usize, &'static str)| {
            view! { <option value=name prop:selected=now.get() == i>{t.ways[i]}</option> }
        };
        WAYS.into_iter().enumerate().map(option).collect_view()
    };
    let wrong = RwSignal::new(false);
    let listed = live(move || {
        state.experiment.with(|e| {
            let pairs = e.alignment.as_deref().unwrap_or_default();
            parts::write_pairs(pairs)
        })
    });
    let typed = move |text: String| match parts::pairs(&text) {
        Some(pairs) => {
            wrong.set(false);
            state.edit(|e| (e.alignment, e.cell) = (Some(pairs), None));
        }
        None => wrong.set(true),
    };
    view! {
        <Show when=move || now.get() == 0 && offer.with(|o| !o.is_empty())>
            <button type="button" data-testid="align" on:click=move |_| take(1)>{t.align}</button>
        </Show>
        <details class="more" data-testid="alignment-box">
            <summary>{live(move || (t.summary)(t.ways[now.get()]))}</summary>
            <div class="field">
                <label for="alignment-way">{t.way}</label>
                <select
                    id="alignment-way"
                    data-testid="alignment-way"
                    aria-describedby="alignment-hint"
                    on:change:target=move |event| {
                        let name = event.target().value();
                        take(WAYS.iter().position(|w| *w == name).unwrap_or(0));
                    }
                >
                    {options}
                </select>
                <small id="alignment-hint">{live(move || t.hints[now.get()])}</small>
            </div>
            <Show when=move || now.get() == 1>
                <div class="field">
                    <label for="alignment">{t.pairs}</label>
                    <input
                        type="text"
                        class="mono"
                        id="alignment"
                        data-testid="alignment"
                        prop:value=listed
                        on:change:target=move |event| typed(event.target().value())
                    />
                    <Show when=move || wrong.get()>
                        <small class="problem fatal" role="alert">{t.wrong}</small>
                    </Show>
                </div>
            </Show>
        </details>
    }
}
