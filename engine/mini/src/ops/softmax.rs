//! The attention pattern: scores [.., T, T] scaled, masked to earlier
//! positions, and made probabilities.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{copied, values};

pub struct CausalSoftmax {
    /// What the scores are multiplied by.
    pub scale: f32,
    /// T
    pub positions: usize,
}

impl CustomOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, scores: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let t = self.positions;
        let mut pattern = values(scores, layout)?.to_vec();
        for (i, row) in pattern.chunks_exact_mut(t).enumerate() {
            let (seen, future) = row.split_at_mut(i % t + 1);
            let top = seen.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            seen.iter_mut()
                .for_each(|x| *x = ((*x - top) * self.scale).exp());
            let sum: f32 = seen.iter().sum();
            seen.iter_mut().for_each(|x| *x /= sum);
            future.fill(0.0);
        }
        Ok((CpuStorage::F32(pattern), layout.shape().clone()))
    }

    fn bwd(&self, scores: &Tensor, pattern: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        let t = self.positions;
        let (mut gradient, upstream) = (copied(pattern)?, copied(upstream)?);
        for (a, g) in gradient.chunks_exact_mut(t).zip(upstream.chunks_exact(t)) {
            let dot: f32 = a.iter().zip(g).map(|(a, g)| a * g).sum();
            a.iter_mut()
                .zip(g)
                .for_each(|(a, g)| *a *= (g - dot) * self.scale);
        }
        Tensor::from_vec(gradient, scores.shape(), scores.device()).map(Some)
    }
}
