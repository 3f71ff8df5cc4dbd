use super::act::{Act, UseMini};
use crate::components::shared::live;
use crate::format;
use crate::state::{State, use_state};
use crate::text::{say, text};
use leptos::prelude::*;
use patchbay_engine::protocol::Offer;

/// What a model would take, before a byte of it is fetched.
#[component]
pub fn Offered(offer: Offer) -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    let sentence = (t.offer)(&offer);
    let (bytes, kept) = (offer.bytes, offer.kept);
    // What was told of the offer is older than what is known to be kept.
    let here = move || state.kept().map_or(kept, |k| k.bytes);
    let label = live(move || match (here(), bytes) {
        (0, _) => (t.download)(bytes.map(format::bytes).as_deref()),
        (here, Some(all)) => (t.resume)(&format::bytes(all.saturating_sub(here))),
        (_, None) => (t.download)(None),
    });
    let already = live(move || match here() {
        0 => String::new(),
        here => (t.here_already)(&format::bytes(here), bytes.map(format::bytes).as_deref()),
    });
    let keeps = live(move || {
        let keeps = state.store.with(|s| s.as_ref().is_none_or(|s| s.available));
        if keeps { t.keeps } else { t.keeps_nothing }
    });
    let remarks = offer
        .remarks
        .into_iter()
        .map(|remark| view! { <p>{say(&remark)}</p> })
        .collect_view();
    let facts = [
        (t.folder, Some(offer.folder)),
        (t.revision, offer.revision),
        (t.sha256, offer.sha256),
    ];
    let facts = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .map(|(name, value)| view! { <dt>{name}</dt> <dd class="mono">{value}</dd> })
        .collect_view();
    view! {
        <p data-testid="offer-facts">{sentence}</p>
        <p>{keeps}" "{t.private}</p>
        <div class="remarks">{remarks}</div>
        <p data-testid="already">{already}</p>
        <div class="buttons">
            <Act testid="download" label act=State::download />
            <UseMini label=t.use_mini />
        </div>
        <details class="more">
            <summary>{t.exactly}</summary>
            <dl class="facts">{facts}</dl>
        </details>
    }
}
