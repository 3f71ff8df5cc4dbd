use crate::components::shared::{page_width, passing, whether};
use crate::state::use_state;
use crate::svg;
use crate::text::text;
use leptos::html::Div;
use leptos::prelude::*;

/// Columns that there is room for beside the runs, and on any screen.
const WIDE: usize = 24;
const LEAST: usize = 7;

/// From this width on the runs stand beside the map; below it, what stands beside it and
/// how wide a column is. In pixels.
const TWO_COLUMNS: f64 = 1184.0;
const BESIDE: f64 = 260.0;
const COLUMN: f64 = 39.0;

/// Columns of a map that are seen at once.
fn room(width: f64) -> usize {
    match width >= TWO_COLUMNS {
        true => WIDE,
        // What is below 0 becomes 0.
        false => (((width - BESIDE) / COLUMN) as usize).clamp(LEAST, WIDE),
    }
}

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
    let most = room(page_width());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_page_has_room_for_fewer_columns() {
        for (width, columns) in [(320.0, 7), (700.0, 11), (1_100.0, 21), (1_300.0, 24)] {
            assert_eq!(room(width), columns);
        }
    }
}
