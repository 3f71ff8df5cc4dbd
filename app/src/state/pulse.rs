//! Whether the worker is still there. One that stops by a fault says so, but one
//! that ends itself, or that the browser ends for its memory, says nothing.

use super::signals::State;
use crate::text::text;
use gloo::timers::callback::Interval;
use leptos::prelude::*;
use patchbay_engine::protocol::Request;

/// Milliseconds from one look to the next.
const BEAT: u32 = 5_000;

/// Looks without a word from the worker, while something is awaited of it, after
/// which it is asked, and after which it is taken to be gone. It hears between
/// any two steps of its work; the longest step, on the slowest phone, takes some
/// seconds. Looks are counted and not seconds, for a page that slept, or was in
/// the background, must not take its own sleep for the worker's silence.
const ASK: u32 = 2;
const GONE: u32 = 9;

/// The same for one that is fetched and compiled, which it cannot be heard in.
const NEVER_CAME: u32 = 36;

/// Looks within which one that had nothing to do answers, being asked at once.
const AT_ONCE: u32 = 2;

impl State {
    pub(super) fn watch_worker(self) {
        Interval::new(BEAT, move || self.beat()).forget();
    }

    fn beat(self) {
        let running = self.job.with_untracked(Option::is_some);
        let looked = self.wire.try_update_value(|wire| {
            let awaited = !wire.listening
                || running
                || wire.unanswered
                || wire.load.is_some()
                || !wire.files.is_empty();
            let awaited = awaited && wire.engine.is_some();
            wire.silent = awaited.then(|| wire.silent.unwrap_or(0) + 1);
            Some((wire.silent?, wire.listening))
        });
        match looked.flatten() {
            Some((ASK, true)) => self.ping(),
            Some((GONE, true) | (NEVER_CAME, false)) => {
                self.crashed(text().notices.silent.into());
            }
            _ => {}
        }
    }

    fn ping(self) {
        let id = self.next_id();
        self.send(&Request::Ping { id });
    }

    /// Before something is asked of the worker: whether it is there is asked first
    /// where nothing was awaited of it, for then it answers at once or never.
    pub(super) fn knock(self) {
        let idle = self.wire.try_update_value(|wire| {
            wire.unanswered = true;
            let idle = wire.silent.is_none();
            if idle {
                wire.silent = Some(GONE - AT_ONCE);
            }
            idle
        });
        if idle == Some(true) {
            self.ping();
        }
    }
}
