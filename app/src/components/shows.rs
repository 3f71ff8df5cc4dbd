use crate::text::text;
use leptos::prelude::*;

/// What the map is evidence for, and what it is not.
#[component]
pub fn Shows() -> impl IntoView {
    let t = &text().map;
    let lines = t
        .shows
        .iter()
        .map(|line| view! { <li>{*line}</li> })
        .collect_view();
    view! {
        <aside class="panel shows" aria-labelledby="shows-title">
            <h2 id="shows-title">{t.shows_title}</h2>
            <ul>{lines}</ul>
        </aside>
    }
}
