use super::pool::Held;
use super::{BackendError, Operation, Result};
use crate::backend::Many;
use std::ops::Range;
use std::rc::Rc;

/// A matrix on the device, or a view of some columns of one: element `[r, c]`
/// is at `offset + r * stride + c` of its buffer. A handle; clones share the numbers.
#[derive(Clone)]
pub struct Tensor {
    pub(super) held: Rc<Held>,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) offset: u32,
    pub(super) stride: u32,
}

/// A [`SlotTable`](crate::rows::SlotTable) on the device: run `[rows]`, then len
/// `[rows]`, then the slots `[runs, width]`.
pub struct Table {
    pub(super) held: Rc<Held>,
    pub(super) rows: u32,
    pub(super) width: u32,
    /// Keys that all rows see together: what attention costs.
    pub(super) keys: u64,
    /// One more than the largest slot, and than the largest own row, in use.
    pub(super) slots: u32,
    pub(super) own_rows: u32,
}

impl Tensor {
    /// All of a buffer's start, row after row.
    pub(super) fn whole(held: Rc<Held>, rows: u32, columns: u32) -> Self {
        Self {
            held,
            rows,
            columns,
            offset: 0,
            stride: columns,
        }
    }

    pub(super) fn shape(&self) -> [usize; 2] {
        [self.rows as usize, self.columns as usize]
    }

    pub(super) fn len(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.columns)
    }

    pub(super) fn bytes(&self) -> u64 {
        4 * self.len()
    }

    /// Whether the elements lie one after the other.
    pub(super) fn contiguous(&self) -> bool {
        self.stride == self.columns || self.rows <= 1
    }

    pub(super) fn view(&self, columns: Range<usize>) -> Result<Self> {
        let inside = columns.start <= columns.end && columns.end <= self.columns as usize;
        let (start, width) = (word(columns.start), word(columns.len()));
        let (true, Ok(start), Ok(width)) = (inside, start, width) else {
            let expected = format!("columns within 0..{}", self.columns);
            return Err(shape(Operation::Columns, expected, format!("{columns:?}")));
        };
        Ok(Self {
            offset: self.offset + start,
            columns: width,
            ..self.clone()
        })
    }
}

/// A size as the kernels count them.
pub(super) fn word(size: usize) -> Result<u32> {
    u32::try_from(size).map_err(|_| BackendError::TooMany {
        what: Many::Sizes,
        most: u64::from(u32::MAX),
        found: size as u64,
    })
}

pub(super) fn shape(operation: Operation, expected: String, found: String) -> BackendError {
    BackendError::Shape {
        operation,
        expected,
        found,
    }
}

/// # Errors
/// When the shapes are not the same.
pub(super) fn expect(operation: Operation, x: &Tensor, expected: [usize; 2]) -> Result<()> {
    match x.shape() == expected {
        true => Ok(()),
        false => Err(shape(
            operation,
            format!("{expected:?}"),
            format!("{:?}", x.shape()),
        )),
    }
}
