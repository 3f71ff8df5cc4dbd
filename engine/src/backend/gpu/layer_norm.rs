//! LayerNorm.

use super::calls::layer_norm;
use super::kernels::Kernel;
use super::recorder::Dispatch;
use super::tensor::{Tensor, expect};
use super::{Gpu, Operation, Result};

pub(super) fn layer_norm(
    gpu: &Gpu,
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f32,
) -> Result<Tensor> {
    expect(Operation::LayerNorm, weight, [1, x.columns as usize])?;
    expect(Operation::LayerNorm, bias, [1, x.columns as usize])?;
    let out = gpu.tensor(x.rows, x.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::LayerNorm,
        call: &layer_norm::Call {
            p: layer_norm::Params {
                rows: x.rows,
                columns: x.columns,
                x_offset: x.offset,
                x_stride: x.stride,
                weight_offset: weight.offset,
                bias_offset: bias.offset,
                epsilon,
            },
            x: &x.held,
            weight: &weight.held,
            bias: &bias.held,
            out: &out.held,
        },
        groups: u64::from(x.rows),
        work: 4 * out.len(),
    })?;
    Ok(out)
}
