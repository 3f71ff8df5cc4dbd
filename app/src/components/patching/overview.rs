use crate::components::shared::{is_narrow, passing, whether};
use crate::state::use_state;
use crate::svg;
use crate::text::text;
use leptos::html::Div;
use leptos::prelude::*;

/// Maps of more columns than this are wider than most screens, and than a phone's.
const WIDE: usize = 24;
const WIDE_ON_A_PHONE: usize = 7;

/// Of a wide map: all of it, small, with what of it is seen marked; a click goes there.
#[component]
pub fn Overview(
    /// The box in which the map scrolls.
    scrolls: NodeRef<Div>,
    /// Where it was scrolled to: counted up at each turn.
    turned: RwSignal<u32>,
) -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let grid = state.derived.grid;
    let most = match is_narrow() {
        true => WIDE_ON_A_PHONE,
        false => WIDE,
    };
    let wide = passing(move || grid.with(|g| g.as_ref().is_some_and(|g| g.columns.len() > most)));
    let drawn = move || {
        let squares = grid.with(|g| {
            let grid = g.as_ref().filter(|_| wide.get())?;
            Some(svg::squares(&svg::places(grid), |_, _| String::new()))
        });
        squares.unwrap_or_default()
    };
    // What of the map is seen: where it begins and how much that is, as shares.
    let seen = move || {
        turned.track();
        let element = scrolls.get()?;
        let all = f64::from(element.scroll_width()).max(1.0);
        let part = f64::from(element.client_width()) / all;
        Some((f64::from(element.scroll_left()) / all, part.min(1.0)))
    };
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    let go = move |event: leptos::ev::MouseEvent| {
        let strip = event_target::<web_sys::Element>(&event);
        if let Some(element) = scrolls.get_untracked() {
            let share = f64::from(event.offset_x()) / f64::from(strip.client_width()).max(1.0);
            let middle = share * f64::from(element.scroll_width());
            element.set_scroll_left((middle - f64::from(element.client_width()) / 2.0) as i32);
        }
    };
    view! {
        <div
            class="overview"
            data-testid="overview"
            title=t.overview
            aria-hidden="true"
            hidden=whether(move || !wide.get())
            on:click=go
        >
            <div inner_html=drawn></div>
            <span
                class="window"
                style=("left", move || seen().map(|s| percent(s.0)))
                style=("width", move || seen().map(|s| percent(s.1)))
            ></span>
        </div>
    }
}
