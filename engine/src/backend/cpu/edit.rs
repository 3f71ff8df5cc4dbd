//! Edits of rows. Twin of `gpu/edit.wgsl`.

use super::{BackendError, DEVICE, Operation, Result, with_rows};
use crate::rows::RowEdit;
use candle_core::Tensor;

/// `x := scale x + min(coef + gain (x . s), most) s` on the columns of each edit.
pub(super) fn edit(x: &Tensor, edits: &[RowEdit], source: Option<&Tensor>) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let mut out: Vec<f32> = x.flatten_all()?.to_vec1()?;
    let mut apply = |source: Option<&super::Rows>| {
        for e in edits {
            let start = e.row as usize * width + e.start as usize;
            let x = out
                .get_mut(start..start + e.width as usize)
                .ok_or_else(|| outside(e, rows))?;
            // What is set to zero or replaced must not stay a NaN or an infinity.
            let kept = |x: f32| if e.scale == 0.0 { 0.0 } else { e.scale * x };
            let Some(source) = source else {
                x.iter_mut().for_each(|x| *x = kept(*x));
                continue;
            };
            let from = e.source_start as usize;
            let s = &source.row(e.source_row as usize)[from..from + x.len()];
            let along = match e.gain == 0.0 {
                true => 0.0,
                false => x.iter().zip(s).map(|(x, s)| x * s).sum::<f32>(),
            };
            let coef = (e.coef + e.gain * along).min(e.most);
            for (x, s) in x.iter_mut().zip(s) {
                *x = kept(*x) + coef * s;
            }
        }
        Ok::<_, BackendError>(())
    };
    match source {
        Some(source) => with_rows([source], |[s]| apply(Some(&s)))?,
        None => apply(None)?,
    }
    Ok(Tensor::from_vec(out, (rows, width), &DEVICE)?)
}

fn outside(e: &RowEdit, rows: usize) -> BackendError {
    BackendError::Shape {
        operation: Operation::Edit,
        expected: format!("a row below {rows}"),
        found: format!("{e:?}"),
    }
}
