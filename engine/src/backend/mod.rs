//! The tensor operations that the model is written in, and the devices that
//! have them.
//!
//! Every tensor is a matrix `[rows, columns]` of f32. Operations are issued in
//! order and may be queued; only [`Backend::read_all`] waits for numbers.

#[cfg(feature = "cpu")]
pub(crate) mod candle;
#[cfg(feature = "cpu")]
pub mod cpu;
#[cfg(feature = "webgpu")]
pub mod gpu;
mod operation;

use crate::experiment::{BackendInfo, Counters};
use crate::rows::{RowEdit, SeenBy, SlotTable};
use crate::sentence::{Says, Sentence, text, within};
pub use operation::Operation;
use patchbay_kernels::Activation;
use serde::Serialize;
use std::future::Future;
use std::ops::Range;

/// A device and its tensor operations.
pub trait Backend: 'static {
    /// A matrix on the device; a cheap handle.
    type Tensor: Clone;
    /// A [`SlotTable`] on the device.
    type Table;

    /// Name and device, for people.
    fn info(&self) -> BackendInfo;

    /// Largest tensor that can be bound, in bytes. The embedding is split to fit.
    fn max_tensor_bytes(&self) -> u64;

    /// Whether weights of so many bytes can be here at all, so that what cannot is
    /// refused before its first tensor and not once the memory has come to its end.
    ///
    /// # Errors
    /// [`BackendError::TooLarge`] where they cannot.
    fn holds(&self, _bytes: u64) -> Result<()> {
        Ok(())
    }

    /// `[rows, columns]` of a tensor.
    fn shape(&self, x: &Self::Tensor) -> [usize; 2];

    /// A tensor from `rows * columns` values, row-major.
    fn upload(&self, shape: [usize; 2], values: &[f32]) -> Result<Self::Tensor>;

    /// A tensor of zeros that [`Backend::scatter`] may write to.
    fn zeros(&self, shape: [usize; 2]) -> Result<Self::Tensor>;

    /// Room for a weight, to be filled by [`Backend::fill`] before it is used.
    fn reserve(&self, shape: [usize; 2]) -> Result<Self::Tensor>;

    /// Room for a weight that [`Backend::linear`] multiplies by. It may lie on the
    /// device in another order than other tensors; it can be filled, gathered and
    /// read as they can.
    fn reserve_weight(&self, shape: [usize; 2]) -> Result<Self::Tensor> {
        self.reserve(shape)
    }

    /// `into[first_row ..] := values`, whole rows of a reserved tensor, row-major.
    fn fill(&self, into: &Self::Tensor, first_row: usize, values: &[f32]) -> Result<()>;

    /// Waits until everything issued has happened, to hear whether there was room
    /// for it, and so that what comes next does not pile up.
    fn settle(&self) -> impl Future<Output = Result<()>>;

    /// The values of each, row-major, in one go. Everything issued before it has
    /// happened by then.
    fn read_all(&self, xs: &[&Self::Tensor]) -> impl Future<Output = Result<Vec<Vec<f32>>>>;

    /// The values of one.
    fn read(&self, x: &Self::Tensor) -> impl Future<Output = Result<Vec<f32>>> {
        async { Ok(self.read_all(&[x]).await?.pop().unwrap_or_default()) }
    }

    /// What the device was asked to do so far; zeros where there is no device.
    fn counters(&self) -> Counters {
        Counters::default()
    }

    /// Says that results of up to so many elements are about to be made, again and
    /// again, of many sizes: their memory may be made interchangeable.
    fn even_out(&self, _elements: usize) {}

    /// A view of some columns; nothing is copied.
    fn columns(&self, x: &Self::Tensor, columns: Range<usize>) -> Result<Self::Tensor>;

    /// `x[rows]`, a row of `x` for each entry.
    fn gather(&self, x: &Self::Tensor, rows: &[u32]) -> Result<Self::Tensor>;

    /// `into[rows] := x`, in place. Rows are distinct.
    fn scatter(&self, into: &Self::Tensor, rows: &[u32], x: &Self::Tensor) -> Result<()>;

    /// [`Backend::scatter`] of two tensors to the same rows of two others.
    fn scatter_pair(
        &self,
        [into_a, into_b]: [&Self::Tensor; 2],
        rows: &[u32],
        [a, b]: [&Self::Tensor; 2],
    ) -> Result<()> {
        self.scatter(into_a, rows, a)?;
        self.scatter(into_b, rows, b)
    }

    /// `a[a_rows]`, then `b[b_rows]`.
    fn join(
        &self,
        a: &Self::Tensor,
        a_rows: &[u32],
        b: &Self::Tensor,
        b_rows: &[u32],
    ) -> Result<Self::Tensor>;

    /// `a[a_rows] + b[b_rows]`
    fn sum_rows(
        &self,
        a: &Self::Tensor,
        a_rows: &[u32],
        b: &Self::Tensor,
        b_rows: &[u32],
    ) -> Result<Self::Tensor> {
        self.add(&self.gather(a, a_rows)?, &self.gather(b, b_rows)?)
    }

    /// `a + b`, of equal shape.
    fn add(&self, a: &Self::Tensor, b: &Self::Tensor) -> Result<Self::Tensor>;

    /// Each row normalised to mean 0 and variance 1, times `weight [1, n]`, plus `bias [1, n]`.
    fn layer_norm(
        &self,
        x: &Self::Tensor,
        weight: &Self::Tensor,
        bias: &Self::Tensor,
        epsilon: f32,
    ) -> Result<Self::Tensor>;

    /// `x [r, in] @ weight [in, out] + bias [1, out]`, the checkpoint's Conv1D,
    /// and `then` on the way out.
    fn linear(
        &self,
        x: &Self::Tensor,
        weight: &Self::Tensor,
        bias: &Self::Tensor,
        then: Then<Self::Tensor>,
    ) -> Result<Self::Tensor>;

    /// `x [r, n] @ wte [v, n] transposed`: the logits of `v` tokens.
    fn unembed(&self, x: &Self::Tensor, wte: &Self::Tensor) -> Result<Self::Tensor>;

    /// The MLP's activation function, element by element.
    fn activate(&self, x: &Self::Tensor, activation: Activation) -> Result<Self::Tensor>;

    /// Puts a slot table on the device.
    fn upload_table(&self, table: &SlotTable) -> Result<Self::Table>;

    /// Attention patterns of the attending rows: `[rows, n_head * table.width]`,
    /// softmax over the keys a row sees of `scale * (q . k)`, 0 for the keys it
    /// does not. Keys are looked up through the table in
    /// `kept_k [slots, n]` or `k [own rows, n]`.
    fn pattern(
        &self,
        q: &Self::Tensor,
        k: &Self::Tensor,
        kept_k: &Self::Tensor,
        table: &Self::Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Self::Tensor>;

    /// `z [rows, n]`: each head's pattern times the values it points at.
    fn mix(
        &self,
        pattern: &Self::Tensor,
        v: &Self::Tensor,
        kept_v: &Self::Tensor,
        table: &Self::Table,
        n_head: usize,
    ) -> Result<Self::Tensor>;

    /// [`Backend::pattern`] and then [`Backend::mix`], where nobody looks at the
    /// pattern. `k` and `v` are each `[own rows, n]` and what is kept.
    fn attend(
        &self,
        q: &Self::Tensor,
        [k, kept_k]: [&Self::Tensor; 2],
        [v, kept_v]: [&Self::Tensor; 2],
        table: &Self::Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Self::Tensor> {
        let pattern = self.pattern(q, k, kept_k, table, n_head, scale)?;
        self.mix(&pattern, v, kept_v, table, n_head)
    }

    /// Applies edits, no two to the same columns of a row, with `source` where any has one.
    fn edit(
        &self,
        x: Self::Tensor,
        edits: &[RowEdit],
        source: Option<&Self::Tensor>,
    ) -> Result<Self::Tensor>;

    /// `log(sum(exp(row)))` of each row: `[rows, 1]`.
    fn log_sum_exp(&self, x: &Self::Tensor) -> Result<Self::Tensor>;

    /// The `k` largest of each row, largest first, the smaller column first
    /// among equals: `[rows, 2 k]`, the values and then their columns as numbers.
    fn top_k(&self, x: &Self::Tensor, k: usize) -> Result<Self::Tensor>;

    // Backwards. `dy` is the derivative of some number with respect to an operation's
    // result; the derivative with respect to its argument comes out.

    /// Of [`Backend::layer_norm`] with respect to `x [rows, n]`. With `g = dy weight`, the
    /// normalised row `h` and its deviation `s`:
    /// exactly `(g - mean(g) - h mean(g h)) / s`; by relevance `(g - mean(g)) / s`.
    fn layer_norm_back(
        &self,
        dy: &Self::Tensor,
        x: &Self::Tensor,
        weight: &Self::Tensor,
        epsilon: f32,
        rule: Rule,
    ) -> Result<Self::Tensor>;

    /// Of [`Backend::linear`] with respect to its `x`:
    /// `dy [rows, columns.len()] @ weight[.., columns] transposed`, `[rows, in]`.
    fn linear_back(
        &self,
        dy: &Self::Tensor,
        weight: &Self::Tensor,
        columns: Range<usize>,
    ) -> Result<Self::Tensor> {
        self.unembed(dy, &self.columns(weight, columns)?)
    }

    /// Of [`Backend::activate`] with respect to `x`, element by element: exactly
    /// `dy f'(x)`; by relevance `dy f(x) / x`.
    fn activate_back(
        &self,
        dy: &Self::Tensor,
        x: &Self::Tensor,
        activation: Activation,
        rule: Rule,
    ) -> Result<Self::Tensor>;

    /// `scale * (q . k)` of each head and each key that a row sees, 0 for those it does
    /// not: [`Backend::pattern`] before its softmax, `[rows, n_head * table.width]`. With
    /// the derivative of `z` for `q`, and the values for the keys, it is the derivative
    /// with respect to the pattern.
    fn scores(
        &self,
        q: &Self::Tensor,
        k: &Self::Tensor,
        kept_k: &Self::Tensor,
        table: &Self::Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Self::Tensor>;

    /// Of the softmax in [`Backend::pattern`] with respect to `q . k`, head by head:
    /// `scale * pattern * (dy - sum(pattern * dy))`, all `[rows, n_head * t]`.
    fn softmax_back(
        &self,
        dy: &Self::Tensor,
        pattern: &Self::Tensor,
        n_head: usize,
        scale: f32,
    ) -> Result<Self::Tensor>;

    /// Of [`Backend::mix`] with respect to the values, and of [`Backend::scores`] with
    /// respect to the keys: row `k` of the result `[keys, n]` is, head by head, the sum of
    /// `weights[r, j] * x[r]` over those rows `r` that have the key at their place `j`.
    /// `weights [rows, n_head * t]`, `x [rows, n]`.
    fn mix_back(
        &self,
        weights: &Self::Tensor,
        x: &Self::Tensor,
        seen_by: &SeenBy,
        n_head: usize,
    ) -> Result<Self::Tensor>;
}

/// By which rule operations that are not linear pass a derivative on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The derivative.
    Exact,
    /// Relevance propagation with the rules that its authors use for GPT-2 (Jafari et al.,
    /// 2025, arXiv 2508.21258): LayerNorm's deviation is held as it is, and the activation
    /// function is the line through 0 and its value. Attention is exact.
    Relp,
}

/// What is done to a matrix product before it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Then<'a, T> {
    /// The product is stored as it is.
    Nothing,
    /// The MLP's activation function, element by element.
    Activate(Activation),
    /// A tensor of the product's shape is added: the residual stream.
    Add(&'a T),
}

impl<'a, T> Then<'a, T> {
    /// The same with what `f` makes of the tensor that is added.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn try_map<U, E>(
        self,
        f: impl FnOnce(&'a T) -> std::result::Result<&'a U, E>,
    ) -> std::result::Result<Then<'a, U>, E> {
        Ok(match self {
            Self::Nothing => Then::Nothing,
            Self::Activate(activation) => Then::Activate(activation),
            Self::Add(onto) => Then::Add(f(onto)?),
        })
    }
}

