//! Undo and redo of every change of the experiment, and the browser's Back and Forward.
//!
//! What was on the page is kept in memory, [`crate::history`]; entries of the browser's
//! own history carry a note that points into it. The other way round, undo being
//! `history.back()`, would be one thing less, but a sandboxed frame refuses entries,
//! Safari takes a hundred in half a minute and Chromium keeps fifty, a jump comes too
//! late for the next key, and one too many leaves the page. So undo works at once and
//! without the browser, which then follows: one jump at a time, to a place that is
//! known to be the page's own. Back and Forward go where the note says, or where the
//! address does, if the note is from before a reload that forgot.
//!
//! Within another page's frame the browser's history is the other page's: there the
//! address alone is kept up to date.

use super::begun::opened_with;
use super::signals::{Behind, State, Wire};
use super::stored::{KEPT, MOST_KEPT, is_framed, storage};
use crate::examples::complete;
use crate::history::Taken;
use crate::link::{self, Note, is_collecting};
use gloo::events::{EventListener, EventListenerOptions};
use gloo::timers::callback::Timeout;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use patchbay_engine::experiment::link::Link;
use patchbay_engine::experiment::{Experiment, checksum};
use wasm_bindgen::JsCast;
use web_sys::{Element, ScrollRestoration};

/// After so many milliseconds a jump of the browser is no longer waited for. What was
/// undone is on the page long before, and one that comes later still is known.
const JUMP: u32 = 2_000;

/// What is noted at the entry of a page within another one.
const FRAMED: Note = Note {
    visit: 0,
    number: 0,
    place: 0,
};

/// Fields that undo what is typed in them themselves.
const UNDOES_ITSELF: &str =
    "textarea, input[type=text], input[type=number], input[type=search], [contenteditable]";

/// Fields that are changed bit by bit, by letters or by dragging.
const BIT_BY_BIT: &str =
    "textarea, input:not([type=checkbox], [type=radio], [type=file], [type=button])";

impl State {
    /// Follows the experiment, the keys and the browser's history.
    pub(super) fn keep_history(self) {
        if !is_framed() && !self.embedded && link::note().is_none() {
            let number = self.history.with_untracked(|h| h.now().number);
            if link::mark(self.note(number, 0)) {
                self.history.update(|h| h.put(0));
            }
        }
        // What is gone back to is where it was: nothing of the page moves. But for a
        // page that is loaded again, the browser remembers where it was scrolled to.
        scroll_restoration(ScrollRestoration::Manual);
        Effect::new(move |_| {
            self.experiment.track();
            self.record();
        });
        let window = gloo::utils::window();
        // It is told of typed addresses, too. Not `hashchange`: on a busy page it comes
        // when the next jump is under way already, and would be taken for one of a person.
        EventListener::new(&window, "popstate", move |_| self.follow_address()).forget();
        EventListener::new(&window, "pagehide", move |_| {
            scroll_restoration(ScrollRestoration::Auto);
            let lines = self
                .history
                .with_untracked(|h| h.write(Experiment::to_json, MOST_KEPT));
            let visit = self.wire.with_value(|wire| wire.visit);
            // Where there is no room or no leave, the addresses remain.
            let _ = storage().map(|s| s.set_item(KEPT, &format!("{visit}\n{lines}")));
        })
        .forget();
        EventListener::new(&window, "pageshow", move |_| {
            scroll_restoration(ScrollRestoration::Manual);
        })
        .forget();
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(&window, "keydown", options, move |event| {
            if let Some(event) = event.dyn_ref::<KeyboardEvent>()
                && let Some(by) = meant(event)
            {
                event.prevent_default();
                self.go(by);
            }
        })
        .forget();
    }

    /// Takes note of a change.
    fn record(self) {
        let field = focused().filter(|e| is(e, BIT_BY_BIT)).map(|e| e.id());
        let field = field.filter(|id| !id.is_empty());
        let now = self.experiment.get_untracked();
        let mut taken = Taken::Not;
        self.history.maybe_update(|h| {
            taken = h.take(&now, field, js_sys::Date::now());
            taken != Taken::Not
        });
        if taken == Taken::Added {
            self.follow();
        }
    }

