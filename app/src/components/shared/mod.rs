//! What rooms, fields and models are made of alike. It knows none of them.

mod dialog;
mod explained;
mod focus;
pub mod later;
mod live;
mod narrow;
mod old;
mod part;
pub mod problems;
mod reports;
pub mod shows;

pub use dialog::{close_dialog, open_dialog};
pub use explained::{Explained, TERM, Terms, explained};
pub use focus::{focus, focus_first, focus_next, target};
pub use later::saved;
pub use live::{live, passing, whether};
pub use narrow::{is_narrow, page_width};
pub use old::Old;
pub use part::{any_shown, in_page, is_open, part};
pub use reports::Reports;