/// What can go wrong on a device.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendError {
    /// There was no memory for a tensor, or it is larger than any that the device can
    /// bind.
    #[error(
        "the device has no room for another {bytes} bytes; use a shorter prompt or a smaller model, or continue on the CPU"
    )]
    OutOfMemory {
        /// Bytes asked for: by one tensor, or on a GPU by all since it last reported.
        bytes: u64,
    },
    /// A model is refused before its first tensor, because no page could address its
    /// weights.
    #[error(
        "its weights take {} MB of memory, and the CPU can address {} MB here; take a smaller model, or a GPU with room for this one",
        .bytes / 1_000_000,
        .most / 1_000_000
    )]
    TooLarge {
        /// Of the weights, 4 for each parameter.
        bytes: u64,
        /// As many as the CPU can address, where this runs.
        most: u64,
    },
    /// The GPU is gone and does not come back; with the driver's or the browser's word
    /// for it.
    #[error("the GPU was lost ({0}); load the model again, or continue on the CPU")]
    DeviceLost(String),
    /// A GPU was asked for and none can be used.
    #[error("WebGPU is not to be had here: {why}; use the CPU")]
    Unavailable {
        /// What stands in the way.
        #[serde(serialize_with = "within")]
        why: NoGpu,
    },
    /// The GPU's answer to a known question was off by more than rounding.
    #[error(transparent)]
    Wrong(#[from] WrongNumbers),
    /// Arguments of an operation do not fit each other; nothing was computed.
    #[error("{operation}: expected {expected}, found {found}")]
    Shape {
        /// The operation that looked at them.
        #[serde(serialize_with = "text")]
        operation: Operation,
        /// What would have fitted, for people: a shape, or what lies within one.
        expected: String,
        /// What was given in its place.
        found: String,
    },
    /// An operation that candle carries out on the CPU failed.
    #[cfg(feature = "cpu")]
    #[error("candle: {}", candle::said(.0))]
    Candle(
        #[from]
        #[serde(serialize_with = "candle::text")]
        candle_core::Error,
    ),
    /// A batch is beyond what the GPU, or a kernel that counts in 32 bits, takes.
    #[error(
        "the GPU takes at most {most} {what} at once, found {found}; use shorter or fewer prompts, or continue on the CPU"
    )]
    TooMany {
        /// What there is too much of.
        what: Many,
        /// As many as are taken.
        most: u64,
        /// As many as there would be.
        found: u64,
    },
    /// WebGPU reported an error of validation, or one of its own; in its words.
    #[error("the GPU reported a fault: {0}")]
    Gpu(String),
    /// What cannot be, on any device: the program is wrong, not what it was given.
    #[error("the engine contradicts itself: {0}; please report it, with the experiment")]
    Internal(String),
}

