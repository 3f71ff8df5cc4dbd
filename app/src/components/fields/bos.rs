use crate::components::shared::problems::Problems;
use crate::components::shared::whether;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// Whether the model's start token stands in front of every prompt.
#[component]
pub fn Bos(testid: &'static str, #[prop(optional)] hint: Option<&'static str>) -> impl IntoView {
    let state = use_state();
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid=testid
                prop:checked=whether(move || state.experiment.with(|e| e.bos))
                on:change:target=move |event| {
                    let bos = event.target().checked();
                    state.edit(|e| e.bos = bos);
                }
            />
            <span>{text().prompts.bos}</span>
            {hint.map(|hint| view! { <small>{hint}</small> })}
        </label>
        <Problems field=Field::Bos />
    }
}
