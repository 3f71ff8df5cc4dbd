use crate::state::use_state;
use leptos::prelude::*;
use patchbay_engine::experiment::Shown;

/// A part of a room. Where the page is embedded, its author says whether it is there, and
/// whether it can be changed.
pub fn part(of: Shown, view: impl FnOnce() -> AnyView) -> AnyView {
    match &use_state().embed {
        None => view(),
        Some(show) if !show.has(of) => ().into_any(),
        Some(show) => {
            let fixed = !show.opens(of);
            view! { <fieldset class="part" class:fixed=fixed disabled=fixed role="presentation">{view()}</fieldset> }
                .into_any()
        }
    }
}

/// Whether any of these parts is there.
pub fn any_shown(parts: &[Shown]) -> bool {
    let embed = &use_state().embed;
    embed
        .as_ref()
        .is_none_or(|show| parts.iter().any(|part| show.has(*part)))
}

/// What the page has around its rooms, and an embed has not.
pub fn in_page(view: impl FnOnce() -> AnyView) -> Option<AnyView> {
    use_state().embed.is_none().then(view)
}
