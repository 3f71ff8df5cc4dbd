//! The CPU: candle's tensors, matrix products of our own (see `engine/kernels`),
//! and loops where candle has no operation (attention over a slot table, edits)
//! or loses digits (LayerNorm). They are also the twins that the GPU's kernels
//! are tested against.

mod attention;
mod backward;
mod edit;
mod elements;
mod layer_norm;
mod matrix;
mod panels;
mod products;
mod reduce;
mod relaxed;
mod rows;
mod threads;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub use relaxed::take as take_kernels;

use super::{Backend, BackendError, Operation, Result, Rule, Then};
use crate::experiment::BackendInfo;
use crate::rows::{RowEdit, SeenBy, SlotTable};
use candle_core::{Device, Tensor};
pub use matrix::Matrix;
use matrix::all;
use panels::Panels;
use patchbay_kernels::Activation;
use std::ops::Range;

/// The CPU backend. Natively it uses all cores, in the browser one thread with
/// 128-bit SIMD.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu;

const DEVICE: Device = Device::Cpu;

impl Backend for Cpu {
    type Tensor = Matrix;
    type Table = SlotTable;

    fn info(&self) -> BackendInfo {
        BackendInfo {
            name: "cpu".into(),
            device: device(),
            reason: None,
            says: None,
            trial: None,
        }
    }

    fn max_tensor_bytes(&self) -> u64 {
        u64::from(u32::MAX)
    }

    fn holds(&self, bytes: u64) -> Result<()> {
        // In the browser, 4 GiB.
        addressed(bytes, usize::MAX as u64)
    }

    fn shape(&self, x: &Matrix) -> [usize; 2] {
        x.shape()
    }

    fn upload(&self, shape: [usize; 2], values: &[f32]) -> Result<Matrix> {
        Ok(Tensor::from_slice(values, (shape[0], shape[1]), &DEVICE)?.into())
    }

    fn zeros(&self, shape: [usize; 2]) -> Result<Matrix> {
        let shape = (shape[0], shape[1]);
        Ok(Tensor::zeros(shape, candle_core::DType::F32, &DEVICE)?.into())
    }

    fn reserve(&self, shape: [usize; 2]) -> Result<Matrix> {
        let values = reserved(shape[0].saturating_mul(shape[1]), 0f32)?;
        Ok(Tensor::from_vec(values, (shape[0], shape[1]), &DEVICE)?.into())
    }

    fn reserve_weight(&self, shape: [usize; 2]) -> Result<Matrix> {
        Ok(Matrix::Panels(Panels::reserve(shape)?))
    }

    fn fill(&self, into: &Matrix, first_row: usize, values: &[f32]) -> Result<()> {
        let into = match into {
            Matrix::Panels(into) => return into.fill(first_row, values),
            Matrix::Rows(into) => into,
        };
        let width = into.dims2()?.1;
        let rows = Tensor::from_slice(values, (values.len() / width.max(1), width), &DEVICE)?;
        Ok(into.slice_set(&rows, 0, first_row)?)
    }

    async fn settle(&self) -> Result<()> {
        Ok(())
    }

    async fn read_all(&self, xs: &[&Matrix]) -> Result<Vec<Vec<f32>>> {
        xs.iter().map(|x| x.values()).collect()
    }

    fn columns(&self, x: &Matrix, columns: Range<usize>) -> Result<Matrix> {
        match x {
            Matrix::Rows(x) => Ok(x.narrow(1, columns.start, columns.len())?.into()),
            Matrix::Panels(x) => Ok(Matrix::Panels(x.columns(columns)?)),
        }
    }

    fn gather(&self, x: &Matrix, rows: &[u32]) -> Result<Matrix> {
        let out = match x {
            Matrix::Rows(x) => rows::gather(x, rows)?,
            Matrix::Panels(x) => x.gather(rows)?,
        };
        Ok(out.into())
    }

    fn scatter(&self, into: &Matrix, rows: &[u32], x: &Matrix) -> Result<()> {
        rows::scatter(
            into.rows(Operation::Scatter)?,
            rows,
            x.rows(Operation::Scatter)?,
        )
    }

    fn join(&self, a: &Matrix, a_rows: &[u32], b: &Matrix, b_rows: &[u32]) -> Result<Matrix> {
        let [a, b] = all(Operation::Join, [a, b])?;
        Ok(rows::join(a, a_rows, b, b_rows)?.into())
    }

    fn add(&self, a: &Matrix, b: &Matrix) -> Result<Matrix> {
        Ok(elements::add(a, b)?.into())
    }

    fn layer_norm(
        &self,
        x: &Matrix,
        weight: &Matrix,
        bias: &Matrix,
        epsilon: f32,
    ) -> Result<Matrix> {
        let [x, weight, bias] = all(Operation::LayerNorm, [x, weight, bias])?;
        Ok(layer_norm::layer_norm(x, weight, bias, epsilon)?.into())
    }

    fn linear(
        &self,
        x: &Matrix,
        weight: &Matrix,
        bias: &Matrix,
        then: Then<Matrix>,
    ) -> Result<Matrix> {
        let [x, bias] = all(Operation::Linear, [x, bias])?;
        let then = then.try_map(|onto| onto.rows(Operation::Linear))?;
        let out = match weight {
            Matrix::Panels(weight) => products::linear(x, weight, bias, then)?,
            // Not a model's: put in order for this product.
            Matrix::Rows(weight) => products::linear(x, &Panels::of(weight)?, bias, then)?,
        };
        Ok(out.into())
    }

    fn unembed(&self, x: &Matrix, wte: &Matrix) -> Result<Matrix> {
        let [x, wte] = all(Operation::Unembed, [x, wte])?;
        Ok(products::unembed(x, wte)?.into())
    }

