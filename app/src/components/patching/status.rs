use crate::components::shared::{live, whether};
use crate::format;
use crate::state::{State, Status, use_state};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Progress, Stage};

/// Where things are: a sentence that is read out when it changes, and a bar
/// that is not.
#[component]
pub fn StatusLine() -> impl IntoView {
    let state = use_state();
    let t = &text().sweep;
    let sentence = move || sentence(state);
    let progress = move || progress(state);
    let left = live(move || {
        let Some(progress) = progress() else {
            return String::new();
        };
        match progress.seconds_left {
            Some(seconds) => format!(
                "{}: {}",
                (t.stage)(progress.stage),
                (t.left)(&format::duration(seconds))
            ),
            None => (t.stage)(progress.stage).to_owned(),
        }
    });
    view! {
        <div class="status-line">
            <p
                role="status"
                data-testid="status"
                data-state=live(move || sentence().0)
            >
                {live(move || sentence().1)}
            </p>
            <div class="progress" class:idle=whether(move || progress().is_none())>
                <progress
                    data-testid="progress"
                    aria-label=t.progress
                    max="1"
                    prop:value=move || progress().map_or(0.0, share)
                ></progress>
                <span>{left}</span>
            </div>
        </div>
    }
}

// Only for a bar: the lost digits are not seen.
fn share(progress: Progress) -> f64 {
    if progress.total == 0 {
        0.0
    } else {
        progress.done as f64 / progress.total as f64
    }
}

fn progress(state: State) -> Option<Progress> {
    match state.status.get() {
        Status::Loading(_) => state.arriving.with(|a| a.progress),
        Status::Ready { .. } => state.job.with(|job| job.as_ref().and_then(|j| j.progress)),
        Status::Starting
        | Status::Describing
        | Status::Unasked { .. }
        | Status::Offered(_)
        | Status::Failed(_)
        | Status::Stopped => None,
    }
}

/// A short name for tests, and the sentence for people.
fn sentence(state: State) -> (&'static str, String) {
    let t = &text().sweep;
    match state.status.get() {
        Status::Starting => return ("starting", t.status_starting.into()),
        Status::Loading(_) => return ("loading", t.status_loading.into()),
        Status::Describing | Status::Unasked { .. } | Status::Offered(_) => {
            return ("waiting", t.status_no_model.into());
        }
        Status::Failed(_) | Status::Stopped => return ("failed", t.status_failed.into()),
        Status::Ready { .. } => {}
    }
    let grid = state.derived.grid;
    if let Some(job) = state.job.get() {
        // A map that is there may be an older one: the engine says what it is at.
        let stage = job.progress.map(|p| p.stage);
        let text = match stage {
            Some(Stage::Sweep) => t.status_sweep,
            Some(Stage::Runs | Stage::Gradients | Stage::Load | Stage::Fetch | Stage::Generate)
            | None => t.status_runs,
        };
        return ("busy", text.into());
    }
    let stale = state.derived.stale.get();
    if (stale || grid.with(Option::is_none)) && state.is_barred() {
        return ("barred", text().runs.status_barred.into());
    }
    if stale && state.is_automatic() && !state.was_asked() {
        return ("pause", text().runs.status_pause.into());
    }
    let estimate = state.results.with(|r| r.estimate);
    let all_grids = state.results.with(|r| {
        r.grids
            .iter()
            .fold((0, 0), |(d, a), g| (d + g.progress().0, a + g.progress().1))
    });
    grid.with(|grid| match grid {
        Some(grid) if !stale => {
            let (done, all) = all_grids;
            match grid.seconds {
                Some(seconds) => {
                    let cases = state
                        .results
                        .with(|r| r.reading.as_ref().and_then(|r| r.cases));
                    let mut text = (t.status_done)(all, cases, &format::duration(seconds));
                    if let Some(saved) = (t.saved)(&grid.plan) {
                        text.push(' ');
                        text.push_str(&saved);
                    }
                    ("done", text)
                }
                None if done > 0 => ("stopped", (t.status_stopped)(done, all)),
                None => ("estimated", estimated(estimate.map(|e| e.seconds))),
            }
        }
        Some(_) => ("estimated", estimated(estimate.map(|e| e.seconds))),
        None => ("none", t.status_none.into()),
    })
}

fn estimated(seconds: Option<f64>) -> String {
    let t = &text().sweep;
    seconds.map_or_else(
        || t.status_none.into(),
        |seconds| (t.status_estimate)(&format::duration(seconds)),
    )
}
