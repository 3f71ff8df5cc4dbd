//! Counts bytes and says now and then how far it is.

use super::remark::Waiting;
use crate::experiment::{Progress, Stage};
use crate::sentence::{Said, Sentence};
use crate::worker::rate::Rate;
use gloo_timers::future::TimeoutFuture;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;

/// Milliseconds between two reports: more often than anyone can read.
const REPORT_EVERY: f64 = 50.0;

/// Milliseconds between two looks at whether anything comes.
const LOOK_EVERY: u32 = 1_000;

pub struct Meter<'a> {
    now: &'a dyn Fn() -> f64,
    /// Hears the progress, and why nothing comes just now.
    report: &'a dyn Fn(Progress, Option<Said>),
    told: Cell<f64>,
    done: Cell<u64>,
    total: Cell<u64>,
    /// Of what is fetched.
    rate: RefCell<Rate>,
    /// Bytes of a request that had come already.
    passed: Cell<u64>,
}

impl<'a> Meter<'a> {
    pub fn new(now: &'a dyn Fn() -> f64, report: &'a dyn Fn(Progress, Option<Said>)) -> Self {
        Self {
            now,
            report,
            told: Cell::new(f64::NEG_INFINITY),
            done: Cell::new(0),
            total: Cell::new(0),
            rate: RefCell::default(),
            passed: Cell::new(0),
        }
    }

    /// Starts again from nothing, the weights having so many bytes.
    pub fn expect(&self, bytes: Option<u64>) {
        self.total.set(bytes.unwrap_or(0));
    }

    pub fn restart(&self) {
        self.done.set(0);
        self.ends();
    }

    /// A request is made, whose bytes say how fast the network is.
    pub fn asks(&self) {
        self.rate.borrow_mut().begin((self.now)());
        self.passed.set(0);
    }

    /// Nothing is awaited from the network any more.
    pub fn ends(&self) {
        self.rate.borrow_mut().end();
    }

    /// Counts bytes; only the fetched ones say how fast the network is.
    pub fn add(&self, bytes: u64, fetched: bool) {
        self.done.set(self.done.get() + bytes);
        if fetched {
            self.rate.borrow_mut().add((self.now)(), bytes);
        }
        if self.is_time() {
            self.tell(None);
        }
    }

    /// Bytes that had come already, of which there are so many in all.
    pub fn pass(&self, bytes: u64, of: u64) {
        self.rate.borrow_mut().add((self.now)(), 0);
        self.passed.set(self.passed.get() + bytes);
        if self.is_time() {
            let mb = |bytes| bytes / 1_000_000;
            self.tell(Some(&Waiting::SentAgain {
                here: mb(of),
                passed: mb(self.passed.get()),
            }));
        }
    }

    /// Says that it is tried again in a while.
    pub fn waits(&self, waiting: &Waiting) {
        self.rate.borrow_mut().end();
        self.tell(Some(waiting));
    }

    /// Says for how long nothing has come, as long as it is polled.
    pub async fn watch(&self) -> Infallible {
        loop {
            TimeoutFuture::new(LOOK_EVERY).await;
            let silent = self.rate.borrow().silent((self.now)());
            if let Some(silent) = silent {
                let seconds = silent / 1000.0;
                self.tell(Some(&Waiting::Silent { seconds }));
            }
        }
    }

    fn is_time(&self) -> bool {
        (self.now)() - self.told.get() >= REPORT_EVERY
    }

    #[allow(clippy::cast_precision_loss)] // an estimate
    pub fn tell(&self, waiting: Option<&Waiting>) {
        let now = (self.now)();
        self.told.set(now);
        let done = self.done.get();
        let total = self.total.get().max(done);
        let rate = self.rate.borrow().per_second(now);
        let progress = Progress {
            stage: Stage::Load,
            done,
            total,
            seconds_left: rate.map(|rate| (total - done) as f64 / rate),
        };
        (self.report)(progress, waiting.map(Waiting::said));
    }
}
