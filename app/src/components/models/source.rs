use crate::components::shared::live;
use crate::state::use_state;
use crate::text::{say, text};
use leptos::prelude::*;
use patchbay_engine::protocol::Keeping;

/// Where the open model came from, and what was found.
#[component]
pub fn Source() -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    let from = live(move || state.source().as_ref().map(t.from).unwrap_or_default());
    let hash = live(move || match (state.model(), state.source()) {
        (Some(model), Some(source)) => {
            let bundled = source.kept == Keeping::Bundled;
            (t.hash)(&model.sha256, source.published.is_some(), bundled)
        }
        _ => String::new(),
    });
    let remarks = move || {
        let remarks = state.source().map(|s| s.remarks).unwrap_or_default();
        remarks
            .into_iter()
            .map(|remark| view! { <p>{say(&remark)}</p> })
            .collect_view()
    };
    view! {
        <div data-testid="source">
            <p>{from}</p>
            <p>{hash}</p>
            {remarks}
        </div>
    }
}
