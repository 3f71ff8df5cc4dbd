//! Edits of rows.

use super::calls::{Edit, edit};
use super::elements;
use super::kernels::Kernel;
use super::pool::Kind;
use super::recorder::Dispatch;
use super::tensor::{Tensor, shape, word};
use super::{Gpu, Operation, Result};
use crate::rows::RowEdit;
use std::rc::Rc;

impl From<&RowEdit> for Edit {
    fn from(edit: &RowEdit) -> Self {
        let RowEdit {
            row,
            start,
            width,
            source_row,
            source_start,
            scale,
            coef,
            gain,
            most,
        } = *edit;
        Self {
            row,
            start,
            width,
            source_row,
            source_start,
            scale,
            coef,
            gain,
            most,
        }
    }
}

pub(super) fn edit(
    gpu: &Gpu,
    x: Tensor,
    edits: &[RowEdit],
    source: Option<&Tensor>,
) -> Result<Tensor> {
    for e in edits {
        check(e, &x, source)?;
    }
    if edits.is_empty() {
        return Ok(x);
    }
    // In place where nobody else can see it: the only handle of the buffer, whole or in part.
    let own = Rc::strong_count(&x.held) == 1;
    let x = if own { x } else { elements::copy(gpu, &x)? };
    // Something must be bound where there is no source.
    let nothing;
    let (held, source_offset, source_stride) = match source {
        Some(s) => (&s.held, s.offset, s.stride),
        None => {
            nothing = gpu.0.recorder.pool.take(Kind::Result, 4)?;
            (&nothing, 0, 0)
        }
    };
    let touched: u64 = edits.iter().map(|e| u64::from(e.width)).sum();
    let words: Vec<Edit> = edits.iter().map(Edit::from).collect();
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Edit,
        call: &edit::Call {
            p: edit::Params {
                count: word(edits.len())?,
                x_offset: x.offset,
                x_stride: x.stride,
                source_offset,
                source_stride,
                has_source: u32::from(source.is_some()),
            },
            edits: bytemuck::cast_slice(&words),
            source: held,
            x: &x.held,
        },
        groups: edits.len() as u64,
        work: 2 * touched,
    })?;
    Ok(x)
}

fn check(e: &RowEdit, x: &Tensor, source: Option<&Tensor>) -> Result<()> {
    let inside = |t: &Tensor, row: u32, start: u32| {
        row < t.rows && u64::from(start) + u64::from(e.width) <= u64::from(t.columns)
    };
    if inside(x, e.row, e.start) && source.is_none_or(|s| inside(s, e.source_row, e.source_start)) {
        return Ok(());
    }
    let source = source.map_or_else(|| "none".into(), |s| format!("{:?}", s.shape()));
    let expected = format!("an edit within {:?}, source {source}", x.shape());
    Err(shape(Operation::Edit, expected, format!("{e:?}")))
}
