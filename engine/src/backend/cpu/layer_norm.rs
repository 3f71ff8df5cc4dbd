//! LayerNorm. Twin of `gpu/layer_norm.wgsl`.

use super::threads::by_rows;
use super::{Result, with_rows};
use candle_core::Tensor;

pub(super) fn layer_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f32,
) -> Result<Tensor> {
    let (rows, n) = x.dims2()?;
    with_rows([x, weight, bias], |[x, weight, bias]| {
        let weight_bias = [weight.row(0), bias.row(0)];
        by_rows([rows, n], 4 * n, |r, out| {
            patchbay_kernels::layer_norm(x.row(r), weight_bias, epsilon, out);
        })
    })
}
