//! What of a visit the browser keeps: its history while the page is loaded again, and the
//! list of its runs.

use crate::history::History;
use crate::link::{self, Note};
use crate::runs::Run;
use codee::string::JsonSerdeCodec;
use leptos::prelude::*;
use leptos_use_storage::{UseStorageOptions, use_local_storage_with_options};
use patchbay_engine::experiment::Experiment;
use web_sys::Storage;

/// Where the history lies while the page is loaded again, and bytes of it at most.
pub(super) const KEPT: &str = "patchbay.history";
pub(super) const MOST_KEPT: usize = 1_500_000;

/// The history of a page that was just opened with this experiment, and its visit.
pub(super) fn history_of(experiment: Experiment) -> (History, u64) {
    let Some(note) = link::note().filter(|_| !is_framed()) else {
        let history = History::new(experiment, 0, None);
        // Milliseconds: no number of them has a fraction or a sign.
        return (history, js_sys::Date::now() as u64);
    };
    let Note {
        visit,
        number,
        place,
    } = note;
    let mut history = History::new(experiment, number, Some(place));
    let kept = storage().and_then(|s| s.get_item(KEPT).ok()?);
    // What another visit left in this tab has numbers of its own.
    if let Some((of, lines)) = kept.as_deref().and_then(|k| k.split_once('\n'))
        && of == visit.to_string()
    {
        history.read(lines, |json| Experiment::from_json(json).ok());
    }
    (history, visit)
}

/// Whether the page stands in another one, whose way back is not this one's.
pub(super) fn is_framed() -> bool {
    let window = gloo::utils::window();
    window
        .parent()
        .ok()
        .flatten()
        .is_some_and(|parent| parent != window)
}

pub(super) fn storage() -> Option<Storage> {
    gloo::utils::window().session_storage().ok()?
}

/// What the list says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The last run's experiment is too large to be kept.
    TooLarge,
    /// The browser keeps nothing: it lasts as long as the page.
    NotStored,
}

/// The runs, the last one first.
#[derive(Clone, Copy)]
pub struct Kept {
    pub list: Signal<Vec<Run>>,
    pub(super) set: WriteSignal<Vec<Run>>,
    /// What was deleted last, until something else is.
    pub deleted: RwSignal<Vec<Run>>,
    pub remark: RwSignal<Option<Remark>>,
}

pub(super) fn kept() -> Kept {
    let remark = RwSignal::new(None);
    let options = UseStorageOptions::default().on_error(move |_| {
        // Whatever it is: forbidden, full, or not from this page.
        remark.set(Some(Remark::NotStored));
    });
    let (list, set, _) =
        use_local_storage_with_options::<Vec<Run>, JsonSerdeCodec>("patchbay.runs", options);
    Kept {
        list,
        set,
        deleted: RwSignal::default(),
        remark,
    }
}
