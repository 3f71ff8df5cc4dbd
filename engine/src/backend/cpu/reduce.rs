//! Reductions over the vocabulary. Twin of `gpu/top_k.wgsl`.

use super::{DEVICE, Result, with_rows};
use candle_core::Tensor;

/// The `k` largest of each row, then their columns.
#[allow(clippy::cast_precision_loss)] // columns are below 2^24
pub(super) fn top_k(x: &Tensor, k: usize) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    let k = k.min(columns);
    let mut out = Vec::with_capacity(rows * 2 * k);
    with_rows([x], |[x]| {
        for r in 0..rows {
            let row = x.row(r);
            let before = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]).then(a.cmp(b));
            let mut order: Vec<usize> = (0..columns).collect();
            if k < columns {
                order.select_nth_unstable_by(k, before);
            }
            order.truncate(k);
            order.sort_unstable_by(before);
            out.extend(order.iter().map(|i| row[*i]));
            out.extend(order.iter().map(|i| *i as f32));
        }
        Ok(())
    })?;
    Ok(Tensor::from_vec(out, (rows, 2 * k), &DEVICE)?)
}
