//! Matrix products, by the kernels of `engine/kernels`.

use super::panels::Panels;
use super::threads::in_parts;
use super::{BackendError, DEVICE, Operation, Result, Then, relaxed, with_rows};
use candle_core::Tensor;
use patchbay_kernels::panels::{PANEL, stretch};
use patchbay_kernels::{Function, Linear, SCRATCH, Unembed};
use std::cell::RefCell;
use std::ops::Range;
use std::ptr::null;

thread_local! {
    /// What the kernels pack into, made once a thread.
    static PACKED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Tokens between two threads' parts: whole registers and lines of the cache.
const TOKENS: usize = 16;

pub(super) fn linear(
    x: &Tensor,
    weight: &Panels,
    bias: &Tensor,
    then: Then<Tensor>,
) -> Result<Tensor> {
    let ((rows, inner), [deep, columns]) = (x.dims2()?, weight.shape());
    agree(Operation::Linear, [inner, columns], [deep, columns])?;
    expect(Operation::Linear, (1, columns), bias)?;
    let (function, onto) = match then {
        Then::Nothing => (Function::Identity, None),
        Then::Activate(activation) => (activation.into(), None),
        Then::Add(onto) => (Function::Identity, Some(onto)),
    };
    if let Some(onto) = onto {
        expect(Operation::Linear, (rows, columns), onto)?;
    }
    let lines = weight.lines();
    let out = with_rows([x, bias, onto.unwrap_or(bias)], |[x, bias, more]| {
        Ok(filled(rows * columns, |out| {
            let product = Linear {
                rows,
                inner,
                columns,
                x: x.start(),
                x_stride: x.stride,
                weight: lines.as_ptr(),
                bias: bias.start(),
                onto: onto.map_or_else(null, |_| more.start()),
                onto_stride: more.stride,
                function,
                out,
                out_stride: columns,
                scratch: std::ptr::null_mut(),
            };
            in_parts(columns, PANEL, rows * inner * columns, |part| {
                PACKED.with_borrow_mut(|packed| {
                    packed.resize(SCRATCH, 0.0);
                    // SAFETY: the shapes were compared above, and candle's views
                    // lie inside their storage; the parts are of whole panels, and
                    // do not overlap.
                    unsafe {
                        let mut product = product.some(part);
                        product.scratch = packed.as_mut_ptr();
                        relaxed::linear(&product);
                    }
                });
            });
        }))
    })?;
    Ok(Tensor::from_vec(out, (rows, columns), &DEVICE)?)
}

pub(super) fn unembed(x: &Tensor, wte: &Tensor) -> Result<Tensor> {
    let ((rows, inner), tokens) = (x.dims2()?, wte.dims2()?.0);
    expect(Operation::Unembed, (tokens, inner), wte)?;
    let out = with_rows([x, wte], |[x, wte]| {
        Ok(filled(rows * tokens, |out| {
            let product = Unembed {
                rows,
                inner,
                tokens,
                x: x.start(),
                x_stride: x.stride,
                wte: wte.start(),
                wte_stride: wte.stride,
                out,
                out_stride: tokens,
            };
            in_parts(tokens, TOKENS, rows * inner * tokens, |part| {
                // SAFETY: as in `linear`.
                unsafe { relaxed::unembed(&product.some(part)) };
            });
        }))
    })?;
    Ok(Tensor::from_vec(out, (rows, tokens), &DEVICE)?)
}

/// Rows of a weight that are put in a row at a time, to be multiplied by as a vocabulary
/// is: 64 of GPT-2's widest fit a processor's second cache.
const STRETCH: usize = 64;

/// `dy @ weight[.., columns] transposed`. The weight lies in panels for the product
/// forwards, so a stretch of its rows at a time is copied out of them.
pub(super) fn linear_back(dy: &Tensor, weight: &Panels, columns: Range<usize>) -> Result<Tensor> {
    let ((rows, wide), [deep, all]) = (dy.dims2()?, weight.shape());
    if columns.end > all || columns.len() != wide {
        return Err(BackendError::Shape {
            operation: Operation::LinearBack,
            expected: format!("columns {columns:?} of {:?}", [deep, all]),
            found: format!("{:?}", [rows, wide]),
        });
    }
    let lines = weight.lines();
    let out = with_rows([dy], |[dy]| {
        Ok(filled(rows * deep, |out| {
            let out = Shared(out);
            in_parts(deep, STRETCH, rows * wide * deep, |part| {
                let out = &out;
                PACKED.with_borrow_mut(|packed| {
                    for first in part.clone().step_by(STRETCH) {
                        let some = first..part.end.min(first + STRETCH);
                        stretch(
                            &lines,
                            weight.shape(),
                            some.clone(),
                            columns.clone(),
                            packed,
                        );
                        let product = Unembed {
                            rows,
                            inner: wide,
                            tokens: some.len(),
                            x: dy.start(),
                            x_stride: dy.stride,
                            wte: packed.as_ptr(),
                            wte_stride: wide,
                            // SAFETY: within the row, of which each part writes its own
                            // columns.
                            out: unsafe { out.0.add(first) },
                            out_stride: deep,
                        };
                        // SAFETY: the shapes were compared above.
                        unsafe { relaxed::unembed(&product) };
                    }
                });
            });
        }))
    })?;
    Ok(Tensor::from_vec(out, (rows, deep), &DEVICE)?)
}

/// Where parts of a product write, each its own columns.
struct Shared(*mut f32);

// SAFETY: no two parts write to the same place, and nobody reads before all have ended.
unsafe impl Sync for Shared {}

/// `n` values, every one of them written by `f`.
fn filled(n: usize, f: impl FnOnce(*mut f32)) -> Vec<f32> {
    let mut out = Vec::with_capacity(n);
    f(out.as_mut_ptr());
    // SAFETY: there is room for `n`, and a product writes all of its values.
    unsafe { out.set_len(n) };
    out
}

fn expect(operation: Operation, shape: (usize, usize), x: &Tensor) -> Result<()> {
    let found = x.dims2()?;
    agree(operation, [shape.0, shape.1], [found.0, found.1])
}

fn agree(operation: Operation, expected: [usize; 2], found: [usize; 2]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(BackendError::Shape {
        operation,
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
    })
}
