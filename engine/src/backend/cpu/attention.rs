//! Attention over a slot table. Twin of `gpu/pattern.wgsl` and `gpu/mix.wgsl`.

use super::threads::by_rows;
use super::{Result, Rows, with_rows};
use crate::rows::{OWN_ROW, SlotTable};
use candle_core::Tensor;

/// The row that a slot names: one of the batch, or a kept one.
fn look_up<'a>(slot: u32, own: &'a Rows, kept: &'a Rows) -> &'a [f32] {
    match slot & OWN_ROW {
        0 => kept.row(slot as usize),
        _ => own.row((slot & !OWN_ROW) as usize),
    }
}

/// The slots that attending row `r` sees.
fn seen(table: &SlotTable, r: usize) -> &[u32] {
    let first = table.run[r] as usize * table.width;
    &table.slots[first..first + table.len[r] as usize]
}

pub(super) fn pattern(
    q: &Tensor,
    k: &Tensor,
    kept: &Tensor,
    table: &SlotTable,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    let (rows, n) = q.dims2()?;
    let (d, t) = (n / n_head, table.width);
    with_rows([q, k, kept], |[q, k, kept]| {
        by_rows([rows, n_head * t], n * t, |r, heads| {
            let q = q.row(r);
            for (j, slot) in seen(table, r).iter().enumerate() {
                let k = look_up(*slot, &k, &kept);
                for h in 0..n_head {
                    let head = h * d..(h + 1) * d;
                    heads[h * t + j] = scale * dot(&q[head.clone()], &k[head]);
                }
            }
            for head in heads.chunks_mut(t) {
                softmax(&mut head[..table.len[r] as usize]);
            }
        })
    })
}

pub(super) fn mix(
    pattern: &Tensor,
    v: &Tensor,
    kept: &Tensor,
    table: &SlotTable,
    n_head: usize,
) -> Result<Tensor> {
    let (rows, n) = (pattern.dims2()?.0, kept.dims2()?.1);
    let (d, t) = (n / n_head, table.width);
    with_rows([pattern, v, kept], |[pattern, v, kept]| {
        by_rows([rows, n], n * t, |r, z| {
            let weights = pattern.row(r);
            for (j, slot) in seen(table, r).iter().enumerate() {
                let v = look_up(*slot, &v, &kept);
                for h in 0..n_head {
                    let weight = weights[h * t + j];
                    let head = h * d..(h + 1) * d;
                    for (z, v) in z[head.clone()].iter_mut().zip(&v[head]) {
                        *z += weight * v;
                    }
                }
            }
        })
    })
}

/// Eight partial sums, which the compiler keeps in vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (a, b) in a8.iter().zip(b8) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
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
