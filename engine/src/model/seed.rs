//! Where a pass backwards begins: the derivative of a metric with respect to the logits,
//! carried through the unembedding.

use super::Gpt2;
use super::table::Table;
use crate::backend::{Backend, Result};
use crate::rows::{OWN_ROW, SlotTable, index};

/// The derivative of a number with respect to the logits of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Slope {
    /// Of a few tokens, by id; of all others it is 0. Ids are distinct.
    Tokens(Vec<(u32, f32)>),
    /// `[n_vocab]`
    All(Vec<f32>),
}

impl<B: Backend> Gpt2<B> {
    /// The derivative with respect to the rows after `ln_f`, `[slopes.len(), n]`: the sum of
    /// the unembedding's rows, each times its token's slope.
    ///
    /// # Errors
    /// When the device fails.
    pub fn seed(&self, b: &B, slopes: &[Slope]) -> Result<B::Tensor> {
        let n = self.config.shape.n_embd;
        let seed = b.zeros([slopes.len(), n])?;
        for (row, slope) in (0..).zip(slopes) {
            let of_row = match slope {
                Slope::Tokens(tokens) => {
                    let (ids, by): (Vec<u32>, Vec<f32>) = tokens.iter().copied().unzip();
                    weighted(b, &self.head().gather(b, &ids)?, &by)?
                }
                Slope::All(by) => all(b, self.head(), by)?,
            };
            b.scatter(&seed, &[row], &of_row)?;
        }
        Ok(seed)
    }
}

/// `by [v] @ head [v, n]`, piece by piece.
fn all<B: Backend>(b: &B, head: &Table<B>, by: &[f32]) -> Result<B::Tensor> {
    let mut sum: Option<B::Tensor> = None;
    for (i, piece) in head.pieces.iter().enumerate() {
        let first = head.first_id(i);
        let part = weighted(b, piece, &by[first..first + b.shape(piece)[0]])?;
        sum = Some(match sum {
            None => part,
            Some(sum) => b.add(&sum, &part)?,
        });
    }
    match sum {
        Some(sum) => Ok(sum),
        None => b.zeros([1, b.shape(&head.pieces[0])[1]]),
    }
}

/// `by [k] @ rows [k, n]`, `[1, n]`: what attention does with one head and `by` for its
/// pattern.
fn weighted<B: Backend>(b: &B, rows: &B::Tensor, by: &[f32]) -> Result<B::Tensor> {
    let count = index(by.len());
    let table = b.upload_table(&SlotTable {
        run: vec![0],
        len: vec![count],
        slots: (0..count).map(|row| row | OWN_ROW).collect(),
        width: by.len(),
    })?;
    b.mix(&b.upload([1, by.len()], by)?, rows, rows, &table, 1)
}