    fn activate(&self, x: &Matrix, activation: Activation) -> Result<Matrix> {
        Ok(elements::activate(x, activation)?.into())
    }

    fn upload_table(&self, table: &SlotTable) -> Result<SlotTable> {
        Ok(table.clone())
    }

    fn pattern(
        &self,
        q: &Matrix,
        k: &Matrix,
        kept_k: &Matrix,
        table: &SlotTable,
        n_head: usize,
        scale: f32,
    ) -> Result<Matrix> {
        let [q, k, kept_k] = all(Operation::Pattern, [q, k, kept_k])?;
        Ok(attention::pattern(q, k, kept_k, table, n_head, scale)?.into())
    }

    fn mix(
        &self,
        pattern: &Matrix,
        v: &Matrix,
        kept_v: &Matrix,
        table: &SlotTable,
        n_head: usize,
    ) -> Result<Matrix> {
        let [pattern, v, kept_v] = all(Operation::Mix, [pattern, v, kept_v])?;
        Ok(attention::mix(pattern, v, kept_v, table, n_head)?.into())
    }

    fn edit(&self, x: Matrix, edits: &[RowEdit], source: Option<&Matrix>) -> Result<Matrix> {
        let source = source
            .map(|source| source.rows(Operation::Edit))
            .transpose()?;
        Ok(edit::edit(x.rows(Operation::Edit)?, edits, source)?.into())
    }

    fn log_sum_exp(&self, x: &Matrix) -> Result<Matrix> {
        Ok(reduce::log_sum_exp(x.rows(Operation::LogSumExp)?)?.into())
    }

    fn top_k(&self, x: &Matrix, k: usize) -> Result<Matrix> {
        Ok(reduce::top_k(x.rows(Operation::TopK)?, k)?.into())
    }

    fn layer_norm_back(
        &self,
        dy: &Matrix,
        x: &Matrix,
        weight: &Matrix,
        epsilon: f32,
        rule: Rule,
    ) -> Result<Matrix> {
        let [dy, x, weight] = all(Operation::LayerNormBack, [dy, x, weight])?;
        Ok(backward::layer_norm_back(dy, x, weight, epsilon, rule)?.into())
    }

    fn linear_back(&self, dy: &Matrix, weight: &Matrix, columns: Range<usize>) -> Result<Matrix> {
        let dy = dy.rows(Operation::LinearBack)?;
        let out = match weight {
            Matrix::Panels(weight) => products::linear_back(dy, weight, columns)?,
            // Not a model's: put in order for this product.
            Matrix::Rows(weight) => products::linear_back(dy, &Panels::of(weight)?, columns)?,
        };
        Ok(out.into())
    }

    fn activate_back(
        &self,
        dy: &Matrix,
        x: &Matrix,
        activation: Activation,
        rule: Rule,
    ) -> Result<Matrix> {
        let [dy, x] = all(Operation::ActivateBack, [dy, x])?;
        Ok(backward::activate_back(dy, x, activation, rule)?.into())
    }

    fn scores(
        &self,
        q: &Matrix,
        k: &Matrix,
        kept_k: &Matrix,
        table: &SlotTable,
        n_head: usize,
        scale: f32,
    ) -> Result<Matrix> {
        let [q, k, kept_k] = all(Operation::Scores, [q, k, kept_k])?;
        Ok(attention::scores(q, k, kept_k, table, n_head, scale)?.into())
    }

    fn softmax_back(
        &self,
        dy: &Matrix,
        pattern: &Matrix,
        n_head: usize,
        scale: f32,
    ) -> Result<Matrix> {
        let [dy, pattern] = all(Operation::SoftmaxBack, [dy, pattern])?;
        Ok(backward::softmax_back(dy, pattern, n_head, scale)?.into())
    }

    fn mix_back(
        &self,
        weights: &Matrix,
        x: &Matrix,
        seen_by: &SeenBy,
        n_head: usize,
    ) -> Result<Matrix> {
        let [weights, x] = all(Operation::MixBack, [weights, x])?;
        Ok(backward::mix_back(weights, x, seen_by, n_head)?.into())
    }
}

/// Whether so many bytes can be addressed, the last of them being `most`.
fn addressed(bytes: u64, most: u64) -> Result<()> {
    match bytes <= most {
        true => Ok(()),
        false => Err(BackendError::TooLarge { bytes, most }),
    }
}

/// Room for `n` values.
fn reserved<T: Clone>(n: usize, value: T) -> Result<Vec<T>> {
    let mut values = Vec::new();
    // The page's memory has an end, and reaching it otherwise ends the worker.
    let full = |_| BackendError::OutOfMemory {
        bytes: (size_of::<T>() as u64).saturating_mul(n as u64),
    };
    values.try_reserve_exact(n).map_err(full)?;
    values.resize(n, value);
    Ok(values)
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
            let found = format!("no matrix with adjacent columns but {layout:?}");
            return Err(BackendError::Internal(found));
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
        Err(_) => Err(BackendError::Internal("tensors went missing".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_page_can_address_is_refused_before_it_is_reserved() {
        let page = u64::from(u32::MAX);
        assert!(addressed(page, page).is_ok());
        let e = addressed(4 * 1_557_611_200, page).unwrap_err();
        assert!(matches!(e, BackendError::TooLarge { .. }));
        assert_eq!(
            e.to_string(),
            "its weights take 6230 MB of memory, and the CPU can address 4294 MB here; take a smaller model, or a GPU with room for this one"
        );
        assert!(Cpu.holds(4 * 1_557_611_200).is_ok() || usize::BITS < 64);
    }
}
