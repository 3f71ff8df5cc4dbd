use super::live::live;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;

/// The attribute by which an element says which term it explains: its place in
/// [`Term::ALL`]. The page listens once for all of them (`components/words`).
pub const TERM: &str = "data-term";

/// A button that explains a term, on hover, focus or press. It is out of the tab order,
/// which would else be long before the map: a section's `first` one is its only stop, and
/// the arrow keys go from there to the others.
#[component]
pub fn Explained(#[prop(into)] term: Signal<Term>, #[prop(optional)] first: bool) -> impl IntoView {
    explained(term, first)
}

/// The same, for those that are made of parts.
pub fn explained(term: Signal<Term>, first: bool) -> AnyView {
    button(term, first, live(|| "?"))
}

/// Terms that stand nowhere by themselves, by their names.
#[component]
pub fn Terms(of: &'static [Term]) -> impl IntoView {
    let one = |term: &Term| {
        let name = (text().words.name)(*term);
        button((*term).into(), false, live(move || name))
    };
    view! { <p class="terms">{of.iter().map(one).collect_view()}</p> }
}

/// Not a `<button>`: what an embed's author fixed is a disabled fieldset, and words are to
/// explain themselves there, too.
fn button(term: Signal<Term>, first: bool, shown: Signal<String>) -> AnyView {
    let t = &text().words;
    view! {
        <span
            role="button"
            class="what"
            tabindex=if first { "0" } else { "-1" }
            data-term=live(move || (term.get() as usize).to_string())
            aria-label=live(move || (t.ask)((t.name)(term.get())))
        >
            {shown}
        </span>
    }
    .into_any()
}
