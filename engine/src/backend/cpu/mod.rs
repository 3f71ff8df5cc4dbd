//! The CPU: candle's tensors, matrix products of our own (see `engine/kernels`),
//! and loops where candle has no operation (attention over a slot table, edits)
//! or loses digits (LayerNorm). They are also the twins that the GPU's kernels
//! are tested against.

mod attention;
mod edit;
mod layer_norm;
mod products;
mod reduce;
mod relaxed;
mod rows;
mod threads;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub use relaxed::take as take_kernels;

use super::{Backend, BackendError, Result, Then};
use crate::experiment::BackendInfo;
use crate::model::Activation;
use crate::rows::{RowEdit, SlotTable};
use candle_core::{Device, Tensor};
use std::ops::Range;

/// The CPU backend. Natively it uses all cores, in the browser one thread with
/// 128-bit SIMD.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu;

const DEVICE: Device = Device::Cpu;

impl Backend for Cpu {
    type Tensor = Tensor;
    type Table = SlotTable;

    fn info(&self) -> BackendInfo {
        BackendInfo {
            name: "cpu".into(),
            device: device(),
            reason: None,
        }
    }

    fn max_tensor_bytes(&self) -> u64 {
        u64::from(u32::MAX)
    }

    fn shape(&self, x: &Tensor) -> [usize; 2] {
        // Every tensor made here is a matrix.
        x.dims2().map_or([0, 0], |(rows, columns)| [rows, columns])
    }

    fn upload(&self, shape: [usize; 2], values: &[f32]) -> Result<Tensor> {
        Ok(Tensor::from_slice(values, (shape[0], shape[1]), &DEVICE)?)
    }

    fn zeros(&self, shape: [usize; 2]) -> Result<Tensor> {
        Ok(Tensor::zeros(
            (shape[0], shape[1]),
            candle_core::DType::F32,
            &DEVICE,
        )?)
    }

    fn reserve(&self, shape: [usize; 2]) -> Result<Tensor> {
        let len = shape[0].saturating_mul(shape[1]);
        let mut values: Vec<f32> = Vec::new();
        // The page's memory has an end, and reaching it otherwise ends the worker.
        let full = |_| BackendError::OutOfMemory {
            bytes: 4 * len as u64,
        };
        values.try_reserve_exact(len).map_err(full)?;
        values.resize(len, 0.0);
        Ok(Tensor::from_vec(values, (shape[0], shape[1]), &DEVICE)?)
    }

    fn fill(&self, into: &Tensor, first_row: usize, values: &[f32]) -> Result<()> {
        let width = into.dims2()?.1;
        let rows = Tensor::from_slice(values, (values.len() / width.max(1), width), &DEVICE)?;
        Ok(into.slice_set(&rows, 0, first_row)?)
    }

    async fn settle(&self) -> Result<()> {
        Ok(())
    }

    async fn read_all(&self, xs: &[&Tensor]) -> Result<Vec<Vec<f32>>> {
        let values = |x: &&Tensor| Ok(x.flatten_all()?.to_vec1()?);
        xs.iter().map(values).collect()
    }

    fn columns(&self, x: &Tensor, columns: Range<usize>) -> Result<Tensor> {
        Ok(x.narrow(1, columns.start, columns.len())?)
    }

    fn gather(&self, x: &Tensor, rows: &[u32]) -> Result<Tensor> {
        rows::gather(x, rows)
    }

    fn scatter(&self, into: &Tensor, rows: &[u32], x: &Tensor) -> Result<()> {
        rows::scatter(into, rows, x)
    }

    fn join(&self, a: &Tensor, a_rows: &[u32], b: &Tensor, b_rows: &[u32]) -> Result<Tensor> {
        let (a, b) = (rows::gather(a, a_rows)?, rows::gather(b, b_rows)?);
        match (a_rows.is_empty(), b_rows.is_empty()) {
            (true, _) => Ok(b),
            (_, true) => Ok(a),
            _ => Ok(Tensor::cat(&[a, b], 0)?),
        }
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        Ok((a + b)?)
    }

