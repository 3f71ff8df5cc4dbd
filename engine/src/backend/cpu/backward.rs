//! Operations backwards. Twins of `gpu/layer_norm_back.wgsl`, `gpu/activate_back.wgsl`,
//! `gpu/softmax_back.wgsl` and `gpu/mix_back.wgsl`.

use super::threads::by_rows;
use super::{BackendError, Operation, Result, with_rows};
use crate::backend::Rule;
use crate::rows::SeenBy;
use candle_core::Tensor;
use patchbay_kernels::Activation;

pub(super) fn layer_norm_back(
    dy: &Tensor,
    x: &Tensor,
    weight: &Tensor,
    epsilon: f32,
    rule: Rule,
) -> Result<Tensor> {
    let (rows, n) = x.dims2()?;
    same(Operation::LayerNormBack, x, dy)?;
    with_rows([dy, x, weight], |[dy, x, weight]| {
        by_rows([rows, n], 8 * n, |r, out| {
            layer_norm_row(dy.row(r), x.row(r), weight.row(0), epsilon, rule, out);
        })
    })
}

/// In f64, as the terms of the exact rule nearly cancel in rows with a few large values.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // a width; f64 only carries sums
fn layer_norm_row(
    dy: &[f32],
    x: &[f32],
    weight: &[f32],
    epsilon: f32,
    rule: Rule,
    out: &mut [f32],
) {
    let n = x.len() as f64;
    let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let squares = x.iter().map(|x| (f64::from(*x) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / n + f64::from(epsilon)).sqrt();
    let g = || {
        let each = dy.iter().zip(weight);
        each.map(|(dy, weight)| f64::from(*dy) * f64::from(*weight))
    };
    let h = || x.iter().map(|x| (f64::from(*x) - mean) / deviation);
    let mean_of_g = g().sum::<f64>() / n;
    let along = match rule {
        Rule::Exact => g().zip(h()).map(|(g, h)| g * h).sum::<f64>() / n,
        Rule::Relp => 0.0,
    };
    for (out, (g, h)) in out.iter_mut().zip(g().zip(h())) {
        *out = ((g - mean_of_g - h * along) / deviation) as f32;
    }
}

pub(super) fn activate_back(
    dy: &Tensor,
    x: &Tensor,
    activation: Activation,
    rule: Rule,
) -> Result<Tensor> {
    let (rows, n) = x.dims2()?;
    same(Operation::ActivateBack, x, dy)?;
    with_rows([dy, x], |[dy, x]| {
        by_rows([rows, n], 16 * n, |r, out| {
            for (out, (dy, x)) in out.iter_mut().zip(dy.row(r).iter().zip(x.row(r))) {
                let by = match rule {
                    Rule::Exact => activation.slope(*x),
                    Rule::Relp => activation.share(*x),
                };
                *out = dy * by;
            }
        })
    })
}

pub(super) fn softmax_back(
    dy: &Tensor,
    pattern: &Tensor,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    let (rows, n) = pattern.dims2()?;
    same(Operation::SoftmaxBack, pattern, dy)?;
    let t = (n / n_head.max(1)).max(1);
    with_rows([dy, pattern], |[dy, pattern]| {
        by_rows([rows, n], 4 * n, |r, out| {
            let heads = dy.row(r).chunks(t).zip(pattern.row(r).chunks(t));
            for (out, (dy, p)) in out.chunks_mut(t).zip(heads) {
                let sum: f32 = dy.iter().zip(p).map(|(dy, p)| dy * p).sum();
                for (out, (dy, p)) in out.iter_mut().zip(dy.iter().zip(p)) {
                    *out = scale * p * (dy - sum);
                }
            }
        })
    })
}

pub(super) fn mix_back(
    weights: &Tensor,
    x: &Tensor,
    seen_by: &SeenBy,
    n_head: usize,
) -> Result<Tensor> {
    let ((rows, n), (of, wide)) = (x.dims2()?, weights.dims2()?);
    let t = wide / n_head.max(1);
    if of != rows || !seen_by.within(rows, t) {
        return Err(BackendError::Shape {
            operation: Operation::MixBack,
            expected: format!("keys seen by rows below {rows}, at places below {t}"),
            found: format!("weights {:?}", [of, wide]),
        });
    }
    let keys = seen_by.keys();
    let width = n / n_head.max(1);
    with_rows([weights, x], |[weights, x]| {
        by_rows([keys, n], n * rows / keys.max(1), |key, out| {
            for (row, place) in seen_by.of_key(key) {
                let (row, place) = (row as usize, place as usize);
                patchbay_kernels::mix(&weights.row(row)[place..], t, x.row(row), width, out);
            }
        })
    })
}

fn same(operation: Operation, expected: &Tensor, found: &Tensor) -> Result<()> {
    let (expected, found) = (expected.dims2()?, found.dims2()?);
    match expected == found {
        true => Ok(()),
        false => Err(BackendError::Shape {
            operation,
            expected: format!("{expected:?}"),
            found: format!("{found:?}"),
        }),
    }
}