impl Sentence for BackendError {
    fn says(&self) -> Says {
        Says::of("backend", self)
    }
}

/// What a GPU takes only so many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Many {
    /// Workgroups of one dispatch, across and down together.
    #[error("workgroups")]
    Workgroups,
    /// Sizes of a tensor, which kernels count in 32 bits.
    #[error("rows, columns or heads")]
    Sizes,
}

/// Why there is no GPU to compute with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoGpu {
    /// The browser's or the driver's word.
    #[error("{0}")]
    Refused(String),
    /// An adapter is there, but takes less than the kernels need.
    #[error("the GPU's limits are too low: expected {}", .missing.join("; expected "))]
    Limits {
        /// Each with its name, what is needed and what was found.
        missing: Vec<String>,
    },
    /// A kernel did not run at all when its answers were to be checked.
    #[error("the GPU ({device}) failed a check of its kernels ({why})")]
    Check {
        /// The adapter's name, as the browser or the driver tells it.
        device: String,
        /// What WebGPU reported.
        why: String,
    },
}

impl Sentence for NoGpu {
    fn says(&self) -> Says {
        Says::of("no_gpu", self)
    }
}

/// A GPU that does not compute what it should.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize)]
#[error(
    "the GPU ({device}) computes wrongly: its kernel {kernel} gave {found} where {expected} is right; it is not to be trusted, the CPU is"
)]
pub struct WrongNumbers {
    /// The adapter's name, as the browser or the driver tells it.
    pub device: String,
    /// Name of the kernel that was asked.
    pub kernel: &'static str,
    /// The CPU's value, the first that the GPU's differs from.
    pub expected: f32,
    /// The GPU's value there.
    pub found: f32,
}

impl Sentence for WrongNumbers {
    fn says(&self) -> Says {
        BackendError::from(self.clone()).says()
    }
}

/// What a fallible operation of a [`Backend`] gives.
pub type Result<T> = std::result::Result<T, BackendError>;
