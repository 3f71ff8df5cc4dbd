//! The Patchbay page. It speaks to the engine's worker in experiments and
//! results only; no tensor is ever here.

mod align;
mod cells;
mod change;
mod collected;
mod colour;
mod components;
mod digest;
mod download;
mod embed;
mod engine;
mod examples;
mod export;
mod format;
mod grid;
mod history;
mod link;
mod messages;
mod misfit;
mod nothing;
mod parts;
mod persist;
mod picture;
mod places;
mod preferences;
mod results;
mod runs;
mod scatter;
mod scorm;
mod set;
mod share;
mod state;
mod svg;
mod table;
mod template;
mod terms;
mod text;
#[cfg(test)]
#[path = "../tests/walls.rs"]
mod walls;
mod workshop;

fn main() {
    // The note that stands in the page until its code runs.
    if let Some(note) = gloo::utils::document().get_element_by_id("boot") {
        note.remove();
    }
    leptos::mount::mount_to_body(components::App);
}
