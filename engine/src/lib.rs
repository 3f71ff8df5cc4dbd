//! GPT-2 with interventions: rows over a base.
//!
//! [`experiment`] holds the types that the page, links, the command line and
//! the JavaScript API share; everything else computes. Arrows point one way:
//! `{session, device} -> model -> {rows, backend}`, and nothing here knows the page.

pub mod dictionary;
pub mod experiment;
pub mod json;
pub mod order;
pub mod protocol;
pub mod sentence;
pub mod source;
pub mod text;

#[cfg(feature = "model")]
pub mod backend;
#[cfg(all(feature = "cpu", feature = "webgpu"))]
pub mod device;
#[cfg(feature = "cpu")]
pub mod directions;
#[cfg(feature = "cpu")]
mod host;
#[cfg(feature = "cpu")]
mod lab;
#[cfg(feature = "model")]
pub mod model;
#[cfg(feature = "cpu")]
pub mod numbers;
#[cfg(feature = "cpu")]
mod patching;
#[cfg(feature = "model")]
pub mod rows;
#[cfg(feature = "cpu")]
pub mod session;
#[cfg(feature = "cpu")]
mod steering;
#[cfg(any(test, feature = "worker"))]
mod worker;
#[cfg(feature = "worker")]
pub use worker::serve;
