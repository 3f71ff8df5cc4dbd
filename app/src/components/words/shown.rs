//! What is explained now, and what opens and closes it.

use super::list::Meanings;
use super::near::Near;
use crate::components::shared::{TERM, focus, target};
use crate::terms::Term;
use gloo::timers::callback::Timeout;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The explanation, its sentences, and the button that a press leads to, by their ids.
pub const BOX: &str = "explanation";
pub const SAYS: &str = "explanation-says";
pub const LEAD: &str = "explanation-all";

/// How long the pointer rests on a word before it is meant, and how long it may be
/// elsewhere on its way into the explanation, in milliseconds.
const REST: u32 = 150;
const AWAY: u32 = 300;

#[derive(Clone, Copy)]
pub struct Shown {
    pub term: RwSignal<Option<Term>>,
    pub near: RwSignal<Option<Near>>,
    /// Whether the arrow keys go on from it.
    pub walks: RwSignal<bool>,
    /// The element that it is explained at.
    at: StoredValue<Option<HtmlElement>, LocalStorage>,
    /// What opens or closes it after a while.
    timer: StoredValue<Option<Timeout>, LocalStorage>,
    meanings: Meanings,
}

impl Shown {
    pub fn new(meanings: Meanings) -> Self {
        Self {
            term: RwSignal::new(None),
            near: RwSignal::new(None),
            walks: RwSignal::new(false),
            at: StoredValue::new_local(None),
            timer: StoredValue::new_local(None),
            meanings,
        }
    }

    fn open(self, at: HtmlElement) {
        self.timer.set_value(None);
        let number = at.get_attribute(TERM).and_then(|n| n.parse().ok());
        let term = number.and_then(|n: usize| Term::ALL.get(n).copied());
        if term.is_none() || term == self.term.get_untracked() && self.is_at(&at) {
            return;
        }
        self.meanings.want();
        self.unmark();
        // Its name says what is explained; the explanation is its description.
        let _ = at.set_attribute("aria-describedby", SAYS);
        self.walks.set(is_button(&at));
        self.at.set_value(Some(at));
        self.near.set(None);
        self.term.set(term);
    }

    pub fn close(self) {
        self.timer.set_value(None);
        self.unmark();
        self.at.set_value(None);
        if self.term.get_untracked().is_some() {
            self.term.set(None);
        }
    }

    /// Takes the description from the element that had it.
    fn unmark(self) {
        self.at.with_value(|at| {
            if let Some(at) = at {
                let _ = at.remove_attribute("aria-describedby");
            }
        });
    }

    /// Finds its place, as large as it is now.
    pub fn place(self) {
        let near = self.at.with_value(|at| Near::of(at.as_ref()?, BOX));
        self.near.set(near);
    }

    /// Opens it for one who goes on in it.
    fn open_led(self, at: HtmlElement) {
        self.open(at);
        self.lead();
    }

    /// Moves the focus into the explanation, once it stands where it is seen: to what
    /// stands elsewhere the browser would scroll.
    fn lead(self) {
        request_animation_frame(move || {
            self.place();
            request_animation_frame(|| focus(LEAD));
        });
    }

    fn later(self, milliseconds: u32, what: impl FnOnce() + 'static) {
        self.timer.set_value(Some(Timeout::new(milliseconds, what)));
    }

    fn is_at(self, element: &Element) -> bool {
        self.at.with_value(|at| {
            at.as_ref()
                .is_some_and(|at| AsRef::<Element>::as_ref(at) == element)
        })
    }

    /// Back to the word that is explained, where the focus was in the explanation.
    pub fn back(self) {
        if document().active_element().is_some_and(|e| is_within(&e)) {
            self.at.with_value(|at| {
                if let Some(at) = at {
                    let _ = at.focus();
                }
            });
        }
    }

    /// Follows the pointer, the focus and the keys. The page never goes, nor does this.
    pub fn listen(self) {
        let _ = window_event_listener(ev::pointerover, move |event| self.over(&event));
        let _ = window_event_listener(ev::focusin, move |event| self.focused(&event));
        let _ = window_event_listener(ev::click, move |event| self.pressed(&event));
        let _ = window_event_listener(ev::keydown, move |event| self.typed(&event));
    }

