use crate::format;
use crate::state::use_state;
use crate::text::{said, text};
use leptos::prelude::*;
use patchbay_engine::experiment::{Advice, Metric, TokenRef, Tokens};

/// Where the corruption hardly moves the metric: why, and metrics that it moves.
#[component]
pub fn AdviceBox() -> impl IntoView {
    let state = use_state();
    let advice = move || {
        // Of the prompts before it says nothing of these.
        let old = state.derived.runs_stale.get();
        state.derived.runs.with(|runs| {
            let runs = runs.as_ref().filter(|_| !old);
            runs?.metrics.first()?.advice.clone()
        })
    };
    view! {
        <div aria-live="polite">
            {move || advice().map(|advice| view! { <Offers advice /> })}
        </div>
    }
}

#[component]
fn Offers(advice: Advice) -> impl IntoView {
    let state = use_state();
    let t = &text().answer;
    let offers: Vec<_> = advice
        .offers
        .into_iter()
        .enumerate()
        .map(|(index, offer)| {
            let kind = offer.metric.kind;
            let values = (t.offer)(
                &format::metric(offer.clean, kind),
                &format::metric(offer.corrupted, kind),
            );
            let metric = offer.metric.clone();
            view! {
                <li>
                    <button
                        type="button"
                        data-testid=format!("advice-offer-{index}")
                        on:click=move |_| {
                            let metric = offer.metric.clone();
                            state.edit(|e| match e.metrics.first_mut() {
                                Some(first) => *first = metric,
                                None => e.metrics.push(metric),
                            });
                        }
                    >
                        {name(&metric)}
                    </button>
                    <small>{values}</small>
                </li>
            }
        })
        .collect();
    let some = !offers.is_empty();
    view! {
        <div class="note advice" data-testid="advice">
            <p>{format::sentence(&said(&advice.message, &advice.says))}" "{some.then_some(t.advice_offers)}</p>
            {some.then(|| view! { <ul>{offers}</ul> })}
        </div>
    }
}

/// The metric with its tokens.
fn name(metric: &Metric) -> String {
    let token = |token: &TokenRef| match token {
        TokenRef::Text(text) => format::token(text),
        TokenRef::Id(id) => format!("#{id}"),
    };
    let set = |tokens: &Tokens| {
        let texts: Vec<String> = tokens.list().iter().map(token).collect();
        texts.join(", ")
    };
    let wrong = metric.wrong.as_ref().map(set).unwrap_or_default();
    (text().answer.offer_metric)(metric.kind, &set(&metric.answer), &wrong)
}
