//! Vectors that the weights hold, and chance.

use super::Resolved;
use crate::backend::Backend;
use crate::experiment::{Field, Matrix, TokenRef};
use crate::host::SessionError;
use crate::numbers::{norm, normals};
use crate::session::Session;

impl<B: Backend> Session<B> {
    /// What a token's row of a vocabulary matrix says, less another's.
    pub(crate) async fn tokens(
        &self,
        field: Field,
        [token, minus]: [Option<&TokenRef>; 2],
        matrix: Matrix,
    ) -> Result<Resolved, SessionError> {
        let mut vector = vec![0.0; self.info.n_embd];
        for (token, sign) in [(token, 1.0), (minus, -1.0)] {
            if let Some(token) = token {
                let row = self.token_row(field, token, matrix).await?;
                vector.iter_mut().zip(row).for_each(|(v, x)| *v += sign * x);
            }
        }
        let origin = match matrix {
            Matrix::Embedding => "A row of the embedding",
            Matrix::Unembedding => "A row of the unembedding",
        };
        Ok(Resolved::same(vector, origin.into()))
    }

    /// What a neuron writes.
    pub(crate) async fn neuron(
        &self,
        field: Field,
        layer: usize,
        neuron: usize,
    ) -> Result<Resolved, SessionError> {
        let shape = self.model.config.shape;
        if layer >= shape.n_layer || neuron >= shape.n_inner {
            return Err(SessionError::of(
                field,
                format!(
                    "There is no neuron {neuron} in layer {layer}; this model has layers 0 to {} with neurons 0 to {}.",
                    shape.n_layer - 1,
                    shape.n_inner - 1
                ),
            ));
        }
        let row = u32::try_from(neuron).unwrap_or(u32::MAX);
        let vector = self.model.neuron(&self.backend, layer, row).await?;
        let origin =
            format!("What neuron {neuron} of layer {layer}’s MLP writes to the residual stream");
        Ok(Resolved::same(vector, origin))
    }

    async fn token_row(
        &self,
        field: Field,
        token: &crate::experiment::TokenRef,
        matrix: Matrix,
    ) -> Result<Vec<f32>, SessionError> {
        let id = self.one_token(field, token)?;
        Ok(match matrix {
            Matrix::Embedding => self.model.embedding(&self.backend, id).await?,
            Matrix::Unembedding => self.model.unembedding(&self.backend, id).await?,
        })
    }
}

/// A random direction.
pub(crate) fn random(seed: u64, width: usize) -> Resolved {
    let vector = normals(seed, width);
    let length = norm(&vector);
    let unit = vector.iter().map(|x| x / length).collect();
    Resolved::same(unit, format!("A random direction of length 1, seed {seed}"))
}
