use crate::components::shared::problems::Problems;
use crate::components::shared::whether;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Field;

/// Why the map is not of what is set up now. It lies over the old map, so that
/// nothing moves when it comes and goes.
#[component]
pub fn Remarks() -> impl IntoView {
    let state = use_state();
    let t = &text().runs;
    let (stale, grid) = (state.derived.stale, state.derived.grid);
    let has_grid = Memo::new(move |_| grid.with(Option::is_some));
    // Prompts of different lengths have to be matched first: that is done in the settings.
    let unmatched = Memo::new(move |_| {
        let reading = state.derived.reading;
        let lengths = reading.with(|r| r.as_ref().map(|r| (r.clean.len(), r.corrupted.len())));
        lengths.is_some_and(|(clean, corrupted)| clean != corrupted)
            && [Field::Sweep, Field::Alignment]
                .into_iter()
                .any(|field| state.is_invalid(field))
    });
    let folded = move || unmatched.get() && !state.preferences.with(|p| p.settings);
    view! {
        <div class="map-remarks" class:over=has_grid>
            <p class="old-map" hidden=whether(move || !stale.get())>{text().map.stale}</p>
            <Problems field=Field::Sweep />
            <Problems field=Field::Alignment />
            <button
                type="button"
                class="quiet"
                data-testid="match"
                hidden=whether(move || !folded())
                on:click=move |_| state.set_preferences.update(|p| p.settings = true)
            >
                {t.match_positions}
            </button>
        </div>
    }
}
