use super::act::{Act, UseMini};
use crate::components::shared::{live, whether};
use crate::format;
use crate::state::{State, use_state};
use crate::text::{say, text};
use leptos::prelude::*;
use patchbay_engine::experiment::Progress;

/// A model on its way, from the network or from what is kept.
#[component]
pub fn Arrival(
    /// Whether it is a download, of which what has arrived is kept.
    pausable: bool,
) -> impl IntoView {
    let state = use_state();
    let t = &text().models;
    let progress = move || state.arriving.with(|a| a.progress);
    let waiting = live(move || {
        state
            .arriving
            .with(|a| a.waiting.as_ref().map(say).unwrap_or_default())
    });
    let keeps_nothing = whether(move || {
        pausable
            && state
                .store
                .with(|s| s.as_ref().is_some_and(|s| !s.available))
    });
    let pause = pausable.then(|| {
        let label = String::from(t.pause);
        view! { <Act testid="pause" label act=State::pause /> }
    });
    view! {
        <progress
            data-testid="download-progress"
            aria-label=text().sweep.progress
            max="1"
            prop:value=move || progress().map_or(0.0, share)
        ></progress>
        <p data-testid="arrived">{live(move || progress().map(in_words).unwrap_or_default())}</p>
        <p class="problem" role="status" data-testid="waiting">{waiting}</p>
        <Show when=move || keeps_nothing.get()>
            <p>{t.keeps_nothing}</p>
        </Show>
        <div class="buttons">
            {pause}
            <UseMini label=if pausable { t.pause_use_mini } else { t.use_mini } />
        </div>
    }
}

// Only for a bar and whole per cents: the lost digits are not seen.
fn share(progress: Progress) -> f64 {
    progress.done as f64 / progress.total.max(1) as f64
}

fn in_words(progress: Progress) -> String {
    let t = &text().models;
    if progress.done > 0 && progress.done >= progress.total {
        return t.preparing.into();
    }
    let mut words = (t.progress)(
        &format::bytes(progress.done),
        &format::bytes(progress.total),
        (share(progress) * 100.0) as u64,
    );
    if let Some(seconds) = progress.seconds_left {
        words += ", ";
        words += &(text().sweep.left)(&format::duration(seconds));
    }
    words
}
