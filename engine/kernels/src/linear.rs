//! `x @ weight + bias`, many rows at once: blocks of `x` are copied into panels
//! that stay in the caches, as those of the weights are already (see `panels`), and
//! multiplied tile by tile, each tile of the product in registers (Goto and van de
//! Geijn, Anatomy of High-Performance Matrix Multiplication, 2008).

use crate::activation::{Function, each};
use crate::panels::{Line, PANEL};
use crate::{Vector, few};

/// What to multiply. Matrices are row-major; a stride is the number of values
/// from one row to the next. A module of WebAssembly reads it as it lies.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Linear {
    /// Rows of `x`, and of the product.
    pub rows: usize,
    /// Values in a row of `x`, and rows of the weight: what a product sums over.
    pub inner: usize,
    /// Columns of the weight, and of the product.
    pub columns: usize,
    /// `[rows, inner]`
    pub x: *const f32,
    /// Of `x`: more than `inner` where it is a view of some columns.
    pub x_stride: usize,
    /// `[inner, columns]`, in panels.
    pub weight: *const Line,
    /// `[columns]`
    pub bias: *const f32,
    /// `[rows, columns]`, added to the product; null where nothing is.
    pub onto: *const f32,
    /// Of `onto`; not read where that is null.
    pub onto_stride: usize,
    /// Applied to the product before `onto` is added.
    pub function: Function,
    /// `[rows, columns]`
    pub out: *mut f32,
    /// Of `out`: more than `columns` where only some of them are computed.
    pub out_stride: usize,
    /// [`SCRATCH`] values, whatever they are.
    pub scratch: *mut f32,
}

// SAFETY: whoever makes one promises that its pointers are good while it is used.
unsafe impl Send for Linear {}
// SAFETY: as above.
unsafe impl Sync for Linear {}

impl Linear {
    /// The same product, some of its columns only.
    ///
    /// # Safety
    /// The columns are of those that there are, and the first one begins a panel.
    #[must_use]
    pub unsafe fn some(&self, columns: core::ops::Range<usize>) -> Self {
        unsafe {
            Self {
                columns: columns.len(),
                weight: self.weight.add(columns.start / PANEL * self.inner),
                bias: self.bias.add(columns.start),
                onto: match self.onto.is_null() {
                    true => self.onto,
                    false => self.onto.add(columns.start),
                },
                out: self.out.add(columns.start),
                ..*self
            }
        }
    }

    /// The panel that begins with `column`.
    #[inline(always)]
    pub(crate) unsafe fn panel(&self, column: usize) -> *const f32 {
        unsafe { self.weight.add(column / PANEL * self.inner).cast() }
    }

    /// Room for a tile of the last columns.
    #[inline(always)]
    pub(crate) unsafe fn edge(&self) -> *mut f32 {
        unsafe { self.scratch.add(PACKED) }
    }
}

/// Rows of `x` at a time, and values of them that are packed: they fit a common
/// second-level cache.
const ROWS: usize = 260;
const PACKED: usize = ROWS * 256;
/// The most of the inner dimension at a time: what is multiplied then, 24 KB of a
/// panel and 12 KB of `x`, fits a common first-level cache, or nearly so.
const DEPTH: usize = 768;

/// Values of scratch memory that a product needs: for what is packed, and a tile.
pub const SCRATCH: usize = PACKED + 6 * PANEL;

/// # Safety
/// As [`crate::linear()`]; and the machine has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn linear<V: Vector>(p: &Linear) {
    unsafe {
        if p.rows <= few::ROWS {
            return few::linear::<V>(p);
        }
        let blocks = p.rows.div_ceil(ROWS);
        for i in 0..blocks {
            let (first, stop) = share(p.rows, blocks, i);
            block::<V>(p, first, stop - first);
        }
    }
}

/// Part `i` of `n` split into parts as equal as can be.
#[inline(always)]
fn share(n: usize, parts: usize, i: usize) -> (usize, usize) {
    (n * i / parts, n * (i + 1) / parts)
}

/// Some rows of the product, all columns.
#[inline(always)]
unsafe fn block<V: Vector>(p: &Linear, first: usize, rows: usize) {
    // At least 1, as the compiler must see: dividing by 0 would bring a message along,
    // and the module has no room for one.
    let depth = DEPTH.min(PACKED / rows.max(1)).max(1);
    let parts = p.inner.div_ceil(depth).max(1);
    unsafe {
        let x = p.x.add(first * p.x_stride);
        for part in 0..parts {
            let (k, stop) = share(p.inner, parts, part);
            pack_rows::<V>(x.add(k), p.x_stride, rows, stop - k, p.scratch);
            let mut column = 0;
            while column < p.columns {
                panel::<V>(p, (first, rows), (k, stop - k), column);
                column += PANEL;
            }
        }
        finish::<V>(p, first, rows);
    }
}

