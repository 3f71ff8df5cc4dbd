//! What a person types into or chooses from, in both rooms and in the menu: each kind
//! once, with its label, its hint and why what was typed is not taken.
//!
//! A field is told what to show by a signal and what to do with what is typed by a
//! callback, so that there is one piece of code for a kind, whoever uses it.

mod bos;
mod check;
mod choose;
mod form;
mod frame;
mod line;
mod lines;
mod number;
mod segmented;
mod taken;
mod typed;

pub use bos::Bos;
pub use check::Check;
pub use choose::{Choose, Entry, entries, numbered};
pub use form::{Typed, form, understood};
pub use frame::{Labelled, described, invalid};
pub use line::Line;
pub use lines::{Lines, lines};
pub use number::{Number, SEED};
pub use segmented::Segmented;
pub use taken::Taken;
