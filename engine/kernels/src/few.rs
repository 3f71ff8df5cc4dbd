//! `x @ weight + bias` for a few rows, which waits for the memory: each panel is
//! read once, from its first value to its last. As many sums are made at once as
//! keep two units of four cycles busy.

use crate::Vector;
use crate::linear::{Linear, aside, finish};
use crate::panels::PANEL;

/// The most rows for which this is faster than packing them.
pub(crate) const ROWS: usize = 3;

/// # Safety
/// As [`crate::linear()`], for at most [`ROWS`] rows.
#[inline(always)]
pub(crate) unsafe fn linear<V: Vector>(p: &Linear) {
    unsafe {
        match p.rows {
            0 => {}
            1 => rows::<V, 1, 4>(p),
            2 => rows::<V, 2, 2>(p),
            _ => rows::<V, 3, 1>(p),
        }
    }
}

/// The product of `R` rows, its sums in `S` parts.
#[inline(always)]
unsafe fn rows<V: Vector, const R: usize, const S: usize>(p: &Linear) {
    unsafe {
        let mut column = 0;
        while column < p.columns {
            let weight = p.panel(column);
            let whole = p.columns - column >= PANEL;
            let (to, stride) = match whole {
                true => (p.out.add(column), p.out_stride),
                // The last columns are not a whole panel: by way of a tile aside.
                false => (p.edge(), PANEL),
            };
            let mut at = 0;
            while at < PANEL {
                sums::<V, R, S>(p, weight.add(at), to.add(at), stride);
                at += 2 * V::LANES;
            }
            if !whole {
                aside(p, (0, R), column, false);
            }
            column += PANEL;
        }
        finish::<V>(p, 0, R);
    }
}

/// `out := x @ weight`, two registers' columns.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn sums<V: Vector, const R: usize, const S: usize>(
    p: &Linear,
    weight: *const f32,
    out: *mut f32,
    stride: usize,
) {
    let mut sums = [[[V::splat(0.0); 2]; S]; R];
    let (x, x_stride, inner) = (p.x, p.x_stride, p.inner);
    unsafe {
        let mut step = |k: usize, s: usize| {
            let weight = weight.add(k * PANEL);
            let (left, right) = (V::load(weight), V::load(weight.add(V::LANES)));
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = V::splat(*x.add(i * x_stride + k));
                sums[s][0] = x.mul_add(left, sums[s][0]);
                sums[s][1] = x.mul_add(right, sums[s][1]);
            }
        };
        let mut k = 0;
        while k + S <= inner {
            for s in 0..S {
                step(k + s, s);
            }
            k += S;
        }
        while k < inner {
            step(k, 0);
            k += 1;
        }
        for (i, parts) in sums.iter().enumerate() {
            let [mut left, mut right] = parts[0];
            for part in &parts[1..] {
                left = left.add(part[0]);
                right = right.add(part[1]);
            }
            left.store(out.add(i * stride));
            right.store(out.add(i * stride + V::LANES));
        }
    }
}
