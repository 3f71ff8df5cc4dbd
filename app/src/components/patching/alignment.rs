use crate::components::fields::{Choose, Line, entries};
use crate::components::shared::live;
use crate::parts;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::alignment;
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, Field, Role};

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
    let t = alignment();
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
    let options: Vec<_> = WAYS.into_iter().zip(t.ways).collect();
    let options = entries(&options);
    let listed = live(move || {
        state.experiment.with(|e| {
            let pairs = e.alignment.as_deref().unwrap_or_default();
            parts::write_pairs(pairs)
        })
    });
    let typed = move |text: String| {
        let pairs = parts::pairs(&text).ok_or(t.wrong)?;
        state.edit(|e| (e.alignment, e.cell) = (Some(pairs), None));
        Ok(())
    };
    view! {
        <Show when=move || now.get() == 0 && offer.with(|o| !o.is_empty())>
            <button type="button" data-testid="align" on:click=move |_| take(1)>{t.align}</button>
        </Show>
        <details class="more" data-testid="alignment-box">
            <summary>{live(move || (t.summary)(t.ways[now.get()]))}</summary>
            <Choose
                id="alignment-way"
                label=t.way
                options
                value=live(move || WAYS[now.get()])
                set=move |name: String| take(WAYS.iter().position(|w| *w == name).unwrap_or(0))
                hint=live(move || t.hints[now.get()])
                term=Term::Role
            />
            <Show when=move || now.get() == 1>
                <Line
                    id="alignment"
                    label=t.pairs
                    value=listed
                    set=typed
                    of=Field::Alignment
                />
            </Show>
        </details>
    }
}
