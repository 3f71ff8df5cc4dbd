use crate::components::fields::{Check, Choose, entries};
use crate::components::shared::problems::Problems;
use crate::components::shared::{live, whether};
use crate::later;
use crate::state::{State, use_state};
use crate::terms::Term;
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

fn kinds() -> impl Iterator<Item = (MetricKind, &'static str)> {
    MetricKind::ALL.into_iter().zip(NAMES)
}

fn first(state: State) -> Option<MetricKind> {
    state.experiment.with(|e| e.metrics.first().map(|m| m.kind))
}

/// Which number is made of the answers: the first metric.
#[component]
pub fn MetricKindSelect() -> impl IntoView {
    let state = use_state();
    let t = &text().answer;
    let kind = move || first(state);
    let options: Vec<_> = kinds().map(|(one, name)| (name, (t.kind)(one))).collect();
    let options = entries(&options);
    let name = live(move || {
        kinds()
            .find(|(one, _)| kind() == Some(*one))
            .map_or("", |(_, name)| name)
    });
    view! {
        <div>
            <Choose
                id="metric-kind"
                label=t.metric
                options
                value=name
                set=move |value: String| {
                    if let Some((kind, _)) = kinds().find(|(_, name)| *name == value) {
                        choose(kind);
                    }
                }
                hint=live(move || kind().map_or("", |kind| (t.kind_hint)(kind)))
                term=Term::Metric
                now=Signal::derive(move || kind().unwrap_or(MetricKind::LogitDifference).into())
                of=Field::Metrics
            />
            <Problems field=Field::Metrics />
        </div>
    }
}

/// What is measured beside the first metric.
#[component]
pub fn OtherMetrics() -> impl IntoView {
    let opened = RwSignal::new(false);
    view! {
        <details class="more" on:toggle=move |_| opened.set(true)>
            <summary data-testid="also">{text().answer.also}</summary>
            <Show when=move || opened.get()>{ALSO.into_view()}</Show>
        </details>
    }
}

later! {
    /// Which metrics, loaded when the box is first opened.
    ALSO: more, also, load_also => view! { <Also /> }
}

#[component]
fn Also() -> impl IntoView {
    let state = use_state();
    let t = &text().answer;
    let more = kinds()
        .map(|(one, name)| {
            view! {
                <Check
                    testid=format!("also-{name}")
                    label=(t.kind)(one)
                    checked=whether(move || measured(one))
                    set=move |_| toggle(one)
                    hidden=whether(move || first(state) == Some(one))
                />
            }
        })
        .collect_view();
    view! {
        <div class="checks">{more}</div>
        <p class="hint">{text().words.advice[0]}</p>
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
