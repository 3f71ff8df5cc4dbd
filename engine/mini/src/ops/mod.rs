//! Operations with gradients of their own. candle's fused ones have none, and
//! the basic ones, one pass over memory each, make a step three times as long.

pub mod bias;
pub mod gelu;
pub mod layer_norm;
pub mod loss;
pub mod softmax;

use candle_core::{CpuStorage, Error, Layout, Result};

/// A contiguous F32 tensor's values.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or(Error::RequiresContiguous { op: "trainer" })?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// A copy of a tensor's values.
fn copied(tensor: &candle_core::Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}
