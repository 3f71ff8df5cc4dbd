//! How a weight `[inner, columns]` lies: in panels of [`PANEL`] columns, one after
//! the other, each row by row, the last one filled up with zeros. A product goes
//! through a panel from its first value to its last: one stream, which a processor
//! fetches ahead of its reader better than it does several side by side.

/// Columns of a panel: two registers, so that sums for four or six rows of a
/// product, and what is multiplied, fit the registers that there are.
pub const PANEL: usize = if cfg!(target_arch = "wasm32") { 8 } else { 16 };

/// A row of a panel. Aligned, so that no register is loaded from two lines of the
/// cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(32))]
pub struct Line(pub [f32; PANEL]);

/// Lines that a weight takes.
#[must_use]
pub const fn lines(inner: usize, columns: usize) -> usize {
    inner.saturating_mul(columns.div_ceil(PANEL))
}

/// Puts whole rows of a weight, row-major, where they belong, from `first` on.
pub fn put(panels: &mut [Line], [inner, columns]: [usize; 2], first: usize, rows: &[f32]) {
    for (panel, column) in panels
        .chunks_mut(inner.max(1))
        .zip((0..columns).step_by(PANEL))
    {
        let width = PANEL.min(columns - column);
        for (line, row) in panel[first..].iter_mut().zip(rows.chunks(columns)) {
            line.0[..width].copy_from_slice(&row[column..column + width]);
        }
    }
}

/// The values of row `k`.
pub fn row(
    panels: &[Line],
    [inner, columns]: [usize; 2],
    k: usize,
) -> impl Iterator<Item = f32> + '_ {
    let lines = panels.iter().skip(k).step_by(inner.max(1));
    lines.flat_map(|line| line.0).take(columns)
}

/// Puts some columns of some rows into `into`, row-major.
#[cfg(not(feature = "module"))]
pub fn stretch(
    panels: &[Line],
    [inner, _]: [usize; 2],
    rows: core::ops::Range<usize>,
    columns: core::ops::Range<usize>,
    into: &mut Vec<f32>,
) {
    let width = columns.len();
    into.clear();
    into.resize(rows.len() * width, 0.0);
    let mut column = columns.start;
    while column < columns.end {
        let (panel, first) = (column / PANEL, column % PANEL);
        let count = (PANEL - first).min(columns.end - column);
        let lines = &panels[panel * inner + rows.start..panel * inner + rows.end];
        let at = column - columns.start;
        for (line, row) in lines.iter().zip(into.chunks_mut(width)) {
            row[at..at + count].copy_from_slice(&line.0[first..first + count]);
        }
        column += count;
    }
}
