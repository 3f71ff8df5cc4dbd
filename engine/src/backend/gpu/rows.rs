//! Rows moved, joined and added.

use super::calls::{gather, join, scatter, scatter_pair, sum_rows};
use super::elements::{self, ELEMENTS};
use super::kernels::Kernel;
use super::recorder::Dispatch;
use super::tensor::{Tensor, expect, shape, word};
use super::{Gpu, Operation, Result};

pub(super) fn gather(gpu: &Gpu, x: &Tensor, rows: &[u32]) -> Result<Tensor> {
    within(Operation::Gather, rows, x.rows)?;
    let out = gpu.tensor(word(rows.len())?, x.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Gather,
        call: &gather::Call {
            p: gather::Params {
                rows: out.rows,
                columns: out.columns,
                x_offset: x.offset,
                x_stride: x.stride,
            },
            lists: rows,
            x: &x.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(ELEMENTS),
        work: out.len(),
    })?;
    Ok(out)
}

pub(super) fn scatter(gpu: &Gpu, into: &Tensor, rows: &[u32], x: &Tensor) -> Result<()> {
    let operation = Operation::Scatter;
    within(operation, rows, into.rows)?;
    expect(operation, x, [rows.len(), into.columns as usize])?;
    // A kernel cannot read the buffer that it writes.
    let x = match x.held.id == into.held.id {
        true => &elements::copy(gpu, x)?,
        false => x,
    };
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Scatter,
        call: &scatter::Call {
            p: scatter::Params {
                rows: x.rows,
                columns: x.columns,
                x_offset: x.offset,
                x_stride: x.stride,
                into_offset: into.offset,
                into_stride: into.stride,
            },
            lists: rows,
            x: &x.held,
            into: &into.held,
        },
        groups: x.len().div_ceil(ELEMENTS),
        work: x.len(),
    })
}

pub(super) fn scatter_pair(
    gpu: &Gpu,
    [into_a, into_b]: [&Tensor; 2],
    rows: &[u32],
    [a, b]: [&Tensor; 2],
) -> Result<()> {
    let apart = |x: &Tensor, into: &Tensor| x.held.id != into.held.id;
    let apart =
        apart(into_a, into_b) && [a, b].iter().all(|x| apart(x, into_a) && apart(x, into_b));
    if !apart || a.columns != b.columns {
        // A kernel writes a buffer through one binding, and reads it through none.
        scatter(gpu, into_a, rows, a)?;
        return scatter(gpu, into_b, rows, b);
    }
    let operation = Operation::ScatterPair;
    for (into, x) in [(into_a, a), (into_b, b)] {
        within(operation, rows, into.rows)?;
        expect(operation, x, [rows.len(), into.columns as usize])?;
    }
    gpu.dispatch(&Dispatch {
        kernel: Kernel::ScatterPair,
        call: &scatter_pair::Call {
            p: scatter_pair::Params {
                rows: a.rows,
                columns: a.columns,
                a_offset: a.offset,
                a_stride: a.stride,
                b_offset: b.offset,
                b_stride: b.stride,
                into_a_offset: into_a.offset,
                into_a_stride: into_a.stride,
                into_b_offset: into_b.offset,
                into_b_stride: into_b.stride,
            },
            lists: rows,
            a: &a.held,
            b: &b.held,
            into_a: &into_a.held,
            into_b: &into_b.held,
        },
        groups: a.len().div_ceil(ELEMENTS),
        work: 2 * a.len(),
    })
}

pub(super) fn join(
    gpu: &Gpu,
    (a, a_rows): (&Tensor, &[u32]),
    (b, b_rows): (&Tensor, &[u32]),
) -> Result<Tensor> {
    let operation = Operation::Join;
    within(operation, a_rows, a.rows)?;
    within(operation, b_rows, b.rows)?;
    expect(operation, b, [b.rows as usize, a.columns as usize])?;
    let out = gpu.tensor(word(a_rows.len() + b_rows.len())?, a.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Join,
        call: &join::Call {
            p: join::Params {
                rows: out.rows,
                columns: out.columns,
                a_rows: word(a_rows.len())?,
                a_offset: a.offset,
                a_stride: a.stride,
                b_offset: b.offset,
                b_stride: b.stride,
            },
            lists: &[a_rows, b_rows].concat(),
            a: &a.held,
            b: &b.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(ELEMENTS),
        work: out.len(),
    })?;
    Ok(out)
}

pub(super) fn sum_rows(
    gpu: &Gpu,
    (a, a_rows): (&Tensor, &[u32]),
    (b, b_rows): (&Tensor, &[u32]),
) -> Result<Tensor> {
    let operation = Operation::SumRows;
    within(operation, a_rows, a.rows)?;
    within(operation, b_rows, b.rows)?;
    expect(operation, b, [b.rows as usize, a.columns as usize])?;
    if a_rows.len() != b_rows.len() {
        let expected = format!("{} rows of each", a_rows.len());
        return Err(shape(operation, expected, b_rows.len().to_string()));
    }
    let out = gpu.tensor(word(a_rows.len())?, a.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::SumRows,
        call: &sum_rows::Call {
            p: sum_rows::Params {
                rows: out.rows,
                columns: out.columns,
                a_offset: a.offset,
                a_stride: a.stride,
                b_offset: b.offset,
                b_stride: b.stride,
            },
            lists: &[a_rows, b_rows].concat(),
            a: &a.held,
            b: &b.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(ELEMENTS),
        work: out.len(),
    })?;
    Ok(out)
}

/// # Errors
/// When a row is not below `have`.
fn within(operation: Operation, rows: &[u32], have: u32) -> Result<()> {
    match rows.iter().find(|r| **r >= have) {
        None => Ok(()),
        Some(row) => Err(shape(
            operation,
            format!("rows below {have}"),
            format!("row {row}"),
        )),
    }
}
