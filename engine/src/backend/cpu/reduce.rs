//! Reductions over the vocabulary. Twin of `gpu/log_sum_exp.wgsl` and `gpu/top_k.wgsl`.

use super::threads::by_rows;
use super::{Result, with_rows};
use candle_core::Tensor;

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

/// The `k` largest of each row, then their columns.
#[allow(clippy::cast_precision_loss)] // columns are below 2^24
pub(super) fn top_k(x: &Tensor, k: usize) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    let k = k.min(columns);
    with_rows([x], |[x]| {
        by_rows([rows, 2 * k], 8 * columns, |r, out| {
            let row = x.row(r);
            let before = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]).then(a.cmp(b));
            let mut order: Vec<usize> = (0..columns).collect();
            if k < columns {
                order.select_nth_unstable_by(k, before);
            }
            order.truncate(k);
            order.sort_unstable_by(before);
            let (values, places) = out.split_at_mut(k);
            for ((value, place), i) in values.iter_mut().zip(places).zip(order) {
                (*value, *place) = (row[i], i as f32);
            }
        })
    })
}
