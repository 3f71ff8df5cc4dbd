use crate::components::shared::problems::Problems;
use crate::components::shared::{live, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Field, Metric, MetricKind};

const NAMES: [&str; 7] = [
    "logit_difference",
    "probability",
    "log_probability",
    "probability_difference",
    "rank",
    "kl",
    "cross_entropy",
];

/// Which numbers are made of the answers: the first one, and others beside it.
#[component]
pub fn MetricKindSelect() -> impl IntoView {
    let state = use_state();
    let t = &text().answer;
    let kind = move || state.experiment.with(|e| e.metrics.first().map(|m| m.kind));
    let kinds = || MetricKind::ALL.into_iter().zip(NAMES);
    let options = kinds()
        .map(|(one, name)| {
            view! {
                <option value=name prop:selected=whether(move || kind() == Some(one))>
                    {(t.kind)(one)}
                </option>
            }
        })
        .collect_view();
    let more = kinds()
        .map(|(one, name)| {
            view! {
                <label class="check" hidden=whether(move || kind() == Some(one))>
                    <input
                        type="checkbox"
                        data-testid=format!("also-{name}")
                        prop:checked=whether(move || measured(one))
                        on:change=move |_| toggle(one)
                    />
                    <span>{(t.kind)(one)}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for="metric-kind">{t.metric}</label>
            <small id="metric-hint">
                {live(move || kind().map_or("", |kind| (t.kind_hint)(kind)))}
            </small>
            <select
                id="metric-kind"
                data-testid="metric-kind"
                aria-describedby="metric-hint"
                on:change:target=move |event| {
                    let value = event.target().value();
                    if let Some((kind, _)) = kinds().find(|(_, name)| *name == value) {
                        choose(kind);
                    }
                }
            >
                {options}
            </select>
            <details class="more">
                <summary>{t.also}</summary>
                <div class="checks">{more}</div>
            </details>
            <Problems field=Field::Metrics />
        </div>
    }
}

fn measured(kind: MetricKind) -> bool {
    use_state()
        .experiment
        .with(|e| e.metrics.iter().skip(1).any(|m| m.kind == kind))
}

/// Makes a kind the first metric.
fn choose(kind: MetricKind) {
    use_state().edit(|e| {
        e.metrics.retain({
            let mut first = true;
            move |m| std::mem::take(&mut first) || m.kind != kind
        });
        match e.metrics.first_mut() {
            Some(metric) => metric.kind = kind,
            None => e.metrics.push(Metric {
                kind,
                answer: "".into(),
                wrong: None,
            }),
        }
    });
}

/// Measures a kind beside the first metric, or no more.
fn toggle(kind: MetricKind) {
    use_state().edit(|e| {
        let there = e.metrics.iter().skip(1).position(|m| m.kind == kind);
        match (there, e.metrics.first()) {
            (Some(i), _) => {
                e.metrics.remove(i + 1);
            }
            (None, Some(first)) => {
                let metric = Metric {
                    kind,
                    ..first.clone()
                };
                e.metrics.push(metric);
            }
            (None, None) => {}
        }
    });
}
