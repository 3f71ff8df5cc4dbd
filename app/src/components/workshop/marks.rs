//! The marks on the map's cells. They are put on the map from here, so that a page without
//! a workshop does not follow them in each of its cells.

use crate::state::State;
use crate::text::workshop;
use crate::workshop::At;
use gloo::utils::document;
use leptos::prelude::*;
use patchbay_engine::experiment::hits;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// What is marked.
type Marks = Vec<((usize, usize), Mark)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// While the step is open.
    Made,
    Hit,
    Miss,
    Missed,
}

impl Mark {
    /// The word on its cell, by which it is drawn, and what a screen reader says.
    fn words(self) -> (&'static str, &'static str) {
        let t = workshop();
        match self {
            Self::Made => ("mark", t.marked),
            Self::Hit => ("hit", t.hit),
            Self::Miss => ("miss", t.miss),
            Self::Missed => ("missed", t.missed),
        }
    }
}

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
            return said.into_iter().map(|at| (at, Mark::Made)).collect();
        };
        let answer = work.handed.answers.get(step);
        let digest = answer.and_then(|a| a.digest.as_ref());
        let strongest = digest.map(|d| d.cells.as_slice()).unwrap_or_default();
        let asked = work.workshop.steps.get(step).and_then(|s| s.ask.cells());
        let Some(most) = asked else {
            return Vec::new();
        };
        let hit = hits(&said, strongest, most);
        let of_said = said.iter().zip(hit);
        let mut all: Marks = of_said
            .map(|(at, hit)| (*at, if hit { Mark::Hit } else { Mark::Miss }))
            .collect();
        for cell in strongest.iter().take(most) {
            let at = (cell.row, cell.column);
            if !said.contains(&at) {
                all.push((at, Mark::Missed));
            }
        }
        all
    })
}

fn put(marks: &Marks) {
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
        let (name, says) = mark.words();
        if let Some(cell) = document().get_element_by_id(&format!("cell-{row}-{column}")) {
            // Refused only for names that are not names.
            let _ = cell.set_attribute("data-mark", name);
            let _ = cell.set_attribute("aria-description", says.trim_end_matches(':'));
        }
    }
}
