//! What fields of all kinds have: a label, a hint, and what is wrong.

use crate::components::shared::live;
use crate::places::place;
use crate::state::use_state;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// A field around a control of its own kind, whose id it has.
#[component]
pub fn Labelled(
    #[prop(into)] id: String,
    label: &'static str,
    #[prop(optional)] hint: Option<Signal<String>>,
    children: Children,
) -> impl IntoView {
    framed(id, label, "", hint, children())
}

/// The field around its control; what is wrong with what was typed is told under it.
pub(super) fn framed(
    id: String,
    label: &'static str,
    class: &'static str,
    hint: Option<Signal<String>>,
    control: AnyView,
) -> AnyView {
    let hint = hint.map(|hint| view! { <small id=format!("{id}-hint")>{hint}</small> });
    let why = {
        let (state, id) = (use_state(), id.clone());
        Memo::new(move |_| state.refusal(&id))
    };
    let name = format!("{id}-refused");
    let refused = move || {
        let name = name.clone();
        why.get()
            .map(|why| view! { <p class="problem fatal" role="alert" id=name>{why}</p> })
    };
    view! {
        <div class=format!("field {class}")>
            <label for=id>{label}</label>
            {control}
            {hint}
            {refused}
        </div>
    }
    .into_any()
}

/// The ids of what is told about a field, for `aria-describedby`.
pub fn described(id: &str, of: Option<Field>) -> String {
    let room = untrack(|| use_state().room());
    let told = of.and_then(|of| place(of, room));
    let told = told.map_or_else(String::new, |at| format!(" problems-{at}"));
    format!("{id}-hint {id}-refused{told}")
}

/// For `aria-invalid`: whether what was typed is not taken, or what the field sets
/// keeps the experiment from running.
pub fn invalid(id: &str, of: Option<Field>) -> Signal<String> {
    let (state, id) = (use_state(), id.to_owned());
    live(move || {
        let wrong = state.refusal(&id).is_some() || of.is_some_and(|of| state.is_invalid(of));
        wrong.to_string()
    })
}
