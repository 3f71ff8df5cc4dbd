//! Results in short: those that a link takes along, and those that came with one.

use crate::grid::Grid;
use crate::results::Results;
use crate::runs::short;
use crate::svg;
use patchbay_engine::experiment::{
    Compared, Digest, DigestCell, Experiment, MOST_CELLS, MOST_TEXT, MetricReport, ModelInfo,
    Picture, Room, Sample, Token, Written, checksum, rounded,
};

/// Digits of the weights' SHA-256 in a digest.
const MODEL_DIGITS: usize = 16;

/// The results of an experiment in short, once they are whole.
#[must_use]
pub fn digest(
    results: &Results,
    experiment: &Experiment,
    model: &ModelInfo,
    backend: &str,
) -> Option<Digest> {
    let mut digest = Digest {
        of: checksum(experiment),
        model: model.sha256.chars().take(MODEL_DIGITS).collect(),
        backend: backend.into(),
        ..Digest::default()
    };
    match experiment.room {
        Room::Patching => {
            let grid = first_map(results, experiment)?;
            let finite = |value: &f32| value.is_finite();
            digest.runs = metrics(&grid.metric()).filter(|(a, b)| finite(a) && finite(b));
            let cell = |(row, column)| {
                let value = grid.value(row, column).filter(finite)?;
                Some(DigestCell {
                    row,
                    column,
                    value: rounded(value),
                })
            };
            digest.cells = grid
                .ranked(MOST_CELLS)
                .into_iter()
                .filter_map(cell)
                .collect();
            digest.picture = Picture::of(&svg::places(&grid));
        }
        Room::Steering => digest.texts = texts(results, experiment)?,
    }
    Some(digest)
}

/// How an experiment's results differ from those that came with its link; `None` until
/// they are whole.
#[must_use]
pub fn compared(
    author: &Digest,
    results: &Results,
    experiment: &Experiment,
    model: &ModelInfo,
) -> Option<Compared> {
    let model = model.sha256.as_str();
    Some(match experiment.room {
        Room::Patching => {
            let grid = first_map(results, experiment)?;
            let value = |row, column| grid.value(row, column);
            author.compare(model, metrics(&grid.metric()), value, &[])
        }
        Room::Steering => {
            let texts = texts(results, experiment)?;
            author.compare(model, None, |_, _| None, &texts)
        }
    })
}

fn metrics(metric: &MetricReport) -> Option<(f32, f32)> {
    Some((rounded(metric.clean), rounded(metric.corrupted)))
}

/// The finished map of an experiment's first sweep, as its first metric shows it.
fn first_map(results: &Results, experiment: &Experiment) -> Option<Grid> {
    let grid = results
        .grids
        .first()
        .filter(|g| g.is_whole_of(experiment))?;
    Some(Grid {
        shown: 0,
        ..grid.clone()
    })
}

/// How the first unsteered and steered text begin, where all are written.
fn texts(results: &Results, experiment: &Experiment) -> Option<Vec<String>> {
    let steered = results.steered.as_ref().filter(|s| s.complete)?;
    let same = steered.experiment.steering_only() == experiment.steering_only();
    let sample: &Sample = steered.report.samples.first().filter(|_| same)?;
    let text = |written: &[Written]| {
        let whole = Token::joined(written.iter().map(|w| &w.token));
        let mut text = short(&whole);
        while text.len() > MOST_TEXT {
            text.pop();
        }
        text
    };
    Some(vec![text(&sample.unsteered), text(&sample.steered)])
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::grid::tests::{cell, grid};
    use patchbay_engine::experiment::{Mode, Site};

    pub fn model() -> ModelInfo {
        ModelInfo {
            name: "mini".into(),
            n_layer: 4,
            n_head: 4,
            n_embd: 64,
            n_positions: 64,
            n_vocab: 300,
            sha256: "0123456789abcdef0123456789abcdef".into(),
            parameters: 1,
        }
    }

    pub fn finished() -> (Results, Experiment) {
        let mut whole = grid(Site::ResidPre, Mode::Denoising);
        for row in 0..whole.rows.len() {
            for column in 0..whole.columns.len() {
                whole.enter(&[cell(row, column, row as f32 - 0.1 * column as f32)]);
            }
        }
        whole.seconds = Some(1.0);
        let experiment = whole.experiment.clone();
        let results = Results {
            grids: vec![whole],
            ..Results::default()
        };
        (results, experiment)
    }

    #[test]
    fn what_a_link_takes_along_comes_out_again() {
        let (results, experiment) = finished();
        let taken = digest(&results, &experiment, &model(), "cpu").unwrap();
        assert_eq!(taken.model, "0123456789abcdef");
        assert_eq!(taken.of, checksum(&experiment));
        assert_eq!(taken.cells.len(), 4, "all that there are");
        assert!(taken.picture.is_some());
        let same = compared(&taken, &results, &experiment, &model()).unwrap();
        assert!(same.is_same(), "{same:?}");
        assert_eq!(same.numbers, 2 + 4);
        let mut off = results.clone();
        let at = taken.cells[0];
        off.grids[0].values[0][at.row][at.column] = Some(at.value + 0.5);
        let told = compared(&taken, &off, &experiment, &model()).unwrap();
        assert!(!told.is_same() && told.largest > 0.1, "{told:?}");
    }

    #[test]
    fn what_is_not_whole_or_of_another_experiment_is_no_result() {
        let (mut results, experiment) = finished();
        let other = Experiment {
            bos: !experiment.bos,
            ..experiment.clone()
        };
        assert_eq!(digest(&results, &other, &model(), "cpu"), None);
        let taken = digest(&results, &experiment, &model(), "cpu").unwrap();
        assert_eq!(compared(&taken, &results, &other, &model()), None);
        results.grids[0].seconds = None;
        assert_eq!(digest(&results, &experiment, &model(), "cpu"), None);
        assert_eq!(
            digest(&Results::default(), &experiment, &model(), "cpu"),
            None
        );
    }
}
