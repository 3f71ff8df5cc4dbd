//! Activations that are handed back as numbers.

use super::problem::PatchingProblem;
use super::setup::Case;
use crate::experiment::{CaptureReport, Experiment, Field, RunName, Site};
use crate::host::SessionError;
use crate::rows::Shape;

/// Numbers that a report may hand back, over all captures: as JSON some 200 MB.
pub(crate) const MOST_CAPTURED: usize = 16_000_000;

fn wrong(problem: PatchingProblem) -> SessionError {
    SessionError::of(Field::Captures, problem)
}

/// Whether what is to be captured has at most so many numbers in all.
pub(crate) fn fit(
    shape: &Shape,
    experiment: &Experiment,
    case: &Case,
    most: usize,
) -> Result<(), SessionError> {
    let numbers = |capture: &crate::experiment::Capture| {
        let len = match capture.run {
            RunName::Clean => case.clean.len(),
            RunName::Corrupted => case.corrupted.len(),
        };
        let rows = capture.positions.as_ref().map_or(len, Vec::len);
        rows * shape.width(capture.site).unwrap_or(shape.n_head * len)
    };
    let found: usize = experiment.captures.iter().map(numbers).sum();
    match found > most {
        true => Err(wrong(PatchingProblem::ManyCaptured { found, most })),
        false => Ok(()),
    }
}

/// The captures asked of one run, one for each position.
pub(crate) fn asked(
    experiment: &Experiment,
    len: usize,
    name: RunName,
) -> Result<Vec<(Site, usize, usize)>, SessionError> {
    let mut all = Vec::new();
    for capture in experiment.captures.iter().filter(|c| c.run == name) {
        let layer = match (capture.site.per_layer(), capture.layer) {
            (true, Some(layer)) => layer,
            (false, None) => 0,
            (true, None) => {
                let site = capture.site;
                return Err(wrong(PatchingProblem::CaptureWithoutLayer { site }));
            }
            (false, Some(_)) => {
                let site = capture.site;
                return Err(wrong(PatchingProblem::CaptureWithLayer { site }));
            }
        };
        let positions = capture
            .positions
            .clone()
            .unwrap_or_else(|| (0..len).collect());
        all.extend(positions.into_iter().map(|p| (capture.site, layer, p)));
    }
    Ok(all)
}

/// What was asked of the two runs of a pair, from what each of them captured.
pub(crate) fn reports(
    shape: &Shape,
    experiment: &Experiment,
    case: &Case,
    runs: [&[Option<Vec<f32>>]; 2],
) -> Vec<CaptureReport> {
    let mut next = [0, 0];
    let report = |capture: &crate::experiment::Capture| {
        let (run, len) = match capture.run {
            RunName::Clean => (0, case.clean.len()),
            RunName::Corrupted => (1, case.corrupted.len()),
        };
        let rows = capture.positions.as_ref().map_or(len, Vec::len);
        let mut values = Vec::new();
        for row in runs[run][next[run]..next[run] + rows].iter().flatten() {
            match capture.site {
                Site::Pattern => values.extend(trimmed(shape, row, len)),
                _ => values.extend(row),
            }
        }
        next[run] += rows;
        CaptureReport {
            capture: capture.clone(),
            shape: [rows, values.len().checked_div(rows).unwrap_or(0)],
            values,
        }
    };
    experiment.captures.iter().map(report).collect()
}

/// A row of patterns as wide as its own run, `len` keys a head: without the keys of
/// longer runs beside it, and with those that come after all rows of its batch.
pub(crate) fn trimmed(shape: &Shape, row: &[f32], len: usize) -> Vec<f32> {
    let keys = row.len() / shape.n_head;
    let heads = row.chunks(keys.max(1));
    let key = |head: &[f32], k: usize| head.get(k).copied().unwrap_or_default();
    heads
        .flat_map(|head| (0..len).map(move |k| key(head, k)))
        .collect()
}

/// A site at every position of every layer, where it has layers.
pub(crate) fn everywhere(shape: &Shape, site: Site, len: usize) -> Vec<(Site, usize, usize)> {
    let at = |layer| (0..len).map(move |position| (site, layer, position));
    (0..site.layers(shape.n_layer)).flat_map(at).collect()
}
