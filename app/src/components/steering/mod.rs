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
use crate::components::shared::shows::Shows;
use crate::text::text;
use detector::DetectorPanel;
use directions::Directions;
use leptos::prelude::*;
use map::MapPanel;
use prompt::PromptPanel;
use texts::Texts;

/// The room of activation steering.
#[component]
pub fn Steering() -> impl IntoView {
    let t = &text().steer;
    view! {
        <Bar title=t.title lede=t.lede />
        <Notices />
        <Panel />
        <div class="bench steering">
            <div class="column">
                <PromptPanel />
                <Directions />
            </div>
            <Texts />
            <MapPanel />
            <DetectorPanel />
            <Shows id="steer-shows-title" title=t.shows_title lines=t.shows />
        </div>
        <Runs />
    }
}
