use super::panels::Panels;
use super::{BackendError, Operation, Result};
use candle_core::Tensor;

/// A matrix on the CPU; a cheap handle.
#[derive(Clone, Debug)]
pub enum Matrix {
    /// Row by row, or a view of some columns.
    Rows(Tensor),
    /// A weight, as products read it.
    Panels(Panels),
}

impl From<Tensor> for Matrix {
    fn from(x: Tensor) -> Self {
        Self::Rows(x)
    }
}

impl Matrix {
    pub(super) fn shape(&self) -> [usize; 2] {
        match self {
            // Every tensor made here is a matrix.
            Self::Rows(x) => x.dims2().map_or([0, 0], |(rows, columns)| [rows, columns]),
            Self::Panels(x) => x.shape(),
        }
    }

    /// The values, row-major.
    pub(super) fn values(&self) -> Result<Vec<f32>> {
        match self {
            Self::Rows(x) => Ok(x.flatten_all()?.to_vec1()?),
            Self::Panels(x) => Ok(x.values()),
        }
    }

    /// # Errors
    /// When it is a weight in panels, which only `linear` multiplies by.
    pub(super) fn rows(&self, operation: Operation) -> Result<&Tensor> {
        match self {
            Self::Rows(x) => Ok(x),
            Self::Panels(x) => Err(BackendError::Shape {
                operation,
                expected: "a tensor".into(),
                found: format!("a weight of a linear layer, {:?}", x.shape()),
            }),
        }
    }
}

/// [`Matrix::rows`] of each.
pub(super) fn all<const N: usize>(operation: Operation, xs: [&Matrix; N]) -> Result<[&Tensor; N]> {
    let mut rows = Vec::with_capacity(N);
    for x in xs {
        rows.push(x.rows(operation)?);
    }
    <[&Tensor; N]>::try_from(rows)
        .map_err(|_| BackendError::Internal("tensors went missing".into()))
}
