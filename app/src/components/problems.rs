use crate::state::use_state;
use leptos::prelude::*;

/// What the engine remarks on one field, beside that field.
#[component]
pub fn Problems(field: &'static str) -> impl IntoView {
    let state = use_state();
    let list = move || {
        state
            .problems(field)
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
