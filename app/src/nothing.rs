//! A patch that changes nothing, and why.

use crate::grid::Grid;
use crate::picture::mixing_layer;
use patchbay_engine::experiment::{Corruption, MetricKind, Mode, Reading, Site, Steered};

/// Numbers that differ by less than this share are the same but for rounding.
const ROUNDING: f32 = 1e-5;

/// Why a patched run is as it is without the patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// Both prompts are the same.
    SamePrompts,
    /// What is read at the last position does not come from there.
    Unreached,
    /// Both runs have read the same up to there.
    SameActivations,
    /// The numbers say so, and it does not follow from the prompts.
    Unknown,
    /// It changes what it must: the words themselves are put back, before any layer.
    Itself,
}

/// Why a cell's patch changes nothing; `None` where it changes something. `layers` are
/// the model's.
#[must_use]
pub fn nothing(
    grid: &Grid,
    reading: &Reading,
    (row, column): (usize, usize),
    layers: usize,
) -> Option<Nothing> {
    if grid.difference {
        return None;
    }
    let base = |metric: usize| {
        let report = grid.metrics.get(metric)?;
        Some(match grid.sweep().mode {
            Mode::Denoising => report.corrupted,
            Mode::Noising => report.clean,
        })
    };
    for metric in 0..grid.metrics.len() {
        // Of each metric: what moves one moves the run.
        let value = (*grid.values.get(metric)?.get(row)?.get(column)?)?;
        let base = base(metric)?;
        if (value - base).abs() > ROUNDING * base.abs().max(1.0) {
            return None;
        }
    }
    if let Some(why) = follows(grid, reading, (row, column), layers) {
        return Some(why);
    }
    // A rank stays the same while much changes.
    let fine = |kind: MetricKind| kind != MetricKind::Rank;
    let fine = grid.experiment.metrics.iter().any(|m| fine(m.kind));
    fine.then_some(Nothing::Unknown)
}

/// Whether a cell's patch puts the word that differs itself back: that brings the other
/// run back, and says nothing of the model.
#[must_use]
pub fn itself(grid: &Grid, reading: &Reading, at: (usize, usize)) -> Option<Nothing> {
    let (e, sweep) = (&grid.experiment, grid.sweep());
    let plain = !grid.difference
        && e.corruption.is_prompt()
        && e.alignment.is_none()
        && e.steered.is_none()
        && reading.roles.is_empty()
        && reading.cases.is_none()
        && sweep.bring.is_other();
    let first = matches!(sweep.site, Site::ResidPre | Site::Embed);
    let located = grid.located(at).filter(|_| plain && first)?;
    let position = located.position.filter(|_| located.layer == 0)?;
    (reading.differing == [position]).then_some(Nothing::Itself)
}

/// Why it has to be so, where that can be told without the numbers.
fn follows(grid: &Grid, reading: &Reading, at: (usize, usize), layers: usize) -> Option<Nothing> {
    let (e, sweep) = (&grid.experiment, grid.sweep());
    let steered_alike = matches!(e.steered, None | Some(Steered::Both));
    // Of several pairs only the first was told.
    let comparable = sweep.bring.is_other() && steered_alike && reading.cases.is_none();
    let same_place = e.alignment.is_none()
        && reading.roles.is_empty()
        && reading.clean.len() == reading.corrupted.len();
    let alike = same_place && reading.differing.is_empty();
    if comparable && e.corruption.is_prompt() && alike {
        return Some(Nothing::SamePrompts);
    }
    let located = grid.located(at)?;
    let position = located.position?;
    let run = match sweep.mode {
        Mode::Denoising => &reading.corrupted,
        Mode::Noising => &reading.clean,
    };
    if position + 1 < run.len() && mixing_layer(&located, layers).is_none() {
        return Some(Nothing::Unreached);
    }
    if !comparable || !same_place {
        return None;
    }
    let first = match &e.corruption {
        Corruption::Prompt => reading.differing.iter().min(),
        Corruption::Noise(noise) => noise.positions.iter().min(),
    };
    let differs = |position: usize| match &e.corruption {
        Corruption::Prompt => reading.differing.contains(&position),
        Corruption::Noise(noise) => noise.positions.contains(&position),
    };
    let before = first.is_none_or(|first| position < *first);
    let own = match located.site {
        // No other position has been read yet.
        Site::Embed => !differs(position),
        Site::ResidPre => located.layer == 0 && located.window <= 1 && !differs(position),
        Site::PosEmbed => true,
        _ => false,
    };
    (before || own).then_some(Nothing::SameActivations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::{cell, grid, reading};
    use patchbay_engine::experiment::{Axes, Bring};

    /// On a model of two layers; the prompts differ at the last of two positions.
    fn why(site: Site, at: (usize, usize), change: impl FnOnce(&mut Grid)) -> Option<Nothing> {
        let mut grid = grid(site, Mode::Denoising);
        let unpatched = grid.unpatched();
        grid.enter(&[cell(at.0, at.1, unpatched + 1e-6)]);
        change(&mut grid);
        nothing(&grid, &reading(), at, 2)
    }

    #[test]
    fn what_changes_something_is_not_nothing() {
        let changed = |grid: &mut Grid| grid.enter(&[cell(0, 0, 0.5)]);
        assert_eq!(why(Site::ResidPre, (0, 0), changed), None);
        let pending = nothing(&grid(Site::ResidPre, Mode::Noising), &reading(), (0, 0), 2);
        assert_eq!(pending, None);
    }

    #[test]
    fn before_the_first_difference_both_runs_are_the_same() {
        let same = Some(Nothing::SameActivations);
        assert_eq!(why(Site::ResidPre, (1, 0), |_| {}), same);
        assert_eq!(why(Site::MlpOut, (0, 0), |_| {}), same);
        // Zeros are not what the other run has there.
        let zeros = |grid: &mut Grid| grid.frame.sweep.bring = Bring::Zero;
        assert_eq!(why(Site::ResidPre, (1, 0), zeros), Some(Nothing::Unknown));
        // Nor is the last position's, of which the numbers say it all the same.
        assert_eq!(why(Site::ResidPre, (1, 1), |_| {}), Some(Nothing::Unknown));
    }

    #[test]
    fn after_the_last_attention_a_position_is_alone() {
        let unreached = Some(Nothing::Unreached);
        assert_eq!(why(Site::MlpOut, (1, 0), |_| {}), unreached);
        assert_eq!(why(Site::ResidPost, (1, 0), |_| {}), unreached);
        // Of a window the first layer reaches farthest.
        let window = |grid: &mut Grid| {
            grid.frame.sweep.axes = Some(Axes::LayerPosition { window: 2 });
        };
        assert_eq!(
            why(Site::ResidPost, (0, 0), window),
            Some(Nothing::SameActivations)
        );
    }

    #[test]
    fn a_rank_says_too_little() {
        let rank = |grid: &mut Grid| grid.experiment.metrics[0].kind = MetricKind::Rank;
        assert_eq!(why(Site::ResidPre, (1, 1), rank), None);
    }
}
