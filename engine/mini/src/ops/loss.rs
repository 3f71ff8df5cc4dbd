//! Weighted cross-entropy as one operation: candle's own would hold six
//! tensors of the vocabulary's width for the backward pass.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::values;

/// For row `i` of the logits, the tokens that may follow, all as likely, and
/// the row's weight.
pub struct CrossEntropy {
    pub targets: Vec<Vec<u32>>,
    pub weights: Vec<f32>,
}

fn row(logits: &[f32], i: usize, v: usize) -> &[f32] {
    &logits[i * v..(i + 1) * v]
}

/// The largest logit, and the sum of the exponentials of the rest against it.
fn normaliser(row: &[f32]) -> (f32, f32) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (top, row.iter().map(|x| (x - top).exp()).sum())
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "weighted-cross-entropy"
    }

    /// Logits [N, V] to the mean loss, a scalar.
    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let logits = values(storage, layout)?;
        let v = layout.shape().dims2()?.1;
        let mut loss = 0.0;
        for (i, (targets, &weight)) in self.targets.iter().zip(&self.weights).enumerate() {
            let row = row(logits, i, v);
            let (top, sum) = normaliser(row);
            let wanted: f32 = targets.iter().map(|&target| row[target as usize]).sum();
            loss += weight * (sum.ln() + top - wanted / targets.len() as f32);
        }
        let loss = loss / self.weights.iter().sum::<f32>();
        Ok((CpuStorage::F32(vec![loss]), Shape::from(())))
    }

    /// The softmax less what was wanted, times the weight.
    fn bwd(
        &self,
        logits: &Tensor,
        _loss: &Tensor,
        upstream: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let (n, v) = logits.dims2()?;
        let scale = upstream.to_scalar::<f32>()? / self.weights.iter().sum::<f32>();
        let mut gradient = logits.flatten_all()?.to_vec1::<f32>()?;
        for (i, (targets, &weight)) in self.targets.iter().zip(&self.weights).enumerate() {
            let row = &mut gradient[i * v..(i + 1) * v];
            let (top, sum) = normaliser(row);
            let factor = weight * scale;
            row.iter_mut()
                .for_each(|x| *x = (*x - top).exp() / sum * factor);
            for &target in targets {
                row[target as usize] -= factor / targets.len() as f32;
            }
        }
        Tensor::from_vec(gradient, (n, v), logits.device()).map(Some)
    }
}
