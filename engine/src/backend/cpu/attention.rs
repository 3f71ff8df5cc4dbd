//! Attention over a slot table. Twin of `gpu/pattern.wgsl` and `gpu/mix.wgsl`.

use super::threads::by_rows;
use super::{Result, Rows, with_rows};
use crate::rows::{OWN_ROW, SlotTable};
use candle_core::Tensor;

/// The row that a slot names: one of the batch, or a kept one.
fn look_up<'a>(slot: u32, own: &'a Rows, kept: &'a Rows) -> &'a [f32] {
    if slot & OWN_ROW == 0 {
        return kept.row(slot as usize);
    }
    own.row((slot & !OWN_ROW) as usize)
}

/// The slots that attending row `r` sees.
fn seen(table: &SlotTable, r: usize) -> &[u32] {
    let first = table.run[r] as usize * table.width;
    &table.slots[first..first + table.len[r] as usize]
}

pub(super) fn pattern(
    q: &Tensor,
    k: &Tensor,
    kept_k: &Tensor,
    table: &SlotTable,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    scores_then(q, [k, kept_k], table, (n_head, scale), softmax)
}

/// Twin of `gpu/scores.wgsl`.
pub(super) fn scores(
    q: &Tensor,
    k: &Tensor,
    kept_k: &Tensor,
    table: &SlotTable,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    scores_then(q, [k, kept_k], table, (n_head, scale), |_| {})
}

/// `scale * (q . k)` of the keys that a row sees, and `then` on those of each head.
fn scores_then(
    q: &Tensor,
    [k, kept_k]: [&Tensor; 2],
    table: &SlotTable,
    (n_head, scale): (usize, f32),
    then: impl Fn(&mut [f32]) + Sync,
) -> Result<Tensor> {
    let (rows, n) = q.dims2()?;
    let (d, t) = (n / n_head, table.width);
    with_rows([q, k, kept_k], |[q, k, kept_k]| {
        by_rows([rows, n_head * t], n * t, |r, heads| {
            let q = q.row(r);
            for (j, slot) in seen(table, r).iter().enumerate() {
                let k = look_up(*slot, &k, &kept_k);
                patchbay_kernels::scores([q, k], d, scale, &mut heads[j..], t);
            }
            for head in heads.chunks_mut(t) {
                then(&mut head[..table.len[r] as usize]);
            }
        })
    })
}

pub(super) fn mix(
    pattern: &Tensor,
    v: &Tensor,
    kept_v: &Tensor,
    table: &SlotTable,
    n_head: usize,
) -> Result<Tensor> {
    let (rows, n) = (pattern.dims2()?.0, kept_v.dims2()?.1);
    let (d, t) = (n / n_head, table.width);
    with_rows([pattern, v, kept_v], |[pattern, v, kept_v]| {
        by_rows([rows, n], n * t, |r, z| {
            let weights = pattern.row(r);
            for (j, slot) in seen(table, r).iter().enumerate() {
                let v = look_up(*slot, &v, &kept_v);
                patchbay_kernels::mix(&weights[j..], t, v, d, z);
            }
        })
    })
}

fn softmax(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        *s = (*s - max).exp();
        sum += *s;
    }
    for s in scores {
        *s /= sum;
    }
}
