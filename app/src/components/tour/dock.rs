//! Where the tour's card stands: fixed at an edge, so that nothing moves for it, and
//! wherever it hides nothing of the map.

use super::step::Step;
use gloo::timers::callback::Interval;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DomRect, HtmlElement};

/// The card's id.
pub const CARD: &str = "tour";

/// How often it is looked whether it is in the way, besides when something is scrolled:
/// maps come and panels unfold. In milliseconds.
const LOOK: u32 = 250;

/// The least width beside the map that a card fits in, in pixels.
const LEAST: f64 = 280.0;

/// Places in the order in which they are tried, by the names that the style sheet knows.
/// The last three are a line, and nowhere.
const ASIDE: [&str; 6] = ["left", "bottom", "top", "line-bottom", "line-top", "away"];
/// The prompts' step is about what stands in the left column.
const PROMPTS: [&str; 6] = ["bottom", "top", "left", "line-bottom", "line-top", "away"];

#[derive(Clone, Copy)]
pub struct Dock {
    step: StoredValue<Option<Step>>,
    look: StoredValue<Option<Interval>, LocalStorage>,
}

impl Dock {
    pub fn new() -> Self {
        let dock = Self {
            step: StoredValue::new(None),
            look: StoredValue::new_local(None),
        };
        let _ = window_event_listener(ev::scroll, move |_| dock.place());
        let _ = window_event_listener(ev::resize, move |_| dock.place());
        dock
    }

    /// Stands for a step, or not at all.
    pub fn follow(self, step: Option<Step>) {
        self.step.set_value(step);
        let look = step.map(|_| Interval::new(LOOK, move || self.place()));
        self.look.set_value(look);
        request_animation_frame(move || self.place());
    }

    fn place(self) {
        let Some(step) = self.step.get_value() else {
            return;
        };
        let card = document().get_element_by_id(CARD);
        let Some(card) = card.and_then(|c| c.dyn_into::<HtmlElement>().ok()) else {
            return;
        };
        let map = document().query_selector(".map-area .map-scroll, .map-area .map-empty");
        let map = map.ok().flatten().map(|m| m.get_bounding_client_rect());
        let room = map.as_ref().map_or(0.0, |map| map.left());
        // Nor of what a step asks to be pressed or looked at beside it.
        let other = match step {
            Step::Map => document().query_selector("#show-strongest"),
            Step::Own => document().query_selector("#patched-run"),
            Step::Prompts | Step::Last => Ok(None),
        };
        let other = other.ok().flatten().map(|o| o.get_bounding_client_rect());
        let seen = [&map, &other];
        let _ = card.style().set_property("--room", &format!("{room}px"));
        let places = match step {
            Step::Prompts => PROMPTS,
            Step::Map | Step::Own | Step::Last => ASIDE,
        };
        for place in places {
            if place == "left" && room < LEAST {
                continue;
            }
            let _ = card.set_attribute("data-dock", place);
            let own = card.get_bounding_client_rect();
            if !seen
                .iter()
                .any(|o| o.as_ref().is_some_and(|o| meet(&own, o)))
            {
                break;
            }
        }
    }
}

fn meet(a: &DomRect, b: &DomRect) -> bool {
    a.left() < b.right() && b.left() < a.right() && a.top() < b.bottom() && b.top() < a.bottom()
}
