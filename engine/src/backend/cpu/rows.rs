use super::{BackendError, DEVICE, Operation, Result, with_rows};
use candle_core::Tensor;

/// `x[rows]`
pub(super) fn gather(x: &Tensor, rows: &[u32]) -> Result<Tensor> {
    let (have, width) = x.dims2()?;
    if let Some(row) = rows.iter().find(|r| **r as usize >= have) {
        return Err(BackendError::Shape {
            operation: Operation::Gather,
            expected: format!("rows below {have}"),
            found: format!("row {row}"),
        });
    }
    with_rows([x], |[x]| {
        let mut out = Vec::with_capacity(rows.len() * width);
        for row in rows {
            out.extend_from_slice(x.row(*row as usize));
        }
        Ok(Tensor::from_vec(out, (rows.len(), width), &DEVICE)?)
    })
}

/// `a[a_rows]`, then `b[b_rows]`
pub(super) fn join(a: &Tensor, a_rows: &[u32], b: &Tensor, b_rows: &[u32]) -> Result<Tensor> {
    let (a, b) = (gather(a, a_rows)?, gather(b, b_rows)?);
    if a_rows.is_empty() {
        return Ok(b);
    }
    if b_rows.is_empty() {
        return Ok(a);
    }
    Ok(Tensor::cat(&[a, b], 0)?)
}

/// `into[rows] := x`, in place, stretch by stretch of adjacent rows.
pub(super) fn scatter(into: &Tensor, rows: &[u32], x: &Tensor) -> Result<()> {
    let x = x.contiguous()?;
    let mut first = 0;
    while first < rows.len() {
        let mut stop = first + 1;
        while stop < rows.len() && rows[stop] == rows[stop - 1] + 1 {
            stop += 1;
        }
        into.slice_set(
            &x.narrow(0, first, stop - first)?.contiguous()?,
            0,
            rows[first] as usize,
        )?;
        first = stop;
    }
    Ok(())
}
