//! Whoever asked for an experiment, and what it is told when there is no report.

mod crew;
mod dictionary;
mod error;
mod task;

use crate::experiment::Update;
use crate::model::{Cancelled, Pulse};
pub use crew::{Cells, Crew, Turn};
pub use dictionary::{DictionaryFile, NoFile, Unread};
pub use error::SessionError;
use std::ops::Range;
pub(crate) use task::{Asked, Task};

/// Whoever asked for an experiment: hears what is found as it is found, lends
/// the time of day, and may stop it.
pub trait Host {
    /// Something was found.
    fn update(&self, update: Update);
    /// Milliseconds since some moment; only differences are used.
    fn now(&self) -> f64;
    /// Lets other things happen; answers [`Cancelled`] to stop.
    fn breathe(&self) -> impl Future<Output = Result<(), Cancelled>>;
    /// The other engines that a sweep is shared with, if there are any.
    fn crew(&self) -> Option<&Crew> {
        None
    }
    /// Whether it only does pieces of another engine's sweeps.
    fn shares(&self) -> bool {
        false
    }
    /// Reads bytes of a dictionary's file, or as many as it has there, and hands
    /// them on as they come.
    fn read(
        &self,
        file: &DictionaryFile<'_>,
        _range: Range<u64>,
        _take: &mut dyn FnMut(&[u8]),
    ) -> impl Future<Output = Result<(), Unread>> {
        let nowhere = NoFile::Nowhere {
            dictionary: file.dictionary.into(),
        };
        async { Err(nowhere.into()) }
    }
    /// Whether dictionaries' encoders may be read, which are large.
    fn reads_encoders(&self) -> bool {
        false
    }
    /// What a sweep does next, its pieces being laid out in `crew`.
    fn turn(&self, crew: &Crew) -> impl Future<Output = Turn> {
        crew.turn()
    }
}

/// Lets a host stop a forward pass and hear how far it has got.
pub(crate) struct Beats<'a, H: Host> {
    host: &'a H,
    /// What to say of so many multiplications done in all.
    say: &'a dyn Fn(u64) -> Option<Update>,
    done: std::cell::Cell<u64>,
}

impl<'a, H: Host> Beats<'a, H> {
    /// Only lets it be stopped.
    pub fn quiet(host: &'a H) -> Self {
        Self::new(host, &|_| None)
    }

    pub fn new(host: &'a H, say: &'a dyn Fn(u64) -> Option<Update>) -> Self {
        Self {
            host,
            say,
            done: std::cell::Cell::new(0),
        }
    }
}

impl<H: Host> Pulse for Beats<'_, H> {
    async fn beat(&self, multiplications: u64) -> Result<(), Cancelled> {
        self.done.set(self.done.get() + multiplications);
        if let Some(update) = (self.say)(self.done.get()) {
            self.host.update(update);
        }
        self.host.breathe().await
    }
}
