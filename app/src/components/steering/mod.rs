//! The steering room. Like the other components these hold nothing of the
//! experiment; they read the state and edit the experiment in it.

mod carriers;
mod choices;
mod detector;
mod direction;
mod directions;
mod facts;
mod feature;
mod inspect;
mod map;
mod prompt;
mod reading;
mod sampling;
mod source;
mod summary;
mod texts;
mod used;

use crate::components::examples::Bar;
use crate::components::models::Panel;
use crate::components::notice::Notices;
use crate::components::runs::Runs;
use crate::components::share::Reproduced;
use crate::components::shared::shows::Shows;
use crate::components::shared::{in_page, part};
use crate::later;
use crate::text::steer;
use detector::DetectorPanel;
use directions::Directions;
use leptos::prelude::*;
use map::MapPanel;
use patchbay_engine::experiment::Shown;
use prompt::PromptPanel;
use texts::Texts;

later! {
    /// The room, which is loaded when somebody enters it.
    pub STEERING: steering, room, load => view! { <Steering /> }
}

/// The room of activation steering.
#[component]
fn Steering() -> impl IntoView {
    let t = steer();
    let bar = || view! { <Bar title=t.title lede=t.lede /> }.into_any();
    let evidence =
        || view! { <Shows id="steer-shows-title" title=t.shows_title lines=t.shows /> }.into_any();
    view! {
        {in_page(bar)}
        <Notices />
        <Panel />
        <Reproduced />
        <div class="bench steering">
            <div class="column">
                {part(Shown::Prompts, || view! { <PromptPanel /> }.into_any())}
                {part(Shown::Directions, || view! { <Directions /> }.into_any())}
            </div>
            {part(Shown::Texts, || view! { <Texts /> }.into_any())}
            {part(Shown::Map, || view! { <MapPanel /> }.into_any())}
            {part(Shown::Measures, || view! { <DetectorPanel /> }.into_any())}
            {in_page(evidence)}
        </div>
        {in_page(|| view! { <Runs /> }.into_any())}
    }
}
