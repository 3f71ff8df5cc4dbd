use crate::components::shared::problems::Problems;
use crate::components::shared::whether;
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
    let options = move || {
        let option = |((who, name), label): ((Option<Steered>, &'static str), &'static str)| {
            view! { <option value=name prop:selected=whether(move || now.get() == who)>{label}</option> }
        };
        WHO.into_iter().zip(t.who).map(option).collect_view()
    };
    let choose = move |name: String| {
        if let Some((who, _)) = WHO.iter().find(|(_, n)| *n == name) {
            state.edit(|e| e.steered = *who);
        }
    };
    view! {
        <Show when=known>
            <div class="field">
                <label for="steered-runs">{t.label}</label>
                <select
                    id="steered-runs"
                    data-testid="steered-runs"
                    on:change:target=move |event| choose(event.target().value())
                >
                    {options}
                </select>
                <small>{t.hint}</small>
            </div>
        </Show>
        <Problems field=Field::Steered />
    }
}
