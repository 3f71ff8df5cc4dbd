use crate::colour::{self, Range};
use crate::format;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{MetricKind, SweepReport};

/// The colour scale with the numbers at its ends and its middle.
#[component]
pub fn Legend(range: Memo<Option<Range>>) -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let scale = move || {
        state.derived.grid.with(|grid| {
            let grid = grid.as_ref()?;
            let range = range.get()?;
            if grid.difference {
                let [low, middle, high, hint] = t.difference;
                let end = |value: f32, of| (format::number(value, 2), of);
                let ends = [
                    end(range.corrupted, low),
                    end(range.centre, middle),
                    end(range.clean, high),
                ];
                return Some((ends, Some(hint)));
            }
            let raw = state.preferences.with(|p| p.raw);
            let kind = grid.kind();
            let metric = grid.metric();
            let number = |value: f32| match SweepReport::normalised(value, &metric) {
                Some(normalised) if !raw => format::number(normalised, 2),
                _ => format::metric(value, kind),
            };
            let normalisable = grid.is_normalisable();
            // Where both runs have the same metric, no way is one towards a run.
            let [low, high] = match normalisable {
                true => [t.towards_corrupted, t.towards_clean],
                false => [t.less, t.more],
            };
            let none = |value: f32| kind == MetricKind::Rank && value < 0.0;
            let end = |value: f32| {
                if none(value) {
                    "–".into()
                } else {
                    number(value)
                }
            };
            Some((
                [
                    (end(range.corrupted), low),
                    (number(range.centre), (t.unpatched)(grid.sweep().mode)),
                    (end(range.clean), high),
                ],
                match (raw, normalisable) {
                    (false, true) => Some(t.normalised_hint),
                    (false, false) => Some(t.no_normalised),
                    (true, _) => None,
                },
            ))
        })
    };
    // The scale bends in its middle and half way to each end, nowhere else.
    let gradient = format!(
        "linear-gradient(to right, {})",
        [-1.0, -0.5, 0.0, 0.5, 1.0].map(colour::fill).join(", ")
    );
    view! {
        <div class="legend" data-testid="legend" role="group" aria-label=t.legend>
            <div class="gradient" aria-hidden="true" style=("background-image", gradient)></div>
            {move || {
                scale().map(|(ends, hint)| {
                    let ends = ends.map(|(number, of)| view! { <span>{number}<small>{of}</small></span> });
                    view! {
                        <div class="ends">{ends.into_iter().collect_view()}</div>
                        <small class="hint">{hint}</small>
                    }
                })
            }}
        </div>
    }
}
