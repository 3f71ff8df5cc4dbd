//! Work divided among the cores. In the browser there is one.

use super::{DEVICE, Result};
use candle_core::Tensor;
use std::ops::Range;

/// Multiplications below which starting another thread costs more than it gives.
#[cfg(not(target_arch = "wasm32"))]
const WORTH_IT: usize = 100_000;

/// Runs `f` on all of `0 .. n`, in parts of whole `step`s; `work` is the number
/// of multiplications in all.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn in_parts(n: usize, step: usize, work: usize, f: impl Fn(Range<usize>) + Sync) {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};
    // Twice as many as there are threads, so that one that is late is helped.
    let parts = match work / WORTH_IT {
        0 | 1 => 1,
        many => many.min(2 * rayon::current_num_threads()),
    };
    if parts == 1 {
        return f(0..n);
    }
    let steps = n.div_ceil(step);
    let at = |part: usize| (steps * part / parts * step).min(n);
    (0..parts).into_par_iter().for_each(|part| {
        let range = at(part)..at(part + 1);
        if !range.is_empty() {
            f(range);
        }
    });
}

#[cfg(target_arch = "wasm32")]
pub(super) fn in_parts(n: usize, _step: usize, _work: usize, f: impl Fn(Range<usize>)) {
    f(0..n);
}

/// A matrix of zeros, of which `f` fills the rows; `work` is the number of
/// multiplications of one row.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn by_rows(
    [rows, width]: [usize; 2],
    work: usize,
    f: impl Fn(usize, &mut [f32]) + Sync,
) -> Result<Tensor> {
    use rayon::iter::{IndexedParallelIterator, ParallelIterator};
    use rayon::slice::ParallelSliceMut;
    let mut out = vec![0.0; rows * width];
    out.par_chunks_mut(width.max(1))
        .with_min_len((WORTH_IT / work.max(1)).max(1))
        .enumerate()
        .for_each(|(r, row)| f(r, row));
    Ok(Tensor::from_vec(out, (rows, width), &DEVICE)?)
}

#[cfg(target_arch = "wasm32")]
pub(super) fn by_rows(
    [rows, width]: [usize; 2],
    _work: usize,
    f: impl Fn(usize, &mut [f32]),
) -> Result<Tensor> {
    let mut out = vec![0.0; rows * width];
    for (r, row) in out.chunks_mut(width.max(1)).enumerate() {
        f(r, row);
    }
    Ok(Tensor::from_vec(out, (rows, width), &DEVICE)?)
}
