//! The weight of a linear layer in the order in which the kernels read it: put so
//! when it is loaded, instead of at each product.

use super::{BackendError, DEVICE, Operation, Result, reserved};
use candle_core::Tensor;
use patchbay_kernels::panels::{Line, lines, put, row};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// A weight `[inner, columns]`; a cheap handle.
#[derive(Clone, Debug)]
pub struct Panels {
    shape: [usize; 2],
    lines: Arc<RwLock<Vec<Line>>>,
}

impl Panels {
    /// A weight of zeros.
    pub(super) fn reserve(shape: [usize; 2]) -> Result<Self> {
        let lines = reserved(lines(shape[0], shape[1]), Line::default())?;
        Ok(Self {
            shape,
            lines: Arc::new(RwLock::new(lines)),
        })
    }

    /// A copy of a matrix.
    pub(super) fn of(weight: &Tensor) -> Result<Self> {
        let (inner, columns) = weight.dims2()?;
        let panels = Self::reserve([inner, columns])?;
        let values: Vec<f32> = weight.flatten_all()?.to_vec1()?;
        panels.fill(0, &values)?;
        Ok(panels)
    }

    pub(super) fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Whole rows, row-major, from row `first` on.
    pub(super) fn fill(&self, first: usize, values: &[f32]) -> Result<()> {
        let [inner, columns] = self.shape;
        let rows = values.len() / columns.max(1);
        if rows * columns != values.len() || first + rows > inner {
            return Err(BackendError::Shape {
                operation: Operation::Fill,
                expected: format!("whole rows within {:?}", self.shape),
                found: format!("{} values from row {first} on", values.len()),
            });
        }
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        put(&mut lines, self.shape, first, values);
        Ok(())
    }

    /// What the kernels read, while they do.
    pub(super) fn lines(&self) -> RwLockReadGuard<'_, Vec<Line>> {
        self.lines.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn values(&self) -> Vec<f32> {
        let lines = self.lines();
        (0..self.shape[0])
            .flat_map(|k| row(&lines, self.shape, k))
            .collect()
    }

    /// Copies of some rows.
    pub(super) fn gather(&self, rows: &[u32]) -> Result<Tensor> {
        let [inner, columns] = self.shape;
        if let Some(row) = rows.iter().find(|r| **r as usize >= inner) {
            return Err(BackendError::Shape {
                operation: Operation::Gather,
                expected: format!("rows below {inner}"),
                found: format!("row {row}"),
            });
        }
        let lines = self.lines();
        let values: Vec<f32> = rows
            .iter()
            .flat_map(|k| row(&lines, self.shape, *k as usize))
            .collect();
        Ok(Tensor::from_vec(values, (rows.len(), columns), &DEVICE)?)
    }
}
