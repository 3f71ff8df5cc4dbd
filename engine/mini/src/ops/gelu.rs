//! GPT-2's GELU, the tanh form (`gelu_new`).

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{copied, values};

pub struct GeluNew;

const SCALE: f32 = 0.797_884_6; // sqrt(2 / pi)
const CUBE: f32 = 0.044_715;

/// tanh(u) as 1 - 2 / (e^{2u} + 1), one exponential.
fn tanh(u: f32) -> f32 {
    1.0 - 2.0 / ((2.0 * u).exp() + 1.0)
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + tanh(SCALE * (x + CUBE * x * x * x)))
}

fn slope(x: f32) -> f32 {
    let t = tanh(SCALE * (x + CUBE * x * x * x));
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * SCALE * (1.0 + 3.0 * CUBE * x * x)
}

impl CustomOp1 for GeluNew {
    fn name(&self) -> &'static str {
        "gelu-new"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = values(x, layout)?.iter().map(|&x| gelu(x)).collect();
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        let mut gradient = copied(x)?;
        let upstream = copied(upstream)?;
        gradient
            .iter_mut()
            .zip(upstream)
            .for_each(|(x, g)| *x = slope(*x) * g);
        Tensor::from_vec(gradient, x.shape(), x.device()).map(Some)
    }
}