    /// A change that no person made: it is no step of its own.
    pub(super) fn correct(self, change: impl FnOnce(&mut Experiment)) {
        self.experiment.update(change);
        let now = self.experiment.get_untracked();
        self.history.update(|h| h.correct(now));
    }

    /// Undoes the last change.
    pub fn undo(self) {
        self.go(-1);
    }

    /// Does again what was undone.
    pub fn redo(self) {
        self.go(1);
    }

    fn go(self, by: isize) {
        // What was typed last is not to be missing from its address.
        self.follow();
        let found = self.history.try_update(|h| h.step(by)).flatten();
        if let Some(experiment) = found {
            self.put(experiment);
            self.follow();
        }
    }

    /// Puts an experiment from the history on the page.
    fn put(self, experiment: Experiment) {
        self.broken_link.set(None);
        let last = experiment.sweeps.len().saturating_sub(1);
        if self.active.get_untracked() > last {
            self.active.set(experiment.cell.map_or(last, |c| c.sweep));
        }
        self.experiment.set(experiment);
    }

    /// Lets the browser's history follow, and its address.
    pub(super) fn follow(self) {
        if self.embedded || is_collecting() {
            // Its address is its author's: a reload is to begin with what that says.
            return;
        }
        if is_framed() {
            self.write(FRAMED, false);
            return;
        }
        if self.wire.with_value(|wire| wire.going.is_some()) {
            return;
        }
        let note = link::note();
        let (number, place, leads_on, end) = self
            .history
            .with_untracked(|h| (h.now().number, h.now().place, h.leads_on(), h.end()));
        match (place, note) {
            (Some(place), Some(note)) if place != note.place => {
                self.jump(number, place.saturating_sub(note.place));
            }
            (Some(place), _) => {
                self.write(self.note(number, place), false);
            }
            // A new entry here would take the way to later ones.
            (None, Some(_)) if leads_on => {}
            (None, Some(note)) => {
                let place = note.place.saturating_add(1);
                self.write(self.note(number, place), true);
            }
            // An address that was typed and could not be read.
            (None, None) => {
                self.write(self.note(number, end), false);
            }
        }
    }

    /// What the page's address holds: what is on the page, and what of the link that was
    /// opened stays true of it. In a workshop that is what its link put there, beside
    /// which a person's way through it is kept: see [`crate::workshop`].
    fn addressed(self) -> Link {
        let experiment = self.experiment.get_untracked();
        let author = self.author.get_untracked();
        match self.work.get_untracked() {
            None => Link {
                digest: author.filter(|a| a.of == checksum(&experiment)),
                ..experiment.into()
            },
            Some(work) => Link {
                digest: author,
                show: self.show.get_untracked(),
                workshop: Some(work.workshop),
                ..work.first.into()
            },
        }
    }

    fn note(self, number: u32, place: i32) -> Note {
        let visit = self.wire.with_value(|wire| wire.visit);
        Note {
            visit,
            number,
            place,
        }
    }

    fn write(self, at: Note, new: bool) {
        let link = self.addressed();
        self.wire.update_value(|wire| {
            wire.told.remove(&at.number);
        });
        let written = link::write(&link, at, new) && at != FRAMED;
        if written {
            self.history.maybe_update(|h| {
                let moved = h.now().place != Some(at.place);
                if moved {
                    h.put(at.place);
                }
                moved
            });
        }
    }

    /// Sends the browser to the place of an entry.
    fn jump(self, number: u32, by: i32) {
        let gone = gloo::utils::window()
            .history()
            .and_then(|h| h.go_with_delta(by));
        if gone.is_err() {
            return;
        }
        self.wire.update_value(|wire| {
            wire.going = Some(number);
            wire.told.insert(number);
        });
        Timeout::new(JUMP, move || {
            let waits = self.wire.with_value(|wire| wire.going == Some(number));
            if waits {
                // It has not got the entry any more: the one where it is takes its part.
                self.wire.update_value(|wire| wire.going = None);
                let place = link::note().map(|n| n.place);
                self.history.update(|h| h.alone(place));
                self.follow();
            }
        })
        .forget();
    }

