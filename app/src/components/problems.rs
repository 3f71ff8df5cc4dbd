use crate::state::use_state;
use leptos::prelude::*;

/// What the engine remarks on one field, beside that field.
#[component]
pub fn Problems(#[prop(into)] field: String) -> impl IntoView {
    let state = use_state();
    let name = field.clone();
    let list = move || {
        state
            .problems(&name)
            .into_iter()
            .map(|problem| view! { <p class="problem" class:fatal=problem.fatal>{problem.message}</p> })
            .collect_view()
    };
    view! {
        <div
            class="problems"
            id=format!("problems-{field}")
            data-testid=format!("problems-{field}")
            aria-live="polite"
        >
            {list}
        </div>
    }
}
