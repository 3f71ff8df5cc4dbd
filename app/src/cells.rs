//! A map's cells in words and numbers.

use crate::format;
use crate::grid::{Column, Grid};
use crate::text::text;
use patchbay_engine::experiment::{Axis, AxisKind, Sweep};

/// Row and column.
pub type At = (usize, usize);

/// The number in a cell: raw or normalised; raw where there is no scale.
pub fn number(grid: &Grid, (row, column): At, raw: bool) -> Option<String> {
    Some(written(grid, grid.value(row, column)?, raw))
}

/// A value as a cell has it.
pub fn written(grid: &Grid, value: f32, raw: bool) -> String {
    match grid.scaled(value) {
        Some(normalised) if !raw => format::number(normalised, 2),
        _ => format::metric(value, grid.kind()),
    }
}

/// What was patched in a cell and what was estimated of it, where there are estimates.
pub fn both(grid: &Grid, (row, column): At, raw: bool) -> Option<String> {
    let estimate = written(grid, grid.estimate(row, column)?, raw);
    let patched = grid.patched(row, column).map(|v| written(grid, v, raw));
    Some((text().map.both)(patched.as_deref(), &estimate))
}

/// A sweep in words: its site and direction, and its kind of grid where that is not the
/// site's usual one.
pub fn sweep(sweep: &Sweep) -> String {
    let (t, kind) = (&text().grids, sweep.axes().kind());
    let usual = Sweep::of(sweep.site, sweep.mode).axes().kind();
    let kind = (kind != usual).then(|| (text().axes.kind)(kind));
    let site = (!sweep.axes().kind().names_its_site()).then_some(sweep.site);
    (t.name)(site, kind, sweep.mode)
}

/// A map in words: its sweep, whether it is an estimate, and of how many pairs it is.
pub fn map(grid: &Grid) -> String {
    let mut name = sweep(grid.sweep());
    if grid.estimated {
        name = (text().map.estimate)(&name);
    }
    match grid.experiment.pairs.len() {
        0 => name,
        further => (text().grids.of_pairs)(&name, further + 1),
    }
}

/// A cell in words, by its row and its column.
pub fn place(grid: &Grid, (row, column): At) -> String {
    let name = |axis: &Axis, side: &[Column], i: usize| {
        let Some(one) = side.get(i) else {
            return String::new();
        };
        let token = one.token.as_deref().map(format::token);
        (text().map.named)(axis.kind(), &one.label, token.as_deref())
    };
    let frame = &grid.frame;
    let column = name(&frame.columns, &grid.columns, column);
    match frame.rows.kind() {
        // A set has one row, which says nothing.
        AxisKind::Set => column,
        _ => format!("{}, {column}", name(&frame.rows, &grid.rows, row)),
    }
}
