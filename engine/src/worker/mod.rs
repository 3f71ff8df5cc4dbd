//! The engine's worker: requests of [`protocol`](crate::protocol) come in, are served one
//! after the other, and answered.

#[cfg(feature = "worker")]
mod attention;
#[cfg(feature = "worker")]
mod engines;
#[cfg(feature = "worker")]
mod failure;
#[cfg(feature = "worker")]
mod helpers;
#[cfg(feature = "worker")]
mod js;
#[cfg(feature = "worker")]
mod listen;
#[cfg(feature = "worker")]
mod load;
#[cfg(feature = "worker")]
mod problem;
mod rate;
mod room;
#[cfg(feature = "worker")]
mod serve;

#[cfg(feature = "worker")]
pub use serve::serve;
