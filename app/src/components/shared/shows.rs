use leptos::prelude::*;

/// What a room's numbers are evidence for, and what they are not.
#[component]
pub fn Shows(
    /// The id of its heading.
    id: &'static str,
    title: &'static str,
    lines: &'static [&'static str],
) -> impl IntoView {
    let lines = lines
        .iter()
        .map(|line| view! { <li>{*line}</li> })
        .collect_view();
    view! {
        <aside class="panel shows" aria-labelledby=id>
            <h2 id=id>{title}</h2>
            <ul>{lines}</ul>
        </aside>
    }
}
