#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod held_out;
mod model;
mod ops;
mod tokenizer;

use std::path::PathBuf;

/// The committed model's folder.
fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../www/models/mini")
}
