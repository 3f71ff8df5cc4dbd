use super::*;
use patchbay_engine::experiment::{Site, Token};

pub(crate) fn reading() -> Reading {
    let tokens = |texts: &[&str]| {
        let token = |(text, id): (&&str, u32)| Token {
            id,
            text: (*text).into(),
            bytes: false,
            unseen: false,
        };
        texts.iter().zip(0..).map(token).collect()
    };
    Reading {
        clean: tokens(&["When", " John"]),
        corrupted: tokens(&["When", " \"Bob\""]),
        differing: vec![1],
        ..Reading::default()
    }
}

pub(crate) fn metric() -> MetricReport {
    MetricReport {
        clean: 3.0,
        corrupted: -1.0,
        advice: None,
    }
}

/// The frame of a plain sweep on a model of two layers and three heads.
pub(crate) fn frame(sweep: Sweep) -> Frame {
    let columns = match sweep.site.per_head() {
        true => Axis::Heads(vec![0, 1, 2]),
        false => Axis::Positions(vec![0, 1]),
    };
    Frame {
        sweep,
        rows: Axis::Layers(vec![0, 1]),
        columns,
    }
}

pub(crate) fn grid(site: Site, mode: Mode) -> Grid {
    let sweep = Sweep::of(site, mode);
    let experiment = Experiment {
        sweeps: vec![sweep.clone()],
        ..Experiment::default()
    };
    Grid::empty(&experiment, 0, frame(sweep), &reading(), &[metric()])
}

pub(crate) fn cell(row: usize, column: usize, value: f32) -> CellValues {
    CellValues {
        sweep: 0,
        row,
        column,
        values: vec![value],
    }
}

#[test]
fn columns_are_the_patched_runs_tokens_or_the_heads() {
    let tokens = |grid: Grid| -> Vec<_> {
        let columns = grid.columns.into_iter();
        columns.map(|c| (c.token, c.differs)).collect()
    };
    let when = (Some("When".to_owned()), false);
    assert_eq!(
        tokens(grid(Site::ResidPre, Mode::Denoising)),
        [when.clone(), (Some(" \"Bob\"".into()), true)]
    );
    assert_eq!(
        tokens(grid(Site::MlpOut, Mode::Noising)),
        [when, (Some(" John".into()), true)]
    );
    assert_eq!(tokens(grid(Site::Z, Mode::Noising)), vec![(None, false); 3]);
}

#[test]
fn aligned_columns_differ_where_their_clean_tokens_do() {
    let sweep = Sweep::of(Site::ResidPre, Mode::Denoising);
    let experiment = Experiment {
        alignment: Some(vec![(1, 0)]),
        ..Experiment::default()
    };
    let mut frame = frame(sweep);
    frame.columns = Axis::Positions(vec![0]);
    let grid = Grid::empty(&experiment, 0, frame, &reading(), &[metric()]);
    assert!(grid.columns[0].differs);
}

#[test]
fn cells_come_in_one_by_one() {
    let mut grid = grid(Site::ResidPre, Mode::Denoising);
    assert_eq!((grid.progress(), grid.strongest()), ((0, 4), None));
    let other = CellValues {
        sweep: 1,
        ..cell(0, 0, 9.0)
    };
    grid.enter(&[
        cell(0, 1, 1.0),
        cell(1, 0, -2.0),
        cell(1, 1, 1.0),
        cell(9, 0, 5.0),
        cell(0, 9, 5.0),
        other,
    ]);
    assert_eq!(grid.progress(), (3, 4));
    assert_eq!(grid.strongest(), Some((0, 1)));
    assert_eq!(grid.ranked(9), [(0, 1), (1, 1), (1, 0)]);
    assert_eq!(grid.normalised(0, 1), Some(0.5));
    assert_eq!(grid.normalised(0, 0), None);
    assert!(!grid.is_complete());
}

