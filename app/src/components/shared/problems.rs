use crate::format;
use crate::state::use_state;
use crate::text::said;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// What the engine remarks on one field, beside that field. While it is there,
/// the page has a place for what is wrong with the field.
#[component]
pub fn Problems(field: Field) -> impl IntoView {
    let state = use_state();
    state.places.update(|places| places.push(field));
    on_cleanup(move || {
        state.places.update(|places| {
            if let Some(at) = places.iter().position(|f| *f == field) {
                places.remove(at);
            }
        });
    });
    let list = move || {
        state
            .problems(field)
            .into_iter()
            .map(|problem| {
                let message = format::sentence(&said(&problem.message, &problem.says));
                view! { <p class="problem" class:fatal=problem.fatal>{message}</p> }
            })
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
