//! What the steps have in common.

use leptos::prelude::*;

/// The heading of the step that somebody is at.
pub(super) const HERE: &str = "workshop-here";

/// A text of several paragraphs.
pub(super) fn paragraphs(text: &str) -> impl IntoView + use<> {
    text.split("\n\n")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| view! { <p class="says">{part.to_owned()}</p> })
        .collect_view()
}
