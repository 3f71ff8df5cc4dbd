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

impl State {
    pub(super) fn watch_worker(self) {
        Interval::new(BEAT, move || self.beat()).forget();
    }

    fn beat(self) {
        let running = self.job.with_untracked(Option::is_some);
        let silent = self.wire.try_update_value(|wire| {
            let awaited = running || wire.load.is_some() || !wire.files.is_empty();
            let awaited = awaited && wire.listening;
            wire.silent = if awaited { wire.silent + 1 } else { 0 };
            wire.silent
        });
        match silent {
            Some(ASK) => {
                let id = self.next_id();
                self.send(&Request::Ping { id });
            }
            Some(GONE) => self.crashed(text().notices.silent.into()),
            _ => {}
        }
    }
}
