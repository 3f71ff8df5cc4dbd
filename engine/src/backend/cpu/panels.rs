//! The weight of a linear layer in the order in which the kernels read it: put so
//! when it is loaded, instead of at each product.

use super::{BackendError, DEVICE, Operation, Result, reserved};
use candle_core::Tensor;
use patchbay_kernels::panels::{Line, PANEL, lines, put, row, stretch};
use std::ops::{Deref, Range};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// A weight `[inner, columns]`; a cheap handle.
#[derive(Clone, Debug)]
pub struct Panels {
    shape: [usize; 2],
    /// Where its lines begin among them: behind others in a view of some columns.
    first: usize,
    lines: Arc<RwLock<Vec<Line>>>,
}

/// A weight's lines, while nobody fills them.
pub(super) struct Lines<'a> {
    all: RwLockReadGuard<'a, Vec<Line>>,
    first: usize,
}

impl Deref for Lines<'_> {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        &self.all[self.first..]
    }
}

impl Panels {
    /// A weight of zeros.
    pub(super) fn reserve(shape: [usize; 2]) -> Result<Self> {
        let lines = reserved(lines(shape[0], shape[1]), Line::default())?;
        Ok(Self {
            shape,
            first: 0,
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
        put(&mut lines[self.first..], self.shape, first, values);
        Ok(())
    }

    /// What the kernels read, while they do.
    pub(super) fn lines(&self) -> Lines<'_> {
        let all = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        Lines {
            all,
            first: self.first,
        }
    }

    /// Some columns: a view where they begin and end with a panel, else a copy.
    pub(super) fn columns(&self, columns: Range<usize>) -> Result<Self> {
        let [inner, all] = self.shape;
        if columns.end > all || columns.start > columns.end {
            return Err(BackendError::Shape {
                operation: Operation::Columns,
                expected: format!("columns of {:?}", self.shape),
                found: format!("{columns:?}"),
            });
        }
        let whole = columns.start.is_multiple_of(PANEL)
            && (columns.end.is_multiple_of(PANEL) || columns.end == all);
        if whole {
            return Ok(Self {
                shape: [inner, columns.len()],
                first: self.first + columns.start / PANEL * inner,
                lines: self.lines.clone(),
            });
        }
        let copy = Self::reserve([inner, columns.len()])?;
        let mut values = Vec::new();
        stretch(&self.lines(), self.shape, 0..inner, columns, &mut values);
        copy.fill(0, &values)?;
        Ok(copy)
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
