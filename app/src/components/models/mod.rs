//! Models: the menu in the header, and the panel that stands in place of results
//! until a model is there.

mod act;
mod choices;
mod dialog;
mod hub;
mod kept;
mod menu;
mod offer;
mod other;
mod panel;
mod progress;
mod source;

pub use dialog::open_menu;
pub use menu::{Menu, MenuButton};
pub use panel::Panel;
pub use source::Source;
