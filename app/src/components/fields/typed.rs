//! What is typed, until it is taken.

use crate::components::shared::live;
use crate::state::use_state;
use leptos::prelude::*;

/// Whether what was typed was taken, or why it was not.
pub type Taken = Result<(), String>;

/// What a field of this id is to show, and what takes what is typed into it. `counts`
/// where the field sets a part of the experiment.
///
/// What is typed stays as it is typed: while it cannot be taken, which the field then
/// says, and for as long as it is what the value that is shown was typed as: `1e3` is
/// not to become `1000` before its last digit. Why something was not taken is forgotten
/// when the field shows something else, and when it goes.
pub(super) fn typed(
    id: &str,
    value: Signal<String>,
    set: Callback<String, Taken>,
    counts: bool,
) -> (Signal<String>, Callback<String>) {
    let state = use_state();
    let shown = Memo::new(move |_| value.get());
    // The last text that was taken, and what is shown for it.
    let taken = StoredValue::new(None::<(String, String)>);
    let written = live(move || {
        let shown = shown.get();
        match taken.get_value() {
            Some((text, of)) if of == shown => text,
            _ => {
                taken.set_value(None);
                shown
            }
        }
    });
    let [changed, gone, name] = [id; 3].map(str::to_owned);
    Effect::new(move |_| {
        shown.track();
        state.refuse(&changed, None, counts);
    });
    on_cleanup(move || state.refuse(&gone, None, counts));
    let take = Callback::new(move |text: String| {
        let result = set.run(text.clone());
        if result.is_ok() {
            taken.set_value(Some((text, value.get_untracked())));
        }
        state.refuse(&name, result.err(), counts);
    });
    (written, take)
}
