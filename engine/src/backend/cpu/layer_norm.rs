//! LayerNorm. Twin of `gpu/layer_norm.wgsl`.

use super::threads::by_rows;
use super::{Result, with_rows};
use candle_core::Tensor;

/// The variance is taken from the distances to the mean, and the mean in two
/// parts, what the first one missed apart: a row of the residual stream may have
/// values near 3,000, or all nearly equal.
pub(super) fn layer_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f32,
) -> Result<Tensor> {
    let (rows, n) = x.dims2()?;
    with_rows([x, weight, bias], |[x, weight, bias]| {
        let (weight, bias) = (weight.row(0), bias.row(0));
        by_rows([rows, n], 4 * n, |r, out| {
            let x = x.row(r);
            let first = mean(x, |x| x);
            let missed = mean(x, |x| x - first);
            let centred = |x: f32| (x - first) - missed;
            let variance = mean(x, |x| centred(x) * centred(x));
            // Dividing by an infinite deviation would make zeros, which look like numbers.
            let scale = match variance > f32::MAX {
                true => variance,
                false => 1.0 / (variance + epsilon).sqrt(),
            };
            for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
                *out = centred(*x) * scale * weight + bias;
            }
        })
    })
}

/// The mean of `f`, in sixteen partial sums, which the compiler keeps in vector
/// registers.
#[allow(clippy::cast_precision_loss)] // rows are shorter than 2^24
fn mean(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; 16];
    let (chunks, rest) = x.as_chunks::<16>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += f(*x);
        }
    }
    let rest: f32 = rest.iter().map(|x| f(*x)).sum();
    (sums.iter().sum::<f32>() + rest) / x.len() as f32
}
