//! Reductions over the vocabulary. Twin of `gpu/log_sum_exp.wgsl` and `gpu/top_k.wgsl`.

use super::threads::by_rows;
use super::{Result, with_rows};
use candle_core::Tensor;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// `log(sum(exp(row)))` of each row.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn log_sum_exp(x: &Tensor) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    with_rows([x], |[x]| {
        by_rows([rows, 1], 8 * columns, |r, out| {
            let row = x.row(r);
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            out[0] = most + patchbay_kernels::sum_exp(row, most).ln() as f32;
        })
    })
}

/// Values compared at once with the least of those that are kept.
const STRETCH: usize = 64;

/// The `k` largest of each row, then their columns.
#[allow(clippy::cast_precision_loss)] // columns are below 2^24
pub(super) fn top_k(x: &Tensor, k: usize) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    let k = k.min(columns);
    with_rows([x], |[x]| {
        by_rows([rows, 2 * k], 8 * columns, |r, out| {
            let row = x.row(r);
            let (values, places) = out.split_at_mut(k);
            for ((value, place), i) in values.iter_mut().zip(places).zip(largest(row, k)) {
                (*value, *place) = (row[i], i as f32);
            }
        })
    })
}

/// Where the `k` largest values are, largest first, the first one among equals.
fn largest(row: &[f32], k: usize) -> Vec<usize> {
    // The one that would go first is at the top.
    let mut kept: BinaryHeap<(Reverse<i32>, usize)> = BinaryHeap::with_capacity(k + 1);
    for (n, stretch) in row.chunks(STRETCH).enumerate() {
        // Nearly all of a vocabulary is below what is kept already: looked at
        // without order, many at a time.
        let most = stretch.iter().map(|v| rank(*v)).fold(i32::MIN, i32::max);
        let full = kept.len() == k;
        if full && kept.peek().is_none_or(|(least, _)| most <= least.0) {
            continue;
        }
        for (i, value) in stretch.iter().enumerate() {
            let rank = rank(*value);
            if kept.len() == k && kept.peek().is_none_or(|(least, _)| rank <= least.0) {
                continue;
            }
            kept.push((Reverse(rank), n * STRETCH + i));
            if kept.len() > k {
                kept.pop();
            }
        }
    }
    let sorted = kept.into_sorted_vec();
    sorted.into_iter().map(|(_, i)| i).collect()
}

/// A number that grows as the value does, in the order of [`f32::total_cmp`].
fn rank(value: f32) -> i32 {
    let bits = value.to_bits().cast_signed();
    bits ^ (bits >> 31 & i32::MAX)
}
