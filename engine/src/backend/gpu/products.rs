//! Matrix products: which kernel takes so many rows.

use super::calls::{linear, unembed};
use super::kernels::Kernel;
use super::recorder::Dispatch;
use super::tensor::{Tensor, expect};
use super::{Gpu, Operation, Result, Then};
use patchbay_kernels::Activation;

/// Rows of a step of generation: a matrix product takes as long as reading the matrix.
const FEW: u32 = 4;

/// Rows of a prompt: it still waits for the matrix more than it multiplies.
const SOME: u32 = 16;

/// Rows and columns of a workgroup's tile, where there are many rows.
pub(super) const TILE: [u32; 2] = [32, 64];

/// Columns of a workgroup, where there are few.
pub(super) const COLUMNS: u32 = 16;

/// How a product ends, besides in an activation function, whose numbers come first.
#[allow(clippy::cast_possible_truncation)] // a handful
pub(super) const NOTHING: u32 = Activation::ALL.len() as u32;
pub(super) const ADD: u32 = NOTHING + 1;

pub(super) fn linear(
    gpu: &Gpu,
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    then: Then<Tensor>,
) -> Result<Tensor> {
    let operation = Operation::Linear;
    let (inner, columns) = (x.columns as usize, weight.columns as usize);
    expect(operation, weight, [inner, columns])?;
    expect(operation, bias, [1, columns])?;
    let out = gpu.tensor(x.rows, weight.columns)?;
    // Something must be bound where nothing is added.
    let (then, onto) = match then {
        Then::Nothing => (NOTHING, bias),
        Then::Activate(activation) => (activation as u32, bias),
        Then::Add(onto) => {
            expect(operation, onto, out.shape())?;
            (ADD, onto)
        }
    };
    let fours = in_fours(x) && in_fours(weight);
    let kernel = match (x.rows <= FEW, x.rows <= SOME) {
        (true, _) if fours => Kernel::LinearFew,
        (true, _) => Kernel::LinearFewAny,
        (false, true) if fours => Kernel::LinearSome,
        (false, true) => Kernel::LinearSomeAny,
        (false, false) if in_fours(weight) => Kernel::Linear,
        (false, false) => Kernel::LinearAny,
    };
    gpu.dispatch(&Dispatch {
        kernel,
        call: &linear::Call {
            p: linear::Params {
                rows: x.rows,
                inner: x.columns,
                columns: out.columns,
                x_offset: x.offset,
                x_stride: x.stride,
                weight_offset: weight.offset,
                weight_stride: weight.stride,
                bias_offset: bias.offset,
                then,
                onto_offset: onto.offset,
                onto_stride: onto.stride,
            },
            x: &x.held,
            weight: &weight.held,
            bias: &bias.held,
            onto: &onto.held,
            out: &out.held,
        },
        groups: groups(&out, SOME),
        work: out.len() * u64::from(x.columns),
    })?;
    Ok(out)
}

pub(super) fn unembed(gpu: &Gpu, x: &Tensor, wte: &Tensor) -> Result<Tensor> {
    expect(
        Operation::Unembed,
        wte,
        [wte.rows as usize, x.columns as usize],
    )?;
    let out = gpu.tensor(x.rows, wte.rows)?;
    let kernel = match x.rows <= FEW {
        true if in_fours(x) && in_fours(wte) => Kernel::UnembedFew,
        true => Kernel::UnembedFewAny,
        false => Kernel::Unembed,
    };
    gpu.dispatch(&Dispatch {
        kernel,
        call: &unembed::Call {
            p: unembed::Params {
                rows: x.rows,
                inner: x.columns,
                columns: wte.rows,
                x_offset: x.offset,
                x_stride: x.stride,
                wte_offset: wte.offset,
                wte_stride: wte.stride,
            },
            x: &x.held,
            wte: &wte.held,
            out: &out.held,
        },
        groups: groups(&out, FEW),
        work: out.len() * u64::from(x.columns),
    })?;
    Ok(out)
}

/// Workgroups that make `out`: of columns alone up to so many rows, of tiles beyond.
fn groups(out: &Tensor, few: u32) -> u64 {
    let [tall, wide] = TILE;
    let of = |size: u32, each: u32| u64::from(size.div_ceil(each));
    match out.rows {
        0 => 0,
        rows if rows <= few => of(out.columns, COLUMNS),
        rows => of(rows, tall) * of(out.columns, wide),
    }
}

/// Whether four adjacent values of a row are one aligned load.
fn in_fours(x: &Tensor) -> bool {
    [x.columns, x.offset, x.stride]
        .iter()
        .all(|size| size % 4 == 0)
}
