use super::{live, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::MetricKind;

const KINDS: [(MetricKind, &str); 3] = [
    (MetricKind::LogitDifference, "logit_difference"),
    (MetricKind::Probability, "probability"),
    (MetricKind::LogProbability, "log_probability"),
];

/// Which number is made of the answers.
#[component]
pub fn MetricKindSelect() -> impl IntoView {
    let state = use_state();
    let t = &text().answer;
    let kind = move || state.experiment.with(|e| e.metric.kind);
    let options = KINDS
        .map(|(one, name)| {
            view! {
                <option value=name prop:selected=whether(move || kind() == one)>
                    {(t.kind)(one)}
                </option>
            }
        })
        .into_iter()
        .collect_view();
    view! {
        <div class="field">
            <label for="metric-kind">{t.metric}</label>
            <small id="metric-hint">{live(move || (t.kind_hint)(kind()))}</small>
            <select
                id="metric-kind"
                data-testid="metric-kind"
                aria-describedby="metric-hint"
                on:change:target=move |event| {
                    let value = event.target().value();
                    if let Some((kind, _)) = KINDS.iter().find(|(_, name)| *name == value) {
                        state.edit(|e| e.metric.kind = *kind);
                    }
                }
            >
                {options}
            </select>
        </div>
    }
}