/// Copies `[rows, depth]` of `x` to panels of at most [`Vector::TILE`] rows, column by column.
#[inline(always)]
unsafe fn pack_rows<V: Vector>(
    x: *const f32,
    stride: usize,
    rows: usize,
    depth: usize,
    to: *mut f32,
) {
    let groups = rows.div_ceil(V::TILE);
    for g in 0..groups {
        let (first, stop) = share(rows, groups, g);
        let height = stop - first;
        for i in 0..height {
            unsafe {
                let (from, to) = (x.add((first + i) * stride), to.add(first * depth + i));
                for k in 0..depth {
                    *to.add(k * height) = *from.add(k);
                }
            }
        }
    }
}

/// Multiplies what is packed by a panel from `k` on, into `out` or onto what is there.
#[inline(always)]
unsafe fn panel<V: Vector>(
    p: &Linear,
    (first, rows): (usize, usize),
    (k, depth): (usize, usize),
    column: usize,
) {
    let groups = rows.div_ceil(V::TILE);
    let add = k > 0;
    unsafe {
        let b = p.panel(column).add(k * PANEL);
        for g in 0..groups {
            let (start, stop) = share(rows, groups, g);
            let a = p.scratch.add(start * depth);
            let height = stop - start;
            let mut at = 0;
            if p.columns - column >= PANEL {
                let out = p.out.add((first + start) * p.out_stride + column);
                while at < PANEL {
                    tiles::<V>(height, depth, a, b.add(at), out.add(at), p.out_stride, add);
                    at += 2 * V::LANES;
                }
                continue;
            }
            // The last columns are not a whole panel: by way of a tile aside.
            while at < PANEL {
                tiles::<V>(height, depth, a, b.add(at), p.edge().add(at), PANEL, false);
                at += 2 * V::LANES;
            }
            aside(p, (first + start, height), column, add);
        }
    }
}

/// Copies what there is of the last columns from the tile aside.
#[inline(always)]
pub(crate) unsafe fn aside(p: &Linear, (first, rows): (usize, usize), column: usize, add: bool) {
    unsafe {
        let out = p.out.add(first * p.out_stride + column);
        for i in 0..rows {
            for j in 0..p.columns - column {
                let (to, from) = (out.add(i * p.out_stride + j), p.edge().add(i * PANEL + j));
                *to = if add { *to + *from } else { *from };
            }
        }
    }
}

#[inline(always)]
unsafe fn tiles<V: Vector>(
    rows: usize,
    depth: usize,
    a: *const f32,
    b: *const f32,
    out: *mut f32,
    stride: usize,
    add: bool,
) {
    unsafe {
        match rows {
            6 => tile::<V, 6>(depth, a, b, out, stride, add),
            5 => tile::<V, 5>(depth, a, b, out, stride, add),
            4 => tile::<V, 4>(depth, a, b, out, stride, add),
            3 => tile::<V, 3>(depth, a, b, out, stride, add),
            2 => tile::<V, 2>(depth, a, b, out, stride, add),
            _ => tile::<V, 1>(depth, a, b, out, stride, add),
        }
    }
}

/// `R` rows and two registers' columns of the product.
// In a browser the registers of a small function are given out better; natively
// it must be part of a function that is compiled for these registers.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn tile<V: Vector, const R: usize>(
    depth: usize,
    mut a: *const f32,
    mut b: *const f32,
    out: *mut f32,
    stride: usize,
    add: bool,
) {
    let mut sums = [[V::splat(0.0); 2]; R];
    // SAFETY: the panels have `depth` times `R` and [`PANEL`] values.
    unsafe {
        for _ in 0..depth {
            let (left, right) = (V::load(b), V::load(b.add(V::LANES)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = V::splat(*a.add(i));
                sums[0] = x.mul_add(left, sums[0]);
                sums[1] = x.mul_add(right, sums[1]);
            }
            a = a.add(R);
            b = b.add(PANEL);
        }
        for (i, [left, right]) in sums.into_iter().enumerate() {
            let out = out.add(i * stride);
            let more = out.add(V::LANES);
            match add {
                true => {
                    left.add(V::load(out)).store(out);
                    right.add(V::load(more)).store(more);
                }
                false => {
                    left.store(out);
                    right.store(more);
                }
            }
        }
    }
}

/// Adds the bias to some rows of the product, and what else there is to do.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) unsafe fn finish<V: Vector>(p: &Linear, first: usize, rows: usize) {
    unsafe {
        for i in first..first + rows {
            let out = p.out.add(i * p.out_stride);
            add::<V>(out, p.bias, p.columns);
            each::<V>(p.function, out, p.columns);
            if !p.onto.is_null() {
                add::<V>(out, p.onto.add(i * p.onto_stride), p.columns);
            }
        }
    }
}

/// `out += more`, `n` values.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn add<V: Vector>(out: *mut f32, more: *const f32, n: usize) {
    let whole = n - n % V::LANES;
    unsafe {
        let mut i = 0;
        while i < whole {
            V::load(out.add(i))
                .add(V::load(more.add(i)))
                .store(out.add(i));
            i += V::LANES;
        }
        while i < n {
            *out.add(i) += *more.add(i);
            i += 1;
        }
    }
}