    fn layer_norm(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        epsilon: f32,
    ) -> Result<Tensor> {
        layer_norm::layer_norm(x, weight, bias, epsilon)
    }

    fn linear(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        then: Then<Tensor>,
    ) -> Result<Tensor> {
        products::linear(x, weight, bias, then)
    }

    fn unembed(&self, x: &Tensor, wte: &Tensor) -> Result<Tensor> {
        products::unembed(x, wte)
    }

    fn activate(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let mut values: Vec<f32> = x.flatten_all()?.to_vec1()?;
        patchbay_kernels::activate(products::function(activation), &mut values);
        Ok(Tensor::from_vec(values, x.dims2()?, &DEVICE)?)
    }

    fn upload_table(&self, table: &SlotTable) -> Result<SlotTable> {
        Ok(table.clone())
    }

    fn pattern(
        &self,
        q: &Tensor,
        k: &Tensor,
        kept: &Tensor,
        table: &SlotTable,
        n_head: usize,
        scale: f32,
    ) -> Result<Tensor> {
        attention::pattern(q, k, kept, table, n_head, scale)
    }

    fn mix(
        &self,
        pattern: &Tensor,
        v: &Tensor,
        kept: &Tensor,
        table: &SlotTable,
        n_head: usize,
    ) -> Result<Tensor> {
        attention::mix(pattern, v, kept, table, n_head)
    }

    fn edit(&self, x: Tensor, edits: &[RowEdit], source: Option<&Tensor>) -> Result<Tensor> {
        edit::edit(&x, edits, source)
    }

    fn log_sum_exp(&self, x: &Tensor) -> Result<Tensor> {
        reduce::log_sum_exp(x)
    }

    fn top_k(&self, x: &Tensor, k: usize) -> Result<Tensor> {
        reduce::top_k(x, k)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn device() -> String {
    let threads = rayon::current_num_threads();
    format!("{}, {threads} threads", std::env::consts::ARCH)
}

#[cfg(target_arch = "wasm32")]
fn device() -> String {
    #[cfg(feature = "worker")]
    if relaxed::is_here() {
        return "WebAssembly, one thread, relaxed SIMD".into();
    }
    "WebAssembly, one thread, SIMD 128".into()
}

/// A tensor's values where they lie, without a copy: row `r` of a matrix
/// (or of a view of some of its columns) is `values[offset + r * stride ..]`.
struct Rows<'a> {
    values: &'a [f32],
    offset: usize,
    stride: usize,
    width: usize,
}

impl Rows<'_> {
    fn row(&self, r: usize) -> &[f32] {
        let at = self.offset + r * self.stride;
        &self.values[at..at + self.width]
    }

    /// Where row 0 is.
    fn start(&self) -> *const f32 {
        self.values[self.offset..].as_ptr()
    }
}

/// Runs `f` on the rows of each tensor.
fn with_rows<const N: usize, T>(
    tensors: [&Tensor; N],
    f: impl FnOnce([Rows; N]) -> Result<T>,
) -> Result<T> {
    let guards = tensors.map(Tensor::storage_and_layout);
    let mut rows = Vec::with_capacity(N);
    for (storage, layout) in &guards {
        let (candle_core::Storage::Cpu(storage), (_, width), &[stride, 1]) =
            (&**storage, layout.shape().dims2()?, layout.stride())
        else {
            return Err(BackendError::Shape {
                operation: "cpu",
                expected: "a matrix with adjacent columns".into(),
                found: format!("{layout:?}"),
            });
        };
        rows.push(Rows {
            values: storage.as_slice::<f32>()?,
            offset: layout.start_offset(),
            stride,
            width,
        });
    }
    match <[Rows; N]>::try_from(rows) {
        Ok(rows) => f(rows),
        Err(_) => Err(BackendError::Gpu("unreachable".into())),
    }
}
