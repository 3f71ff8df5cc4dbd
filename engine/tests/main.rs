//! The engine's tests, in one program: what they share of it is compiled and linked once.
//! `cargo test --package patchbay-engine --test engine oracles` runs those of one file.
//! In programs of their own are those that need a process for themselves.

mod common;
#[path = "../../tests/rust/modules.rs"]
mod read;

mod circuits;
mod cpu_backend;
mod detector;
mod dictionary;
mod directions;
mod edits;
mod experiments;
mod export;
mod fields;
mod folders;
mod gpu;
mod gradients;
mod heads;
mod limits;
mod loading;
mod mirror;
mod numbers;
mod oracles;
mod pair_cells;
mod patching;
mod planned;
mod remembered;
mod sentences;
mod sets;
mod steer;
mod steer_map;
mod uses;
mod vector_files;
mod walls;
