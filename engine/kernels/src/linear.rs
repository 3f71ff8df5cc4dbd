//! `x @ weight + bias`, many rows at once: blocks of both matrices are copied
//! into panels that stay in the caches, and multiplied tile by tile, each tile
//! of the product in registers (Goto and van de Geijn, Anatomy of
//! High-Performance Matrix Multiplication, 2008).

use crate::activation::{Function, each};
use crate::{Vector, few};

/// What to multiply. Matrices are row-major; a stride is the number of values
/// from one row to the next. A module of WebAssembly reads it as it lies.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Linear {
    pub rows: usize,
    pub inner: usize,
    pub columns: usize,
    /// `[rows, inner]`
    pub x: *const f32,
    pub x_stride: usize,
    /// `[inner, columns]`
    pub weight: *const f32,
    pub weight_stride: usize,
    /// `[columns]`
    pub bias: *const f32,
    /// `[rows, columns]`, added to the product; null where nothing is.
    pub onto: *const f32,
    pub onto_stride: usize,
    /// Applied to the product before `onto` is added.
    pub function: Function,
    /// `[rows, columns]`
    pub out: *mut f32,
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
    /// The columns are of those that there are.
    #[must_use]
    pub unsafe fn some(&self, columns: core::ops::Range<usize>) -> Self {
        unsafe {
            Self {
                columns: columns.len(),
                weight: self.weight.add(columns.start),
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
}

/// Rows of `x` at a time.
const ROWS: usize = 260;
/// How much of the inner dimension at a time.
const DEPTH: usize = 64;
/// Columns at a time: as many as GPT-2 small has, so that the weights are read
/// in the order in which they lie, which is what a few rows wait for. What is
/// packed of them, 786 KB, fits a common second-level cache.
const STRIP: usize = 3072;

/// Values between one panel of the weights and the next, beyond its own: a line
/// of the cache. Without it the panels would fall on the same lines, as their
/// size is a power of two.
const APART: usize = 16;

/// Values of scratch memory that a product needs: for what is packed, and a tile.
pub const SCRATCH: usize = (ROWS + STRIP) * DEPTH + STRIP * APART + 6 * 2 * 8;

/// # Safety
/// As [`crate::linear`]; and the machine has the instructions of `V`.
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
    unsafe {
        let (x, out) = (p.x.add(first * p.x_stride), p.out.add(first * p.out_stride));
        let (rows_packed, columns_packed) = (p.scratch, p.scratch.add(ROWS * DEPTH));
        let mut k = 0;
        loop {
            let depth = DEPTH.min(p.inner - k);
            pack_rows::<V>(x.add(k), p.x_stride, rows, depth, rows_packed);
            let mut column = 0;
            while column < p.columns {
                let width = STRIP.min(p.columns - column);
                let weight = p.weight.add(k * p.weight_stride + column);
                pack_columns::<V>(weight, p.weight_stride, depth, width, columns_packed);
                let out = out.add(column);
                strip::<V>(p, (rows, depth, width), out, k > 0);
                if k + depth == p.inner {
                    finish::<V>(p, (first, rows), (column, width), out);
                }
                column += width;
            }
            k += depth;
            if k >= p.inner {
                break;
            }
        }
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

/// Copies `[depth, width]` of the weights to panels of two registers' columns,
/// row by row. The last panel's missing columns are zeros.
#[inline(always)]
unsafe fn pack_columns<V: Vector>(
    weight: *const f32,
    stride: usize,
    depth: usize,
    width: usize,
    to: *mut f32,
) {
    let panel = 2 * V::LANES;
    let whole = width - width % panel;
    for k in 0..depth {
        unsafe {
            let from = weight.add(k * stride);
            let mut to = to.add(k * panel);
            let mut column = 0;
            while column < whole {
                V::load(from.add(column)).store(to);
                V::load(from.add(column + V::LANES)).store(to.add(V::LANES));
                column += panel;
                to = to.add(depth * panel + APART);
            }
            if whole < width {
                for i in 0..panel {
                    *to.add(i) = match whole + i < width {
                        true => *from.add(whole + i),
                        false => 0.0,
                    };
                }
            }
        }
    }
}

/// Multiplies what is packed, into `out` or onto what is there.
#[inline(always)]
unsafe fn strip<V: Vector>(
    p: &Linear,
    (rows, depth, width): (usize, usize, usize),
    out: *mut f32,
    add: bool,
) {
    let panel = 2 * V::LANES;
    let groups = rows.div_ceil(V::TILE);
    unsafe {
        let rows_packed = p.scratch;
        let columns_packed = rows_packed.add(ROWS * DEPTH);
        let edge = columns_packed.add(STRIP * (DEPTH + APART));
        let mut column = 0;
        while column < width {
            let b = columns_packed.add(column / panel * (depth * panel + APART));
            for g in 0..groups {
                let (first, stop) = share(rows, groups, g);
                let a = rows_packed.add(first * depth);
                let out = out.add(first * p.out_stride + column);
                if width - column >= panel {
                    tiles::<V>(stop - first, depth, a, b, out, p.out_stride, add);
                    continue;
                }
                // The last columns are not whole registers: by way of a tile aside.
                tiles::<V>(stop - first, depth, a, b, edge, panel, false);
                for i in 0..stop - first {
                    for j in 0..width - column {
                        let (to, from) = (out.add(i * p.out_stride + j), edge.add(i * panel + j));
                        *to = if add { *to + *from } else { *from };
                    }
                }
            }
            column += panel;
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
    // SAFETY: the panels have `depth` times `R` and two registers' values.
    unsafe {
        for _ in 0..depth {
            let (left, right) = (V::load(b), V::load(b.add(V::LANES)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = V::splat(*a.add(i));
                sums[0] = x.mul_add(left, sums[0]);
                sums[1] = x.mul_add(right, sums[1]);
            }
            a = a.add(R);
            b = b.add(2 * V::LANES);
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

/// Adds the bias to some columns of the product, and what else there is to do.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) unsafe fn finish<V: Vector>(
    p: &Linear,
    (first, rows): (usize, usize),
    (column, width): (usize, usize),
    out: *mut f32,
) {
    unsafe {
        let bias = p.bias.add(column);
        for i in 0..rows {
            let out = out.add(i * p.out_stride);
            add::<V>(out, bias, width);
            each::<V>(p.function, out, width);
            if !p.onto.is_null() {
                add::<V>(out, p.onto.add((first + i) * p.onto_stride + column), width);
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