#[test]
fn a_difference_is_one_of_normalised_values() {
    let (mut one, mut other) = (
        grid(Site::ResidPre, Mode::Denoising),
        grid(Site::ResidPre, Mode::Noising),
    );
    one.enter(&[cell(0, 0, 3.0), cell(0, 1, 1.0)]);
    other.enter(&[cell(0, 0, 1.0)]);
    let difference = one.minus(&other).unwrap();
    assert_eq!(difference.value(0, 0), Some(0.5));
    assert_eq!(difference.value(0, 1), None);
    assert_eq!(difference.unpatched(), 0.0);
    assert!(one.is_normalisable() && !difference.is_normalisable());
    one.metrics[0].corrupted = one.metrics[0].clean;
    assert!(!one.is_normalisable(), "nothing to normalise by");
    assert_eq!(one.minus(&grid(Site::Z, Mode::Noising)), None);
}

#[test]
fn maps_beside_each_other_have_one_scale() {
    let mut strong = grid(Site::ResidPre, Mode::Denoising);
    let mut weak = grid(Site::ResidPre, Mode::Noising);
    assert!(strong.is_like(&weak) && !strong.is_like(&grid(Site::Z, Mode::Noising)));
    // The runs are 4 apart: all of that, and a tenth of it.
    strong.enter(&[cell(0, 0, 3.0)]);
    weak.enter(&[cell(0, 0, 2.6)]);
    assert_eq!(strong.range().place(3.0), 1.0);
    assert!(weak.range().place(2.6) < -0.7);
    let (one, other) = (
        strong.range_beside(Some(&weak)),
        weak.range_beside(Some(&strong)),
    );
    assert_eq!(one.place(3.0), 1.0);
    assert!((other.place(2.6) + 0.1).abs() < 1e-5);
    assert_eq!(other.centre, 3.0);
    assert_eq!(weak.range_beside(None), weak.range());
}

#[test]
fn an_estimate_is_beside_what_was_patched() {
    let mut grid = grid(Site::ResidPre, Mode::Denoising);
    grid.enter(&[cell(0, 0, 1.0)]);
    // A cell that was patched, two that were not, and one that there is not.
    grid.estimates = vec![vec![vec![Some(0.0), Some(7.0)], vec![Some(-1.0), None]]];
    grid.seconds = Some(1.0);
    assert_eq!((grid.value(0, 0), grid.value(0, 1)), (Some(1.0), None));
    let unpatched = |row, column| (grid.is_unpatched(row, column), grid.is_missing(row, column));
    assert_eq!(
        [unpatched(0, 0), unpatched(0, 1)],
        [(false, false), (true, false)]
    );
    assert_eq!(unpatched(1, 1), (false, true));
    let shown = Grid {
        estimated: true,
        ..grid.clone()
    };
    assert_eq!(
        (shown.value(0, 0), shown.value(0, 1)),
        (Some(0.0), Some(7.0))
    );
    assert_eq!(
        (shown.patched(0, 0), shown.normalised(0, 1)),
        (Some(1.0), Some(2.0))
    );
    assert_eq!(
        (grid.strongest(), shown.strongest()),
        (Some((0, 0)), Some((0, 1)))
    );
    // One scale for both; what was run is counted, whichever is shown.
    assert_eq!(grid.range(), shown.range());
    assert_eq!((grid.progress(), shown.progress()), ((1, 1), (1, 1)));
    // Less each other, they are a difference of which one is an estimate.
    let less = shown.minus(&grid).unwrap();
    assert!(less.estimated && less.estimates.is_empty());
    assert_eq!((less.value(0, 0), less.value(0, 1)), (Some(-0.25), None));
    let older = grid.blank();
    assert!(older.estimates.is_empty() && !older.is_unpatched(0, 1));
}

#[test]
fn one_scale_for_both_modes() {
    let mut noising = grid(Site::ResidPre, Mode::Noising);
    noising.enter(&[cell(0, 1, -1.0)]);
    assert_eq!(noising.normalised(0, 1), Some(0.0));
    assert_eq!(noising.unpatched(), 3.0);
    assert_eq!(noising.range().place(-1.0), -1.0);
}
