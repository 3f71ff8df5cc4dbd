//! Reductions over the vocabulary.

use super::calls::{log_sum_exp, top_k};
use super::kernels::Kernel;
use super::recorder::Dispatch;
use super::tensor::{Tensor, word};
use super::{Gpu, Result};

pub(super) fn log_sum_exp(gpu: &Gpu, x: &Tensor) -> Result<Tensor> {
    let out = gpu.tensor(x.rows, 1)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::LogSumExp,
        call: &log_sum_exp::Call {
            p: log_sum_exp::Params {
                rows: x.rows,
                columns: x.columns,
                x_offset: x.offset,
                x_stride: x.stride,
            },
            x: &x.held,
            out: &out.held,
        },
        groups: u64::from(x.rows),
        work: 8 * x.len(),
    })?;
    Ok(out)
}

pub(super) fn top_k(gpu: &Gpu, x: &Tensor, k: usize) -> Result<Tensor> {
    let k = word(k)?.min(x.columns);
    let out = gpu.tensor(x.rows, 2 * k)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::TopK,
        call: &top_k::Call {
            p: top_k::Params {
                rows: x.rows,
                columns: x.columns,
                x_offset: x.offset,
                x_stride: x.stride,
                k,
            },
            x: &x.held,
            out: &out.held,
        },
        groups: u64::from(x.rows),
        work: 2 * x.len(),
    })?;
    Ok(out)
}
