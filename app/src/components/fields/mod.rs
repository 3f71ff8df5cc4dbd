//! What a person types into or chooses from, in both rooms and the menu.

pub mod bos;
pub mod form;
pub mod number;
pub mod segmented;
