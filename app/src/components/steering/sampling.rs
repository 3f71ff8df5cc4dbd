use crate::components::fields::{Number, SEED};
use crate::components::shared::live;
use crate::components::shared::problems::Problems;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::experiment::{Field, Sampling};

/// How tokens are drawn.
#[component]
pub fn SamplingSettings() -> impl IntoView {
    let t = steer();
    view! {
        <details class="more">
            <summary>{t.sampling}</summary>
            <div class="grid numbers">
                {one("tokens", t.tokens, None, "1", |s| s.tokens.to_string(), |s, n| s.tokens = n.unwrap_or(0.0) as usize)}
                {one("samples", t.samples, None, "1", |s| s.samples.to_string(), |s, n| s.samples = n.unwrap_or(1.0) as usize)}
                {one("temperature", t.temperature, Some(Term::Temperature), "0.1", |s| s.temperature.to_string(), |s, n| s.temperature = n.unwrap_or(0.0) as f32)}
                {one("top-k", t.top_k, Some(Term::TopK), "1", |s| maybe(s.top_k), |s, n| s.top_k = n.map(|n| n as usize))}
                {one("top-p", t.top_p, Some(Term::TopP), "0.05", |s| maybe(s.top_p), |s, n| s.top_p = n.map(|n| n as f32))}
                {one("repetition", t.repetition, Some(Term::RepetitionPenalty), "0.1", |s| s.repetition_penalty.to_string(), |s, n| s.repetition_penalty = n.unwrap_or(1.0) as f32)}
                {one("frequency", t.frequency, Some(Term::FrequencyPenalty), "0.1", |s| s.frequency_penalty.to_string(), |s, n| s.frequency_penalty = n.unwrap_or(0.0) as f32)}
                {one("seed", t.seed, None, "1", |s| s.seed.to_string(), |s, n| s.seed = n.unwrap_or(0.0) as u64)}
            </div>
        </details>
        <Problems field=Field::Sampling />
    }
}

fn maybe<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

fn one(
    id: &'static str,
    label: &'static str,
    term: Option<Term>,
    step: &'static str,
    get: fn(&Sampling) -> String,
    set: fn(&mut Sampling, Option<f64>),
) -> impl IntoView {
    let state = use_state();
    let seed = id == "seed";
    view! {
        <Number
            id=id
            label=label
            step=step
            most=if seed { SEED } else { f64::from(u32::MAX) }
            maybe=id.starts_with("top")
            value=live(move || state.steer(|s| get(&s.sampling)))
            set=move |n| state.edit_steer(|s| set(&mut s.sampling, n))
            of=seed.then_some(Field::SamplingSeed)
            term
        />
    }
}
