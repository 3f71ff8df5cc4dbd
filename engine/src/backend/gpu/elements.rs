//! What is done element by element.

use super::calls::{activate, add, copy};
use super::kernels::Kernel;
use super::recorder::Dispatch;
use super::tensor::{Tensor, expect};
use super::{Gpu, Operation, Result};
use patchbay_kernels::Activation;

/// Elements that a workgroup of these kernels, and of those that move rows, handles.
pub(super) const ELEMENTS: u64 = 256;

/// The numbers of a view, one after the other.
pub(super) fn copy(gpu: &Gpu, x: &Tensor) -> Result<Tensor> {
    let out = gpu.tensor(x.rows, x.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Copy,
        call: &copy::Call {
            p: copy::Params {
                rows: x.rows,
                columns: x.columns,
                x_offset: x.offset,
                x_stride: x.stride,
            },
            x: &x.held,
            out: &out.held,
        },
        groups: x.len().div_ceil(ELEMENTS),
        work: x.len(),
    })?;
    Ok(out)
}

pub(super) fn add(gpu: &Gpu, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    expect(Operation::Add, b, a.shape())?;
    let out = gpu.tensor(a.rows, a.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Add,
        call: &add::Call {
            p: add::Params {
                rows: a.rows,
                columns: a.columns,
                a_offset: a.offset,
                a_stride: a.stride,
                b_offset: b.offset,
                b_stride: b.stride,
            },
            a: &a.held,
            b: &b.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(ELEMENTS),
        work: out.len(),
    })?;
    Ok(out)
}

pub(super) fn activate(gpu: &Gpu, x: &Tensor, activation: Activation) -> Result<Tensor> {
    let out = gpu.tensor(x.rows, x.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Activate,
        call: &activate::Call {
            p: activate::Params {
                rows: x.rows,
                columns: x.columns,
                x_offset: x.offset,
                x_stride: x.stride,
                function: activation as u32,
            },
            x: &x.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(ELEMENTS),
        work: 16 * out.len(),
    })?;
    Ok(out)
}
