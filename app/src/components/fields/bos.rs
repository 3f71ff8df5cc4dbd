use super::check::Check;
use crate::components::shared::problems::Problems;
use crate::components::shared::{Explained, whether};
use crate::state::use_state;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// Whether the model's start token stands in front of every prompt.
#[component]
pub fn Bos(
    testid: &'static str,
    #[prop(optional)] hint: &'static str,
    /// Whether its explanation is its section's stop for the Tab key.
    #[prop(optional)]
    first: bool,
) -> impl IntoView {
    let state = use_state();
    view! {
        <div class="named">
            <Check
                testid
                label=text().prompts.bos
                hint
                checked=whether(move || state.experiment.with(|e| e.bos))
                set=move |bos| state.edit(|e| e.bos = bos)
            />
            <Explained term=Term::Bos first />
        </div>
        <Problems field=Field::Bos />
    }
}
