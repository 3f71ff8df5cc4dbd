//! Tensors made and filled.

use super::pool::Kind;
use super::recorder::Dispatch;
use super::tensor::{Tensor, shape, word};
use super::{Gpu, Operation, Result};

/// A tensor that is larger gets a buffer of its own size, destroyed with it: it
/// is a weight, and weights come and go once.
const WEIGHT: u64 = 1 << 20;

impl Gpu {
    /// A contiguous tensor for a result, its numbers whatever they were.
    pub(super) fn tensor(&self, rows: u32, columns: u32) -> Result<Tensor> {
        self.tensor_of(Kind::Result, rows, columns)
    }

    fn tensor_of(&self, kind: Kind, rows: u32, columns: u32) -> Result<Tensor> {
        let bytes = 4 * u64::from(rows) * u64::from(columns);
        let held = self.0.recorder.pool.take(kind, bytes)?;
        Ok(Tensor::whole(held, rows, columns))
    }

    /// Has a kernel run after everything before.
    pub(super) fn dispatch(&self, dispatch: &Dispatch) -> Result<()> {
        self.0.recorder.dispatch(dispatch)
    }
}

pub(super) fn upload(gpu: &Gpu, [rows, columns]: [usize; 2], values: &[f32]) -> Result<Tensor> {
    if rows.checked_mul(columns) != Some(values.len()) {
        let expected = format!("{rows} x {columns} values");
        let found = format!("{} values", values.len());
        return Err(shape(Operation::Upload, expected, found));
    }
    let r = &gpu.0.recorder;
    let bytes: &[u8] = bytemuck::cast_slice(values);
    if bytes.len() as u64 <= WEIGHT {
        let out = gpu.tensor_of(Kind::Lasting, word(rows)?, word(columns)?)?;
        r.write(&out.held, bytes);
        return Ok(out);
    }
    let out = reserve(gpu, [rows, columns])?;
    r.write_now(&out.held, 0, bytes);
    Ok(out)
}

/// Room for a weight. One of its own size, destroyed with it, where that is worth it.
pub(super) fn reserve(gpu: &Gpu, [rows, columns]: [usize; 2]) -> Result<Tensor> {
    let (rows, columns) = (word(rows)?, word(columns)?);
    let bytes = 4 * u64::from(rows) * u64::from(columns);
    if bytes <= WEIGHT {
        return gpu.tensor_of(Kind::Lasting, rows, columns);
    }
    let held = gpu.0.recorder.pool.take_new(bytes)?;
    Ok(Tensor::whole(held, rows, columns))
}

pub(super) fn fill(gpu: &Gpu, into: &Tensor, first_row: usize, values: &[f32]) -> Result<()> {
    let width = into.columns as usize;
    let rows = values.len() / width.max(1);
    if rows * width != values.len() || first_row + rows > into.rows as usize {
        let expected = format!("whole rows within {:?}", into.shape());
        let found = format!("{} values from row {first_row} on", values.len());
        return Err(shape(Operation::Fill, expected, found));
    }
    let at = 4 * first_row as u64 * u64::from(into.columns);
    let r = &gpu.0.recorder;
    if r.pool.recording() {
        // A small tensor's buffer may be one that a recorded command used.
        r.submit();
    }
    r.write_now(&into.held, at, bytemuck::cast_slice(values));
    Ok(())
}

pub(super) fn zeros(gpu: &Gpu, [rows, columns]: [usize; 2]) -> Result<Tensor> {
    let out = gpu.tensor_of(Kind::Lasting, word(rows)?, word(columns)?)?;
    if out.len() > 0 {
        gpu.0.recorder.clear(&out.held, out.bytes());
    }
    Ok(out)
}
