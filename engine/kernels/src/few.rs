//! `x @ weight + bias` for a few rows, which waits for the memory: the weights
//! are read once, in the order in which they lie.

use crate::Vector;
use crate::linear::{Linear, finish};

/// The most rows for which this is faster than packing.
pub(crate) const ROWS: usize = 4;
/// Columns at a time: the product's rows stay in the first-level cache.
const STRIP: usize = 1024;
/// Rows of the weights at a time. More would fall on the same lines of the
/// cache: their distance is a multiple of 3 KB.
const DEEP: usize = 4;

/// # Safety
/// As [`crate::linear`], for at most [`ROWS`] rows.
#[inline(always)]
pub(crate) unsafe fn linear<V: Vector>(p: &Linear) {
    unsafe {
        match p.rows {
            0 => {}
            1 => rows::<V, 1>(p),
            2 => rows::<V, 2>(p),
            3 => rows::<V, 3>(p),
            _ => rows::<V, 4>(p),
        }
    }
}

#[inline(always)]
unsafe fn rows<V: Vector, const R: usize>(p: &Linear) {
    unsafe {
        let mut column = 0;
        while column < p.columns {
            let width = STRIP.min(p.columns - column);
            let out = p.out.add(column);
            for i in 0..R {
                for j in 0..width {
                    *out.add(i * p.out_stride + j) = 0.0;
                }
            }
            let weight = p.weight.add(column);
            let whole = p.inner - p.inner % DEEP;
            let mut k = 0;
            while k < whole {
                some::<V, R, DEEP>(p, k, weight.add(k * p.weight_stride), out, width);
                k += DEEP;
            }
            while k < p.inner {
                some::<V, R, 1>(p, k, weight.add(k * p.weight_stride), out, width);
                k += 1;
            }
            finish::<V>(p, (0, R), (column, width), out);
            column += width;
        }
    }
}

/// `out += x[.., k .. k + D] @ weight`
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn some<V: Vector, const R: usize, const D: usize>(
    p: &Linear,
    k: usize,
    weight: *const f32,
    out: *mut f32,
    width: usize,
) {
    unsafe {
        let x = |i: usize, d: usize| *p.x.add(i * p.x_stride + k + d);
        let (weight_stride, out_stride) = (p.weight_stride, p.out_stride);
        let mut by = [[V::splat(0.0); D]; R];
        for (i, by) in by.iter_mut().enumerate() {
            for (d, by) in by.iter_mut().enumerate() {
                *by = V::splat(x(i, d));
            }
        }
        let whole = width - width % V::LANES;
        let mut j = 0;
        while j < whole {
            let mut w = [V::splat(0.0); D];
            for (d, w) in w.iter_mut().enumerate() {
                *w = V::load(weight.add(d * weight_stride + j));
            }
            for (i, by) in by.iter().enumerate() {
                let out = out.add(i * out_stride + j);
                let mut sum = V::load(out);
                for (by, w) in by.iter().zip(w) {
                    sum = by.mul_add(w, sum);
                }
                sum.store(out);
            }
            j += V::LANES;
        }
        while j < width {
            for i in 0..R {
                for d in 0..D {
                    *out.add(i * out_stride + j) += x(i, d) * *weight.add(d * weight_stride + j);
                }
            }
            j += 1;
        }
    }
}
