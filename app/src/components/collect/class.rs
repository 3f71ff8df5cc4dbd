use crate::collected::{Found, Recomputed};
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, Workshop};

/// What was handed in, and to which workshop.
#[derive(Clone, Copy)]
pub(super) struct Class {
    pub workshop: StoredValue<Workshop>,
    /// What its link puts on the page.
    pub first: StoredValue<Experiment>,
    pub found: Memo<Found>,
    pub recomputed: RwSignal<Recomputed>,
}
