//! LayerNorm over rows `[N, C]` with a weight and a bias `[C]`.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{copied, values};

pub struct LayerNorm {
    pub epsilon: f32,
}

impl LayerNorm {
    /// A row's mean and one over its standard deviation.
    fn moments(&self, row: &[f32]) -> (f32, f32) {
        let c = row.len() as f32;
        let mean = row.iter().sum::<f32>() / c;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / c;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let mut y = values(x, x_layout)?.to_vec();
        let (weight, bias) = (values(weight, weight_layout)?, values(bias, bias_layout)?);
        for row in y.chunks_exact_mut(weight.len()) {
            let (mean, scale) = self.moments(row);
            for (x, (w, b)) in row.iter_mut().zip(weight.iter().zip(bias)) {
                *x = (*x - mean) * scale * w + b;
            }
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (mut dx, w, g) = (copied(x)?, copied(weight)?, copied(upstream)?);
        let c = w.len();
        let (mut dw, mut db) = (vec![0f32; c], vec![0f32; c]);
        for (row, g) in dx.chunks_exact_mut(c).zip(g.chunks_exact(c)) {
            let (mean, scale) = self.moments(row);
            let (mut sum, mut sum_normed) = (0.0, 0.0);
            for i in 0..c {
                row[i] = (row[i] - mean) * scale; // the normalised value
                dw[i] += g[i] * row[i];
                db[i] += g[i];
                sum += g[i] * w[i];
                sum_normed += g[i] * w[i] * row[i];
            }
            let (mean, mean_normed) = (sum / c as f32, sum_normed / c as f32);
            for i in 0..c {
                row[i] = scale * (g[i] * w[i] - mean - row[i] * mean_normed);
            }
        }
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), x.device());
        Ok((
            Some(tensor(dx, x)?),
            Some(tensor(dw, weight)?),
            Some(tensor(db, bias)?),
        ))
    }
}
