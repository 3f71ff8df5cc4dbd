//! Finding a GPU.

use super::calls::MOST_BINDINGS;
use super::faults::Faults;
use super::faulty::Faulty;
use super::{BackendError, Result};
use crate::backend::NoGpu;

/// What to ask of a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Split embeddings into pieces of at most so many bytes, though the device
    /// could bind larger ones.
    pub max_tensor_bytes: Option<u64>,
    /// For tests: a kernel that is to be wrong.
    pub faulty: Option<Faulty>,
}

pub(super) struct Opened {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: wgpu::AdapterInfo,
    pub faults: Faults,
    /// Largest buffer that can be bound whole.
    pub largest: u64,
}

/// Kernels count elements in 32 bits; no model here comes near.
const LARGEST: u64 = 2 << 30;

/// # Errors
/// [`BackendError::Unavailable`], saying what is missing.
pub(super) async fn open() -> Result<Opened> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter = instance
        .request_adapter(&options)
        .await
        .map_err(|e| match e {
            // What it would list are drivers, and which of them this build left out.
            wgpu::RequestAdapterError::NotFound { .. } => unavailable("no GPU was found"),
            e => unavailable(e),
        })?;
    let limits = limits(&adapter.limits())?;
    let largest = limits
        .max_storage_buffer_binding_size
        .min(limits.max_buffer_size);
    let descriptor = wgpu::DeviceDescriptor {
        required_limits: limits,
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(unavailable)?;
    let faults = Faults::default();
    faults.watch(&device);
    #[allow(unused_mut)]
    let mut info = adapter.get_info();
    #[cfg(all(target_arch = "wasm32", feature = "worker"))]
    if info.name.is_empty() {
        info.name = super::names::of_adapter().await.unwrap_or_default();
    }
    Ok(Opened {
        device,
        queue,
        info,
        faults,
        largest: largest / 4 * 4,
    })
}

fn unavailable(e: impl std::fmt::Display) -> BackendError {
    let why = NoGpu::Refused(e.to_string().trim_end_matches('.').to_owned());
    BackendError::Unavailable { why }
}

/// The limits to ask for, no higher than what the adapter `has`.
fn limits(has: &wgpu::Limits) -> Result<wgpu::Limits> {
    let mut wanted = wgpu::Limits::downlevel_defaults();
    wanted.max_storage_buffers_per_shader_stage = MOST_BINDINGS as u32;
    wanted.max_storage_buffer_binding_size = has.max_storage_buffer_binding_size.min(LARGEST);
    wanted.max_buffer_size = has.max_buffer_size.min(LARGEST);
    let mut missing = Vec::new();
    wanted.check_limits_with_fail_fn(has, false, |name, wanted, has| {
        missing.push(format!("{name} {wanted}, found {has}"));
    });
    match missing.is_empty() {
        true => Ok(wanted),
        false => Err(BackendError::Unavailable {
            why: NoGpu::Limits { missing },
        }),
    }
}
