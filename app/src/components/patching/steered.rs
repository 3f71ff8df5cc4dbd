use crate::components::fields::{Choose, entries};
use crate::components::shared::live;
use crate::components::shared::problems::Problems;
use crate::examples::steering;
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
    // Who never made a direction need not be asked; who was may change their mind.
    let known = Memo::new(move |before: Option<&bool>| {
        let made = state
            .experiment
            .with(|e| e.steered.is_some() || e.steer.as_ref().is_some_and(|s| *s != steering()));
        made || before == Some(&true)
    });
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
        <Show when=move || known.get()>
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
