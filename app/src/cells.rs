//! A map's cells in words and numbers.

use crate::format;
use crate::grid::{Column, Grid};
use crate::text::text;
use patchbay_engine::experiment::{Axis, AxisKind, Sweep};

/// Row and column.
pub type At = (usize, usize);

/// The number in a cell: raw or normalised; raw where there is no scale.
pub fn number(grid: &Grid, (row, column): At, raw: bool) -> Option<String> {
    let value = grid.value(row, column)?;
    match grid.normalised(row, column) {
        Some(normalised) if !raw => Some(format::number(normalised, 2)),
        _ => Some(format::metric(value, grid.kind())),
    }
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

/// A map in words: its sweep, and of how many pairs it is.
pub fn map(grid: &Grid) -> String {
    let name = sweep(grid.sweep());
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
