//! The patching room.

mod advice;
mod alignment;
mod answer;
mod axes;
mod beside;
mod bring;
mod chips;
mod controls;
mod estimated;
mod grids;
mod heatmap;
mod legend;
mod look;
mod metric;
mod overview;
mod pair_table;
mod pairs;
mod picture;
mod prompts;
mod raw;
mod remarks;
mod stages;
mod status;
mod steered;
mod sweep;
mod table;
mod template;
mod top;

use crate::components::examples::Bar;
use crate::components::models::Panel;
use crate::components::notice::Notices;
use crate::components::runs::Runs;
use crate::components::share::Reproduced;
use crate::components::shared::shows::Shows;
use crate::components::shared::{any_shown, in_page, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Shown;
use prompts::Prompts;
use stages::Stages;
use sweep::Sweep;

/// The room of activation patching.
#[component]
pub fn Patching() -> impl IntoView {
    let (t, shows) = (&text().header, &text().map);
    let state = use_state();
    let awaits = whether(move || state.awaits_model());
    let bar = || view! { <Bar title=t.title lede=t.lede /> }.into_any();
    let evidence = || {
        view! { <Shows id="shows-title" title=shows.shows_title lines=shows.shows /> }.into_any()
    };
    view! {
        {in_page(bar)}
        <Notices />
        <Panel />
        <Reproduced />
        {any_shown(&[Shown::Prompts, Shown::Metric]).then(|| view! { <Prompts /> })}
        <div class="bench" hidden=awaits>
            {any_shown(&[Shown::Runs, Shown::Cell]).then(|| view! { <Stages /> })}
            {any_shown(&[Shown::Settings, Shown::Map, Shown::Picture]).then(|| view! { <Sweep /> })}
            {in_page(evidence)}
        </div>
        {in_page(|| view! { <Runs /> }.into_any())}
    }
}
