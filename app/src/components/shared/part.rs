use crate::state::use_state;
use leptos::prelude::*;
use patchbay_engine::experiment::{Show, Shown};

/// A part of a room. Where the page is embedded or a workshop, its author says whether it
/// is there, and whether it can be changed.
pub fn part(of: Shown, view: impl FnOnce() -> AnyView) -> AnyView {
    match use_state().show.get_untracked() {
        None => view(),
        Some(show) if !show.has(of) => ().into_any(),
        Some(show) => {
            let fixed = !show.opens(of);
            view! { <fieldset class="part" class:fixed=fixed disabled=fixed role="presentation">{view()}</fieldset> }
                .into_any()
        }
    }
}

/// Whether a part can be changed, where another one offers to.
pub fn is_open(of: Shown) -> bool {
    use_state()
        .show
        .with_untracked(|show| show.as_ref().is_none_or(|show| !show.fixed.contains(&of)))
}

/// Whether any of these parts is there.
pub fn any_shown(parts: &[Shown]) -> bool {
    let has = |show: &Show| parts.iter().any(|part| show.has(*part));
    use_state()
        .show
        .with_untracked(|show| show.as_ref().is_none_or(has))
}

/// What the page has around its rooms, and an embed and a workshop have not.
pub fn in_page(view: impl FnOnce() -> AnyView) -> Option<AnyView> {
    let state = use_state();
    let is_alone = !state.embedded && state.work.with_untracked(Option::is_none);
    is_alone.then(view)
}
