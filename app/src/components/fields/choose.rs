use super::frame::{Words, described, framed, invalid};
use crate::terms::Term;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// One of what can be chosen.
#[derive(Clone, Default)]
pub struct Entry {
    /// Its name in the page, which tests look for.
    pub value: String,
    /// What it is called.
    pub label: String,
    /// Whether it cannot be chosen now.
    pub barred: bool,
}

/// Entries that are always the same, by value and label.
pub fn entries(list: &[(&str, &str)]) -> Signal<Vec<Entry>> {
    let one = |(value, label): &(&str, &str)| Entry {
        value: (*value).into(),
        label: (*label).into(),
        barred: false,
    };
    let list: Vec<Entry> = list.iter().map(one).collect();
    Signal::derive(move || list.clone())
}

/// Entries that are always the same, their values being their places, from 0 on.
pub fn numbered(labels: &[&str]) -> Signal<Vec<Entry>> {
    let numbers: Vec<String> = (0..labels.len()).map(|i| i.to_string()).collect();
    let numbers = numbers.iter().map(String::as_str);
    entries(&numbers.zip(labels.iter().copied()).collect::<Vec<_>>())
}

/// A labelled choice of one of a few.
#[component]
pub fn Choose(
    #[prop(into)] id: String,
    label: &'static str,
    options: Signal<Vec<Entry>>,
    /// The value of the one that is chosen.
    value: Signal<String>,
    /// Takes the value of another.
    #[prop(into)]
    set: Callback<String>,
    #[prop(optional)] class: &'static str,
    #[prop(optional)] hint: Option<Signal<String>>,
    #[prop(optional)] of: Option<Field>,
    #[prop(optional)] term: Option<Term>,
    /// What is chosen, as a term.
    #[prop(optional)]
    now: Option<Signal<Term>>,
) -> impl IntoView {
    let words = Words { term, now };
    let now = Memo::new(move |_| value.get());
    let options = move || {
        let now = now.get();
        let one = |Entry {
                       value,
                       label,
                       barred,
                   }| {
            let selected = value == now;
            view! { <option value=value disabled=barred prop:selected=selected>{label}</option> }
        };
        options.get().into_iter().map(one).collect_view()
    };
    let control = view! {
        <select
            id=id.clone()
            data-testid=id.clone()
            aria-describedby=described(&id, of)
            aria-invalid=invalid(&id, of)
            on:change:target=move |event| set.run(event.target().value())
        >
            {options}
        </select>
    };
    framed(id, label, class, hint, words, control.into_any())
}
