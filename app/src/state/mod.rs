//! The page's state: the experiment, which is the only thing a person edits,
//! and what the engine told about it. Everything else is derived.

mod begun;
mod digest;
mod embed;
mod files;
mod history;
mod models;
mod pulse;
mod requests;
mod responses;
mod runs;
mod signals;
mod steering;
mod stored;
mod workshop;

pub use models::MINI;
pub use signals::{Behind, Notice, State, Status, is_bundled, use_state};
pub use stored::Remark;