    /// Whether the browser came to an entry because the page sent it there, be it late.
    fn was_told(self, number: u32) -> bool {
        let arrived = |wire: &mut Wire| {
            wire.going.take_if(|going| *going == number);
            wire.told.remove(&number)
        };
        self.wire.try_update_value(arrived).unwrap_or(false)
    }

    /// Takes over what an address typed or gone back to says.
    fn follow_address(self) {
        let visit = self.wire.with_value(|wire| wire.visit);
        let note = link::note().filter(|n| n.visit == visit && !is_framed());
        if note.is_some_and(|note| self.was_told(note.number)) {
            // A further step may have been taken meanwhile.
            return self.follow();
        }
        // The file of another address is not to arrive at this one.
        self.leave_behind();
        let behind = link::behind();
        self.take_entry(note);
        match behind {
            Ok(None) => {}
            Ok(remote) => self.behind.set(remote.map(Behind::of)),
            Err(broken) => self.broken_link.set(Some(broken)),
        }
    }

    /// Takes over the experiment of an address, by its note of this visit, if it has one.
    fn take_entry(self, note: Option<Note>) {
        let Some(Note { number, place, .. }) = note else {
            return self.take_address();
        };
        if self.history.with_untracked(|h| h.now().number == number) {
            self.broken_link.set(None);
            return;
        }
        let known = self
            .history
            .try_update(|h| h.visit(number, place))
            .flatten();
        let experiment = known.or_else(|| {
            // An address without an experiment is that of the page as it opens.
            let link = link::read().ok()?.unwrap_or_default();
            let found = complete(link.experiment);
            self.author.set(link.digest);
            self.history
                .update(|h| h.learn(number, place, found.clone()));
            Some(found)
        });
        match experiment {
            Some(experiment) => self.put(experiment),
            None => self.take_address(),
        }
    }

    /// Puts what a link or a file holds on the page: a change like any other.
    pub fn open_link(self, link: Link) {
        let (work, experiment) = opened_with(link.workshop, link.experiment);
        self.broken_link.set(None);
        self.author.set(link.digest);
        if !self.embedded {
            self.show.set(link.show);
        }
        self.work.set(work);
        // Another link may name another encoder.
        self.encoders.set(false);
        if self.experiment.with_untracked(|e| *e != experiment) {
            self.history.update(|h| h.add(experiment.clone(), None));
            self.put(experiment);
        }
    }

    /// The same, of what the browser has no entry for.
    pub fn bring(self, link: Link) {
        self.open_link(link);
        self.follow();
    }

    /// Takes over the experiment of an address that was typed.
    fn take_address(self) {
        match link::read() {
            Ok(None) => {}
            Ok(Some(link)) => {
                self.open_link(link);
                // The browser has an entry for it already.
                let (number, place) = self.history.with_untracked(|h| (h.now().number, h.end()));
                if !is_framed() {
                    self.write(self.note(number, place), false);
                }
            }
            Err(broken) => self.broken_link.set(Some(broken)),
        }
    }
}

/// What a key means for the history: a step back, a step on, or nothing.
fn meant(event: &KeyboardEvent) -> Option<isize> {
    if !(event.ctrl_key() || event.meta_key()) || event.alt_key() {
        return None;
    }
    let by = match (event.key().to_lowercase().as_str(), event.shift_key()) {
        ("z", false) => -1,
        ("z", true) | ("y", false) => 1,
        _ => return None,
    };
    // A dialog over the page hides what would change.
    let covered = document().query_selector("dialog[open]").ok()?.is_some();
    let own = focused().is_some_and(|e| is(&e, UNDOES_ITSELF));
    (!covered && !own).then_some(by)
}

fn focused() -> Option<Element> {
    document().active_element()
}

fn is(element: &Element, kind: &str) -> bool {
    element.matches(kind).unwrap_or(false)
}

fn scroll_restoration(way: ScrollRestoration) {
    if let Ok(history) = gloo::utils::window().history() {
        // Where it is refused, the page scrolls with Back and Forward.
        let _ = history.set_scroll_restoration(way);
    }
}
