//! The GPU: one `.wgsl` file a kernel, with what several have in common in `shared`.
//! Each has a twin in `cpu`, which its head names, and is tested against it. In the
//! browser through its WebGPU, natively through Vulkan.
//!
//! Everything is f32. Operations are recorded and run in order; [`Backend::read`]
//! hands the queue what is recorded, waits, and reports what went wrong since
//! the last read. Buffers are used again as soon as their tensor is dropped,
//! which is safe because commands run in the order in which they were recorded.

mod attention;
mod backward;
mod buffers;
mod calls;
mod edit;
mod elements;
mod faults;
mod faulty;
mod kernels;
mod layer_norm;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod names;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod nudges;
mod open;
mod pool;
mod products;
mod read;
mod recorder;
mod reduce;
mod rows;
#[cfg(test)]
mod shaders;
mod tensor;

pub use faulty::{Fault, Faulty};
pub use kernels::Kernel;
pub use open::GpuOptions;
pub use tensor::{Table, Tensor};

use super::{Backend, BackendError, Operation, Result, Rule, Then};
use crate::experiment::{BackendInfo, Counters};
use crate::rows::{RowEdit, SeenBy, SlotTable};
use patchbay_kernels::Activation;
use pool::Pool;
use recorder::Recorder;
use std::ops::Range;
use std::rc::Rc;

/// The WebGPU backend; a cheap handle.
#[derive(Clone)]
pub struct Gpu(Rc<Inner>);

struct Inner {
    recorder: Recorder,
    info: wgpu::AdapterInfo,
    max_tensor_bytes: u64,
    faulty: Option<Faulty>,
}

impl Gpu {
    /// Opens the fastest adapter there is.
    ///
    /// # Errors
    /// [`BackendError::Unavailable`] when there is none, or it can do too little.
    pub async fn new(options: GpuOptions) -> Result<Self> {
        Self::in_lines(options, u32::MAX).await
    }

    /// Like [`Gpu::new`], with at most `across` workgroups side by side, though the
    /// device takes more; the others go into further lines of the same dispatch.
    ///
    /// # Errors
    /// Those of [`Gpu::new`].
    pub async fn in_lines(options: GpuOptions, across: u32) -> Result<Self> {
        let opened = open::open().await?;
        let pool = Pool::new(opened.device.clone(), opened.faults.clone(), opened.largest);
        let max_tensor_bytes = options.max_tensor_bytes.unwrap_or(u64::MAX);
        let software = opened.info.device_type == wgpu::DeviceType::Cpu;
        let mut recorder = Recorder::new(
            opened.device,
            opened.queue,
            opened.faults,
            pool,
            software,
            options.faulty,
        );
        recorder.narrow(across);
        Ok(Self(Rc::new(Inner {
            recorder,
            info: opened.info,
            max_tensor_bytes: opened.largest.min(max_tensor_bytes),
            faulty: options.faulty,
        })))
    }

    /// Whether the adapter is the CPU in disguise: the CPU backend is then over
    /// ten times faster.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.0.info.device_type == wgpu::DeviceType::Cpu
    }

    /// What tells this GPU and its driver from others, as far as they are told.
    #[must_use]
    pub fn identity(&self) -> String {
        let wgpu::AdapterInfo {
            name,
            vendor,
            device,
            driver,
            driver_info,
            ..
        } = &self.0.info;
        let faulty = self.0.faulty;
        format!("{name}, {vendor}:{device}, {driver} {driver_info}, {faulty:?}")
    }

    /// Has the kernels compiled that runs will need, beside this program where the
    /// browser does: call it when the device has been chosen, before weights come.
    pub fn prepare(&self) {
        self.0.recorder.kernels.prepare();
    }

    /// Gives the device back. Everything after is [`BackendError::DeviceLost`].
    pub fn destroy(&self) {
        self.0.recorder.faults.lose("it was given back".into());
        self.0.recorder.device.destroy();
    }
}

impl Backend for Gpu {
    type Tensor = Tensor;
    type Table = Table;

    fn info(&self) -> BackendInfo {
        let info = &self.0.info;
        // Browsers may name nothing but the maker.
        let name = match (info.name.as_str(), info.driver.as_str()) {
            ("", "") => "unnamed GPU",
            ("", driver) => driver,
            (name, _) => name,
        };
        let software = if self.is_software() {
            ", in software"
        } else {
            ""
        };
        BackendInfo {
            name: "webgpu".into(),
            device: format!("{name}{software}"),
            reason: None,
            says: None,
            trial: None,
        }
    }

    fn max_tensor_bytes(&self) -> u64 {
        self.0.max_tensor_bytes
    }

    fn shape(&self, x: &Tensor) -> [usize; 2] {
        x.shape()
    }

    fn upload(&self, shape: [usize; 2], values: &[f32]) -> Result<Tensor> {
        buffers::upload(self, shape, values)
    }

    fn zeros(&self, shape: [usize; 2]) -> Result<Tensor> {
        buffers::zeros(self, shape)
    }

