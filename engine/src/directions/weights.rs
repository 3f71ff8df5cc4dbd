//! Vectors that the weights hold, and chance.

use super::Resolved;
use super::problem::{DirectionProblem, Origin};
use crate::backend::Backend;
use crate::experiment::{Matrix, TokenRef};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::{norm, normals};

/// What a token's row of a vocabulary matrix says, less another's.
pub(crate) async fn tokens<B: Backend>(
    lab: &Lab<B>,
    [token, minus]: [Option<&TokenRef>; 2],
    matrix: Matrix,
    task: Task<'_, impl Host>,
) -> Result<Resolved, SessionError> {
    let mut vector = vec![0.0; lab.info.n_embd];
    for (token, sign) in [(token, 1.0), (minus, -1.0)] {
        if let Some(token) = token {
            let row = token_row(lab, token, matrix, task).await?;
            vector.iter_mut().zip(row).for_each(|(v, x)| *v += sign * x);
        }
    }
    Ok(Resolved::same(vector, &Origin::Token { matrix }))
}

/// What a neuron writes.
pub(crate) async fn neuron<B: Backend>(
    lab: &Lab<B>,
    layer: usize,
    neuron: usize,
    task: Task<'_, impl Host>,
) -> Result<Resolved, SessionError> {
    let shape = lab.model.config.shape;
    if layer >= shape.n_layer || neuron >= shape.n_inner {
        return Err(task.wrong(DirectionProblem::Neuron {
            neuron,
            layer,
            last_layer: shape.n_layer - 1,
            last_neuron: shape.n_inner - 1,
        }));
    }
    let row = u32::try_from(neuron).unwrap_or(u32::MAX);
    let vector = lab.model.neuron(&lab.backend, layer, row).await?;
    Ok(Resolved::same(vector, &Origin::Neuron { neuron, layer }))
}

async fn token_row<B: Backend>(
    lab: &Lab<B>,
    token: &crate::experiment::TokenRef,
    matrix: Matrix,
    task: Task<'_, impl Host>,
) -> Result<Vec<f32>, SessionError> {
    let id = lab.one_token(task.field, token)?;
    Ok(match matrix {
        Matrix::Embedding => lab.model.embedding(&lab.backend, id).await?,
        Matrix::Unembedding => lab.model.unembedding(&lab.backend, id).await?,
    })
}

/// A random direction.
pub(crate) fn random(seed: u64, width: usize) -> Resolved {
    let vector = normals(seed, width);
    let length = norm(&vector);
    let unit = vector.iter().map(|x| x / length).collect();
    Resolved::same(unit, &Origin::Random { seed })
}
