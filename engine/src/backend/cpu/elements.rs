//! What is done element by element.

use super::{DEVICE, Matrix, Operation, Result};
use candle_core::Tensor;
use patchbay_kernels::Activation;

pub(super) fn add(a: &Matrix, b: &Matrix) -> Result<Tensor> {
    Ok((a.rows(Operation::Add)? + b.rows(Operation::Add)?)?)
}

pub(super) fn activate(x: &Matrix, activation: Activation) -> Result<Tensor> {
    let mut values = x.values()?;
    patchbay_kernels::activate(activation.into(), &mut values);
    let [rows, columns] = x.shape();
    Ok(Tensor::from_vec(values, (rows, columns), &DEVICE)?)
}
