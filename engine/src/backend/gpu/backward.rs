//! Operations backwards.

use super::attention;
use super::calls::{activate_back, layer_norm_back, mix_back, softmax_back};
use super::elements::ELEMENTS;
use super::kernels::Kernel;
use super::recorder::Dispatch;
use super::tensor::{Tensor, expect, shape, word};
use super::{Gpu, Operation, Result};
use crate::backend::Rule;
use crate::rows::SeenBy;
use patchbay_kernels::Activation;

pub(super) fn layer_norm_back(
    gpu: &Gpu,
    dy: &Tensor,
    x: &Tensor,
    weight: &Tensor,
    epsilon: f32,
    rule: Rule,
) -> Result<Tensor> {
    let operation = Operation::LayerNormBack;
    expect(operation, dy, x.shape())?;
    expect(operation, weight, [1, x.columns as usize])?;
    let out = gpu.tensor(x.rows, x.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::LayerNormBack,
        call: &layer_norm_back::Call {
            p: layer_norm_back::Params {
                rows: x.rows,
                columns: x.columns,
                dy_offset: dy.offset,
                dy_stride: dy.stride,
                x_offset: x.offset,
                x_stride: x.stride,
                weight_offset: weight.offset,
                epsilon,
                rule: rule as u32,
            },
            dy: &dy.held,
            x: &x.held,
            weight: &weight.held,
            out: &out.held,
        },
        groups: u64::from(x.rows),
        work: 8 * out.len(),
    })?;
    Ok(out)
}

pub(super) fn activate_back(
    gpu: &Gpu,
    dy: &Tensor,
    x: &Tensor,
    activation: Activation,
    rule: Rule,
) -> Result<Tensor> {
    expect(Operation::ActivateBack, dy, x.shape())?;
    let out = gpu.tensor(x.rows, x.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::ActivateBack,
        call: &activate_back::Call {
            p: activate_back::Params {
                rows: x.rows,
                columns: x.columns,
                dy_offset: dy.offset,
                dy_stride: dy.stride,
                x_offset: x.offset,
                x_stride: x.stride,
                function: activation as u32,
                rule: rule as u32,
            },
            dy: &dy.held,
            x: &x.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(ELEMENTS),
        work: 16 * out.len(),
    })?;
    Ok(out)
}

pub(super) fn softmax_back(
    gpu: &Gpu,
    dy: &Tensor,
    pattern: &Tensor,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    let operation = Operation::SoftmaxBack;
    expect(operation, dy, pattern.shape())?;
    let heads = word(n_head)?;
    let t = attention::width(operation, pattern.columns, heads)?;
    let out = gpu.tensor(pattern.rows, pattern.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::SoftmaxBack,
        call: &softmax_back::Call {
            p: softmax_back::Params {
                rows: out.rows,
                heads,
                t,
                dy_offset: dy.offset,
                dy_stride: dy.stride,
                pattern_offset: pattern.offset,
                pattern_stride: pattern.stride,
                scale,
            },
            dy: &dy.held,
            pattern: &pattern.held,
            out: &out.held,
        },
        groups: u64::from(out.rows) * u64::from(heads),
        work: 4 * out.len(),
    })?;
    Ok(out)
}

pub(super) fn mix_back(
    gpu: &Gpu,
    weights: &Tensor,
    x: &Tensor,
    seen_by: &SeenBy,
    n_head: usize,
) -> Result<Tensor> {
    let operation = Operation::MixBack;
    expect(
        operation,
        weights,
        [x.rows as usize, weights.columns as usize],
    )?;
    let heads = word(n_head)?;
    let t = attention::width(operation, weights.columns, heads)?;
    let width = attention::width(operation, x.columns, heads)?;
    let SeenBy { first, rows } = seen_by;
    let ends = first.last().map_or(0, |end| *end as usize);
    if !seen_by.within(x.rows as usize, t as usize) || !first.is_sorted() || ends > rows.len() {
        let expected = format!("keys seen by rows below {}, at places below {t}", x.rows);
        let found = format!("{} keys seen by {} rows", seen_by.keys(), rows.len());
        return Err(shape(operation, expected, found));
    }
    let pairs = rows.iter().flat_map(|(row, place)| [*row, *place]);
    let lists: Vec<u32> = first.iter().copied().chain(pairs).collect();
    let out = gpu.tensor(word(seen_by.keys())?, x.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::MixBack,
        call: &mix_back::Call {
            p: mix_back::Params {
                rows: out.rows,
                columns: out.columns,
                width,
                t,
                weights_offset: weights.offset,
                weights_stride: weights.stride,
                x_offset: x.offset,
                x_stride: x.stride,
            },
            lists: &lists,
            weights: &weights.held,
            x: &x.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(attention::ELEMENTS),
        work: rows.len() as u64 * u64::from(x.columns),
    })?;
    Ok(out)
}
