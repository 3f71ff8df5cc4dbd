//! What stays on the device between the runs of a pair and its patched runs, and how
//! many pairs' fit at a time.

use super::copies::{Kept, distinct};
use super::setup::{Case, Setup};
use crate::experiment::{Axes, Experiment, Mode, RunName, Site, Sweep};
use crate::lab::line::CACHE;
use crate::model::KEPT_FOR_GRADIENTS;
use crate::rows::{Shape, kept_for_entry};
use std::ops::Range;

/// The cases of a group: so many at a time.
pub(crate) fn cases_of(setup: &Setup, group: usize, size: usize) -> Range<usize> {
    group * size..((group + 1) * size).min(setup.cases.len())
}

pub(crate) fn varied(sweep: &Sweep) -> RunName {
    match sweep.mode {
        Mode::Denoising => RunName::Corrupted,
        Mode::Noising => RunName::Clean,
    }
}

pub(crate) fn direct(sweep: &Sweep) -> bool {
    matches!(
        sweep.axes(),
        Axes::Paths {
            through_mlps: false,
            ..
        }
    )
}

/// What a run of a pair has to keep: what is varied, what rows enter with; what
/// is copied, itself; where it is continued, keys and values.
pub(crate) fn kept(experiment: &Experiment, setup: &Setup, name: RunName) -> Vec<Site> {
    let mut sites = Vec::new();
    for sweep in &setup.sweeps {
        let copied = Kept::of(sweep);
        sites.extend(for_estimate(sweep, name, &copied.sites));
        if varied(sweep) == name {
            let paths = matches!(sweep.axes(), Axes::Paths { .. });
            // A path's receiver may be an MLP.
            let extra = paths.then_some(Site::MlpOut);
            sites.extend(kept_for_entry(copied.sites.iter().copied().chain(extra)));
            if paths {
                sites.push(Site::AttnOut);
            }
        } else if sweep.bring.is_other() {
            sites.extend(copied.sites);
        }
    }
    if experiment.generate.is_some() {
        sites.extend(CACHE);
    }
    distinct(sites)
}

/// What a run must keep besides, for what is estimated of it.
fn for_estimate(sweep: &Sweep, name: RunName, copied: &[Site]) -> Vec<Site> {
    match sweep.estimate {
        Some(_) if varied(sweep) == name => [KEPT_FOR_GRADIENTS, copied].concat(),
        _ => Vec::new(),
    }
}

/// How many cases are kept at the same time.
pub(crate) fn group_size(
    shape: &Shape,
    experiment: &Experiment,
    setup: &Setup,
    most_bytes: usize,
) -> usize {
    let width = |site: &Site| shape.width(*site).unwrap_or(0);
    let of_token = |name| -> usize { kept(experiment, setup, name).iter().map(width).sum() };
    let longest = |f: fn(&Case) -> usize| setup.cases.iter().map(f).max().unwrap_or(1);
    let numbers = of_token(RunName::Clean) * longest(|c| c.clean.len())
        + of_token(RunName::Corrupted) * longest(|c| c.corrupted.len());
    // Storage grows by half as much again as it needs.
    let bytes = 6 * numbers * shape.n_layer;
    (most_bytes / bytes.max(1)).clamp(1, setup.cases.len().max(1))
}
