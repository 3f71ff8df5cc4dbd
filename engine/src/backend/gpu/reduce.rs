//! Reductions over the vocabulary.

use super::kernels::Kernel;
use super::named::named;
use super::recorder::Dispatch;
use super::tensor::{Tensor, word};
use super::{Gpu, Result};

impl Gpu {
    pub(super) fn normaliser(&self, x: &Tensor) -> Result<Tensor> {
        let out = self.tensor(x.rows, 1)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::LogSumExp,
            list: None,
            inputs: named![x: &x.held],
            outs: named![out: &out.held],
            params: named![
                rows: x.rows, columns: x.columns, x_offset: x.offset, x_stride: x.stride,
            ],
            groups: u64::from(x.rows),
            work: 8 * x.len(),
        })?;
        Ok(out)
    }

    pub(super) fn largest(&self, x: &Tensor, k: usize) -> Result<Tensor> {
        let k = word(k)?.min(x.columns);
        let out = self.tensor(x.rows, 2 * k)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::TopK,
            list: None,
            inputs: named![x: &x.held],
            outs: named![out: &out.held],
            params: named![
                rows: x.rows, columns: x.columns, x_offset: x.offset, x_stride: x.stride,
                k: k,
            ],
            groups: u64::from(x.rows),
            work: 2 * x.len(),
        })?;
        Ok(out)
    }
}
