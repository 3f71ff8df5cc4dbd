//! Counts bytes and says now and then how far it is.

use crate::experiment::{Progress, Stage};
use std::cell::Cell;

/// Milliseconds between two reports: more often than anyone can read.
const REPORT_EVERY: f64 = 50.0;

pub struct Meter<'a> {
    now: &'a dyn Fn() -> f64,
    /// Hears the progress, and why nothing comes just now.
    report: &'a dyn Fn(Progress, Option<String>),
    told: Cell<f64>,
    done: Cell<u64>,
    total: Cell<u64>,
    /// When the first fetched byte came, and how many have come since.
    fetching: Cell<Option<f64>>,
    fetched: Cell<u64>,
}

impl<'a> Meter<'a> {
    pub fn new(now: &'a dyn Fn() -> f64, report: &'a dyn Fn(Progress, Option<String>)) -> Self {
        Self {
            now,
            report,
            told: Cell::new(f64::NEG_INFINITY),
            done: Cell::new(0),
            total: Cell::new(0),
            fetching: Cell::new(None),
            fetched: Cell::new(0),
        }
    }

    /// Starts again from nothing, the weights having so many bytes.
    pub fn expect(&self, bytes: Option<u64>) {
        self.total.set(bytes.unwrap_or(0));
    }

    pub fn restart(&self) {
        self.done.set(0);
    }

    /// Counts bytes; only the fetched ones say how fast the network is.
    pub fn add(&self, bytes: u64, fetched: bool) {
        self.done.set(self.done.get() + bytes);
        if fetched {
            if self.fetching.get().is_none() {
                self.fetching.set(Some((self.now)()));
            }
            self.fetched.set(self.fetched.get() + bytes);
        }
        if (self.now)() - self.told.get() >= REPORT_EVERY {
            self.tell(None);
        }
    }

    /// Says that it is tried again in a while.
    pub fn waits(&self, reason: &str, seconds: f64) {
        self.tell(Some(format!(
            "{reason}; it is tried again in {seconds:.0} s, from where it was."
        )));
    }

    #[allow(clippy::cast_precision_loss)] // an estimate
    pub fn tell(&self, waiting: Option<String>) {
        let now = (self.now)();
        self.told.set(now);
        let done = self.done.get();
        let total = self.total.get().max(done);
        let fetched = self.fetched.get() as f64;
        let rate = self
            .fetching
            .get()
            .map(|start| fetched / (now - start).max(1.0) * 1000.0)
            .filter(|rate| *rate > 0.0);
        let progress = Progress {
            stage: Stage::Load,
            done,
            total,
            seconds_left: rate.map(|rate| (total - done) as f64 / rate),
        };
        (self.report)(progress, waiting);
    }
}
