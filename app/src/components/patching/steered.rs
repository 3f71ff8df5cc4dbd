use crate::components::fields::{Choose, entries};
use crate::components::shared::live;
use crate::components::shared::problems::Problems;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Field, Steered};

const WHO: [(Option<Steered>, &str); 4] = [
    (None, "none"),
    (Some(Steered::Clean), "clean"),
    (Some(Steered::Corrupted), "corrupted"),
    (Some(Steered::Both), "both"),
];

/// Which of the two runs the steering room's directions act on.
#[component]
pub fn SteeredRuns() -> impl IntoView {
    let state = use_state();
    let t = &text().steered;
    let now = Memo::new(move |_| state.experiment.with(|e| e.steered));
    // Who never made a direction need not be asked.
    let known = move || {
        state
            .experiment
            .with(|e| e.steer.is_some() || e.steered.is_some())
    };
    let options: Vec<_> = WHO
        .into_iter()
        .zip(t.who)
        .map(|((_, name), label)| (name, label))
        .collect();
    let options = entries(&options);
    let value = live(move || {
        let now = WHO.iter().find(|(who, _)| *who == now.get());
        now.map_or("", |(_, name)| name)
    });
    let choose = move |name: String| {
        if let Some((who, _)) = WHO.iter().find(|(_, n)| *n == name) {
            state.edit(|e| e.steered = *who);
        }
    };
    view! {
        <Show when=known>
            <Choose
                id="steered-runs"
                label=t.label
                options
                value
                set=choose
                hint=live(move || t.hint)
                of=Field::Steered
            />
        </Show>
        <Problems field=Field::Steered />
    }
}
