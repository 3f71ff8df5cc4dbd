//! What fields of all kinds have: a label, a hint, and what is wrong.

use crate::components::shared::{explained, live};
use crate::places::place;
use crate::state::use_state;
use crate::terms::Term;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// The terms of a field: what it is called, and what is chosen in it now.
#[derive(Clone, Copy, Default)]
pub(super) struct Words {
    pub term: Option<Term>,
    pub now: Option<Signal<Term>>,
}

/// A field around a control of its own kind, whose id it has.
#[component]
pub fn Labelled(
    #[prop(into)] id: String,
    label: &'static str,
    #[prop(optional)] hint: Option<Signal<String>>,
    #[prop(optional_no_strip)] term: Option<Term>,
    children: Children,
) -> impl IntoView {
    let words = Words { term, now: None };
    framed(id, label, "", hint, words, children())
}

/// The field around its control; what is wrong with what was typed is told under it. What
/// explains its words stands beside its label and its hint, never in them.
pub(super) fn framed(
    id: String,
    label: &'static str,
    class: &'static str,
    hint: Option<Signal<String>>,
    words: Words,
    control: AnyView,
) -> AnyView {
    let said = hint.is_some();
    let hint = hint.map(|hint| {
        let hint = view! { <small id=format!("{id}-hint")>{hint}</small> };
        beside("hinted", hint.into_any(), [words.now, None])
    });
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
    let label = view! { <label for=id>{label}</label> }.into_any();
    let now = words.now.filter(|_| !said);
    let label = beside("named", label, [words.term.map(Signal::from), now]);
    view! {
        <div class=format!("field {class}")>
            {label}
            {control}
            {hint}
            {refused}
        </div>
    }
    .into_any()
}

/// A text with what explains its words, where there is any.
pub(super) fn beside(
    class: &'static str,
    what: AnyView,
    words: [Option<Signal<Term>>; 2],
) -> AnyView {
    match words {
        [None, None] => what,
        words => {
            let words = words.map(|word| word.map(|word| explained(word, false)));
            view! { <span class=class>{what}{words.into_iter().collect_view()}</span> }.into_any()
        }
    }
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