    fn over(self, event: &ev::PointerEvent) {
        let Some(target) = target(event) else { return };
        match word(&target) {
            // A finger does not hover.
            Some(_) if event.pointer_type() == "touch" => {}
            Some(at) if self.is_at(&at) => self.timer.set_value(None),
            Some(at) => self.later(REST, move || self.open(at)),
            None if is_within(&target) => self.timer.set_value(None),
            None => self.later(AWAY, move || {
                // What the focus is at stays explained.
                let focused = document().active_element();
                if !focused.is_some_and(|e| self.is_at(&e) || is_within(&e)) {
                    self.close();
                }
            }),
        }
    }

    fn focused(self, event: &ev::FocusEvent) {
        let Some(target) = target(event) else { return };
        match word(&target) {
            Some(at) => self.open(at),
            None if is_within(&target) => {}
            None => self.close(),
        }
    }

    fn pressed(self, event: &ev::MouseEvent) {
        let Some(target) = target(event) else { return };
        match word(&target) {
            // What is there to explain leads into the explanation.
            Some(at) if is_button(&at) => self.open_led(at),
            // A finger does not hover: its press is the only way to the explanation.
            Some(at) if is_touch(event) => self.open(at),
            // A press on anything else is meant for that, and what comes next may lie
            // under the explanation.
            Some(_) => self.close(),
            None if is_within(&target) => {}
            None => self.close(),
        }
    }

    fn typed(self, event: &ev::KeyboardEvent) {
        if event.key() == "Escape" && self.term.get_untracked().is_some() {
            self.back();
            self.close();
            return;
        }
        let Some(target) = target(event) else { return };
        if event.key() == "Tab" && is_within(&target) {
            // It stands at the page's end, but is read at its word: on from there.
            self.back();
        } else if is_button(&target) {
            match (event.key().as_str(), target.dyn_into()) {
                ("Enter" | " ", Ok(at)) => {
                    event.prevent_default();
                    self.open_led(at);
                }
                (_, Ok(at)) => walk(event, &at),
                _ => {}
            }
        }
    }
}

/// Whether a press is a finger's; older browsers do not say.
fn is_touch(event: &ev::MouseEvent) -> bool {
    let pointer = event.dyn_ref::<ev::PointerEvent>();
    pointer.is_some_and(|p| p.pointer_type() == "touch")
}

/// The element around this one that explains a term.
fn word(of: &Element) -> Option<HtmlElement> {
    of.closest(&format!("[{TERM}]")).ok()??.dyn_into().ok()
}

/// Whether an element is in the explanation.
fn is_within(of: &Element) -> bool {
    of.closest(&format!("#{BOX}")).is_ok_and(|e| e.is_some())
}

/// Whether it is there for nothing but to explain.
fn is_button(of: &Element) -> bool {
    of.class_list().contains("what")
}

/// The arrow keys go through the words of a panel.
fn walk(event: &ev::KeyboardEvent, from: &HtmlElement) {
    let forwards = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => true,
        "ArrowLeft" | "ArrowUp" => false,
        _ => return,
    };
    event.prevent_default();
    let panel = from.closest("section").ok().flatten();
    let Some(words) = panel.and_then(|p| p.query_selector_all(".what").ok()) else {
        return;
    };
    let words = (0..words.length()).filter_map(|i| words.get(i)?.dyn_into::<HtmlElement>().ok());
    // What is folded away has no place on the page.
    let words: Vec<_> = words.filter(|w| w.offset_parent().is_some()).collect();
    let is_from = |word: &HtmlElement| word == from;
    let Some(at) = words.iter().position(is_from) else {
        return;
    };
    let next = match forwards {
        true => (at + 1) % words.len(),
        false => (at + words.len() - 1) % words.len(),
    };
    let _ = words[next].focus();
}
