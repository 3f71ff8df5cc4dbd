//! Undo, and the list of runs.

use super::super::table::RunsText;
use super::patching::method;
use super::{ANSWER, SWEEP};
use crate::change::Part;
use patchbay_engine::experiment::Experiment;

pub const RUNS: RunsText = RunsText {
    undo_title: "Changes",
    undo: "Undo",
    undo_keys: "Ctrl+Z",
    redo: "Redo",
    redo_keys: "Ctrl+Shift+Z",
    changes: |parts, now| {
        /// Parts that are named one by one.
        const NAMED: usize = 4;
        let named = parts.iter().take(NAMED).map(|part| self::part(*part, now));
        let mut named: Vec<String> = named.collect();
        match parts.len().saturating_sub(NAMED) {
            0 => {}
            more => named.push(format!("{more} more")),
        }
        match named.is_empty() {
            true => "the same again".into(),
            false => named.join(", "),
        }
    },
    match_positions: "Say which positions belong together",
    status_pause: "The map follows when you pause …",
    status_barred: "The map waits until what is marked in red is put right.",
    title: "Runs of this visit",
    hint: "Kept in this browser. The picture opens a run again.",
    none: "Each finished run is listed here, with the way back to it.",
    too_large: "The last run is not in the list: its experiment is too large to be kept.",
    not_stored: "This browser keeps nothing for this page: the list lasts until the page is closed.",
    clear: "Clear the list",
    bring_back: "Bring back what was deleted",
    first: "the first in this list",
    numbers: |kind, clean, corrupted, strongest| {
        let both = format!(
            "{}: clean {clean}, corrupted {corrupted}",
            (ANSWER.kind)(kind)
        );
        match strongest {
            Some((place, value)) => format!("{both}; strongest {place}: {value}"),
            None => both,
        }
    },
    on: |model, backend| match backend {
        "cpu" => format!("{model} on CPU"),
        "webgpu" => format!("{model} on WebGPU"),
        _ => model.into(),
    },
    now: "on the page now",
    steering: "Steered text",
    name: "Name this run",
    open: "Open again",
    compare: "Compare",
    compare_hint: "The map on the page less this one, cell by cell; both need the same rows and columns.",
    not_alike: ". Not to be compared: its rows and columns are not those of the map on the page.",
    no_map: ". Not to be compared: its map is too large to be kept.",
    copy: "Copy link",
    link: "Link",
    delete: "Delete",
};

/// A part of an experiment, with what it is now where that is short.
fn part(part: Part, now: &Experiment) -> String {
    let sweep = now.sweeps.first();
    match part {
        Part::Room => match now.room.is_patching() {
            true => "to the patching room".into(),
            false => "to the steering room".into(),
        },
        Part::Model => format!("model: {}", now.model),
        Part::Bos => match now.bos {
            true => "with <|endoftext|>".into(),
            false => "without <|endoftext|>".into(),
        },
        Part::Clean => "clean prompt".into(),
        Part::Corrupted => "corrupted prompt".into(),
        Part::Noise => "noise".into(),
        Part::Alignment => "matched positions".into(),
        Part::Pairs => "further pairs".into(),
        Part::Metric => {
            let kind = now.metrics.first().map_or("", |m| (ANSWER.kind)(m.kind));
            format!("metric: {}", kind.to_lowercase())
        }
        Part::Metrics => "further metrics".into(),
        Part::Answer => "answer".into(),
        Part::Wrong => "wrong answer".into(),
        Part::Site => format!("site: {}", sweep.map_or("", |s| s.site.name())),
        Part::Mode => {
            let mode = sweep.map_or("", |s| (SWEEP.mode_name)(s.mode));
            format!("mode: {}", mode.to_lowercase())
        }
        Part::Axes => "rows and columns".into(),
        Part::Bring => "what is copied".into(),
        Part::Estimate => match sweep.and_then(|s| s.estimate) {
            Some(estimate) => format!("estimate: {}", method(estimate.method)),
            None => "no estimate".into(),
        },
        Part::Sweeps => match now.sweeps.len() {
            1 => "1 map".into(),
            n => format!("{n} maps"),
        },
        Part::Cell => match now.cell {
            Some(_) => "the chosen cell".into(),
            None => "no cell chosen".into(),
        },
        Part::Steered => "which runs are steered".into(),
        Part::Prompt => "prompt".into(),
        Part::Directions => "directions".into(),
        Part::Strength => {
            let one = now.steer.as_ref().and_then(|s| s.directions.first());
            format!("strength: {}", one.map_or(0.0, |d| d.coefficient))
        }
        Part::Sampling => "how it is written".into(),
        Part::Words => "words that are counted".into(),
        Part::Map => "map".into(),
        Part::Detector => "detector".into(),
        Part::Other => "other settings".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchbay_engine::experiment::{MetricKind, Site};

    #[test]
    fn a_change_is_said_in_a_few_words() {
        let mut now = Experiment::default();
        now.sweeps[0].site = Site::Z;
        now.metrics[0].kind = MetricKind::Probability;
        let said = |parts: &[Part]| (RUNS.changes)(parts, &now);
        assert_eq!(said(&[Part::Clean, Part::Site]), "clean prompt, site: z");
        assert_eq!(said(&[Part::Metric]), "metric: probability");
        assert_eq!(said(&[]), "the same again");
        let many = [
            Part::Model,
            Part::Clean,
            Part::Corrupted,
            Part::Answer,
            Part::Wrong,
            Part::Site,
        ];
        assert_eq!(
            said(&many),
            "model: mini, clean prompt, corrupted prompt, answer, 2 more"
        );
    }
}
