//! Vectors that the weights hold, and what a vector says about the next token.

use super::{Gpt2, Logits, ModelError, Wanted};
use crate::backend::{Backend, Then};

/// Rows of the embedding that are read at once.
const ROWS_READ: u32 = 4096;

type Result<T> = std::result::Result<T, ModelError>;

impl<B: Backend> Gpt2<B> {
    /// A token's row of the embedding, `[n_embd]`.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn embedding(&self, b: &B, token: u32) -> Result<Vec<f32>> {
        Ok(b.read(&self.wte.gather(b, &[token])?).await?)
    }

    /// A token's row of the unembedding, `[n_embd]`: the embedding's, where the
    /// head is tied.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn unembedding(&self, b: &B, token: u32) -> Result<Vec<f32>> {
        Ok(b.read(&self.head().gather(b, &[token])?).await?)
    }

    /// What a neuron of the MLP writes to the residual stream, `[n_embd]`: its
    /// row of `c_proj`. The layer and the neuron are those of the model.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn neuron(&self, b: &B, layer: usize, neuron: u32) -> Result<Vec<f32>> {
        Ok(b.read(&b.gather(self.mlp_out_weight(layer), &[neuron])?)
            .await?)
    }

    /// What a change of all heads' `z` `[n_embd]` in a layer writes to the
    /// residual stream, `[n_embd]`: through `c_proj`, without its bias.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn heads_write(&self, b: &B, layer: usize, z: &[f32]) -> Result<Vec<f32>> {
        let z = b.upload([1, z.len()], z)?;
        let bias = b.zeros([1, self.config.shape.n_embd])?;
        let weight = self.attn_out_weight(layer);
        Ok(b.read(&b.linear(&z, weight, &bias, Then::Nothing)?).await?)
    }

    /// What directions of the residual stream add to the logits, `[n_vocab]`
    /// each, when they pass the last LayerNorm's weights and the unembedding
    /// with a standard deviation of 1.
    ///
    /// A direction and its opposite pass together; half their difference is
    /// free of the LayerNorm's bias.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn promoted(&self, b: &B, directions: &[Vec<f32>]) -> Result<Vec<Vec<f32>>> {
        let n = self.config.shape.n_embd;
        let opposite = |v: &Vec<f32>| v.iter().map(|x| -x).collect();
        let rows: Vec<f32> = directions
            .iter()
            .flat_map(|v| [v.clone(), opposite(v)])
            .flatten()
            .collect();
        let x = b.upload([2 * directions.len(), n], &rows)?;
        let x = self.ln_f.forward(b, &x, &self.config)?;
        let mut logits = vec![Vec::new(); directions.len()];
        for piece in &self.head().pieces {
            let values = b.read(&b.unembed(&x, piece)?).await?;
            let width = values.len() / (2 * directions.len());
            for (logits, both) in logits.iter_mut().zip(values.chunks(2 * width)) {
                let (with, against) = both.split_at(width);
                logits.extend(with.iter().zip(against).map(|(w, a)| (w - a) / 2.0));
            }
        }
        Ok(logits)
    }

    /// The standard deviation of the embedding matrix's entries, the unit of
    /// causal tracing's noise.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn embedding_deviation(&self, b: &B) -> Result<f32> {
        let (mut sum, mut squares, mut count) = (0.0f64, 0.0f64, 0.0f64);
        let vocabulary = u32::try_from(self.config.shape.n_vocab).unwrap_or(u32::MAX);
        for first in (0..vocabulary).step_by(ROWS_READ as usize) {
            let ids: Vec<u32> = (first..vocabulary.min(first + ROWS_READ)).collect();
            for x in b.read(&self.wte.gather(b, &ids)?).await? {
                let x = f64::from(x);
                (sum, squares, count) = (sum + x, squares + x * x, count + 1.0);
            }
        }
        #[allow(clippy::cast_possible_truncation)] // f64 only carried the sums
        let deviation = ((squares - sum * sum / count) / (count - 1.0)).sqrt() as f32;
        Ok(deviation)
    }

    /// What rows of the residual stream `[rows, n_embd]`, row-major, would
    /// predict if the model ended there: the logit lens.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn lens(&self, b: &B, rows: &[f32], wanted: &Wanted) -> Result<Vec<Logits>> {
        let n = self.config.shape.n_embd;
        let x = b.upload([rows.len() / n, n], rows)?;
        self.logits(b, &x, wanted).await
    }

    /// The last LayerNorm's weight, `[n_embd]`.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn final_scale(&self, b: &B) -> Result<Vec<f32>> {
        Ok(b.read(&self.ln_f.weight).await?)
    }
}