    fn reserve(&self, shape: [usize; 2]) -> Result<Tensor> {
        buffers::reserve(self, shape)
    }

    fn fill(&self, into: &Tensor, first_row: usize, values: &[f32]) -> Result<()> {
        buffers::fill(self, into, first_row, values)
    }

    async fn settle(&self) -> Result<()> {
        let nothing = buffers::zeros(self, [1, 1])?;
        self.read_each(&[&nothing]).await.map(drop)
    }

    async fn read_all(&self, xs: &[&Tensor]) -> Result<Vec<Vec<f32>>> {
        self.read_each(xs).await
    }

    fn counters(&self) -> Counters {
        self.0.recorder.counters()
    }

    fn even_out(&self, elements: usize) {
        self.0.recorder.pool.even_out(4 * elements as u64);
    }

    fn columns(&self, x: &Tensor, columns: Range<usize>) -> Result<Tensor> {
        x.view(columns)
    }

    fn gather(&self, x: &Tensor, rows: &[u32]) -> Result<Tensor> {
        rows::gather(self, x, rows)
    }

    fn scatter(&self, into: &Tensor, rows: &[u32], x: &Tensor) -> Result<()> {
        rows::scatter(self, into, rows, x)
    }

    fn scatter_pair(&self, into: [&Tensor; 2], rows: &[u32], xs: [&Tensor; 2]) -> Result<()> {
        rows::scatter_pair(self, into, rows, xs)
    }

    fn join(&self, a: &Tensor, a_rows: &[u32], b: &Tensor, b_rows: &[u32]) -> Result<Tensor> {
        rows::join(self, (a, a_rows), (b, b_rows))
    }

    fn sum_rows(&self, a: &Tensor, a_rows: &[u32], b: &Tensor, b_rows: &[u32]) -> Result<Tensor> {
        rows::sum_rows(self, (a, a_rows), (b, b_rows))
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        elements::add(self, a, b)
    }

    fn layer_norm(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        epsilon: f32,
    ) -> Result<Tensor> {
        layer_norm::layer_norm(self, x, weight, bias, epsilon)
    }

    fn linear(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        then: Then<Tensor>,
    ) -> Result<Tensor> {
        products::linear(self, x, weight, bias, then)
    }

    fn unembed(&self, x: &Tensor, wte: &Tensor) -> Result<Tensor> {
        products::unembed(self, x, wte)
    }

    fn activate(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        elements::activate(self, x, activation)
    }

    fn upload_table(&self, table: &SlotTable) -> Result<Table> {
        attention::upload_table(self, table)
    }

    fn pattern(
        &self,
        q: &Tensor,
        k: &Tensor,
        kept_k: &Tensor,
        table: &Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Tensor> {
        attention::pattern(self, q, [k, kept_k], table, n_head, scale)
    }

    fn mix(
        &self,
        pattern: &Tensor,
        v: &Tensor,
        kept_v: &Tensor,
        table: &Table,
        n_head: usize,
    ) -> Result<Tensor> {
        attention::mix(self, pattern, [v, kept_v], table, n_head)
    }

    fn attend(
        &self,
        q: &Tensor,
        k: [&Tensor; 2],
        v: [&Tensor; 2],
        table: &Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Tensor> {
        attention::attend(self, q, k, v, table, n_head, scale)
    }

    fn edit(&self, x: Tensor, edits: &[RowEdit], source: Option<&Tensor>) -> Result<Tensor> {
        edit::edit(self, x, edits, source)
    }

    fn log_sum_exp(&self, x: &Tensor) -> Result<Tensor> {
        reduce::log_sum_exp(self, x)
    }

    fn top_k(&self, x: &Tensor, k: usize) -> Result<Tensor> {
        reduce::top_k(self, x, k)
    }

    fn layer_norm_back(
        &self,
        dy: &Tensor,
        x: &Tensor,
        weight: &Tensor,
        epsilon: f32,
        rule: Rule,
    ) -> Result<Tensor> {
        backward::layer_norm_back(self, dy, x, weight, epsilon, rule)
    }

    fn activate_back(
        &self,
        dy: &Tensor,
        x: &Tensor,
        activation: Activation,
        rule: Rule,
    ) -> Result<Tensor> {
        backward::activate_back(self, dy, x, activation, rule)
    }

    fn scores(
        &self,
        q: &Tensor,
        k: &Tensor,
        kept_k: &Tensor,
        table: &Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Tensor> {
        attention::scores(self, q, [k, kept_k], table, n_head, scale)
    }

    fn softmax_back(
        &self,
        dy: &Tensor,
        pattern: &Tensor,
        n_head: usize,
        scale: f32,
    ) -> Result<Tensor> {
        backward::softmax_back(self, dy, pattern, n_head, scale)
    }

    fn mix_back(
        &self,
        weights: &Tensor,
        x: &Tensor,
        seen_by: &SeenBy,
        n_head: usize,
    ) -> Result<Tensor> {
        backward::mix_back(self, weights, x, seen_by, n_head)
    }
}
