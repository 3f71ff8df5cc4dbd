//! The marks on the map's cells. They are put on the map from here, so that a page without
//! a workshop does not follow them in each of its cells.

use crate::state::State;
use crate::text::workshop;
use crate::workshop::At;
use gloo::utils::document;
use leptos::prelude::*;
use patchbay_engine::experiment::{Ask, hits};
use wasm_bindgen::JsCast;
use web_sys::Element;

/// What is marked, by the word that stands on its cell.
type Marks = Vec<((usize, usize), &'static str)>;

/// Keeps the marks where they belong.
pub(super) fn draw(state: State) {
    let marks = Memo::new(move |_| marks(state));
    // Another table is drawn for other rows and columns.
    let shape = Memo::new(move |_| {
        let grid = state.derived.grid;
        grid.with(|g| {
            g.as_ref()
                .map(|g| (g.index, g.rows.clone(), g.columns.clone()))
        })
    });
    Effect::new(move |_| {
        shape.track();
        let marks = marks.get();
        // The table is drawn by an effect, too.
        request_animation_frame(move || put(&marks));
    });
    on_cleanup(|| put(&Vec::new()));
}

fn marks(state: State) -> Marks {
    state.work.with(|work| {
        let Some(work) = work else { return Vec::new() };
        let said = work.marked().to_vec();
        let At::Done(step) = work.at() else {
            return said.into_iter().map(|at| (at, "mark")).collect();
        };
        let answer = work.handed.answers.get(step);
        let digest = answer.and_then(|a| a.digest.as_ref());
        let strongest = digest.map(|d| d.cells.as_slice()).unwrap_or_default();
        let most = match work.workshop.steps.get(step).map(|s| &s.ask) {
            Some(Ask::Cells { most }) => *most,
            _ => return Vec::new(),
        };
        let hit = hits(&said, strongest, most);
        let of_said = said.iter().zip(hit);
        let mut all: Marks = of_said
            .map(|(at, hit)| (*at, if hit { "hit" } else { "miss" }))
            .collect();
        for cell in strongest.iter().take(most) {
            let at = (cell.row, cell.column);
            if !said.contains(&at) {
                all.push((at, "missed"));
            }
        }
        all
    })
}

fn put(marks: &Marks) {
    let t = workshop();
    let Ok(old) = document().query_selector_all("[role=gridcell][data-mark]") else {
        return;
    };
    for i in 0..old.length() {
        if let Some(cell) = old.get(i).and_then(|n| n.dyn_into::<Element>().ok()) {
            let _ = cell.remove_attribute("data-mark");
            let _ = cell.remove_attribute("aria-description");
        }
    }
    for ((row, column), mark) in marks {
        let says = match *mark {
            "hit" => t.hit,
            "miss" => t.miss,
            "missed" => t.missed,
            _ => t.marked,
        };
        if let Some(cell) = document().get_element_by_id(&format!("cell-{row}-{column}")) {
            // Refused only for names that are not names.
            let _ = cell.set_attribute("data-mark", mark);
            let _ = cell.set_attribute("aria-description", says.trim_end_matches(':'));
        }
    }
}
