//! Adding a bias `[C]` to rows `[N, C]`.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::{copied, values};

pub struct AddBias;

impl CustomOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut sum = values(x, x_layout)?.to_vec();
        let bias = values(bias, bias_layout)?;
        for row in sum.chunks_exact_mut(bias.len()) {
            row.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
        }
        Ok((CpuStorage::F32(sum), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        bias: &Tensor,
        _sum: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut gradient = vec![0f32; bias.elem_count()];
        for row in copied(upstream)?.chunks_exact(gradient.len()) {
            gradient.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
        }
        let gradient = Tensor::from_vec(gradient, bias.shape(), bias.device())?;
        Ok((Some(upstream.clone()), Some(gradient)))
    }
}
