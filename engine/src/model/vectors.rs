//! Vectors that the weights hold, and what a vector says about the next token.

use super::{Gpt2, ModelError};
use crate::backend::Backend;

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
}
