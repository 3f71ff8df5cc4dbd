//! What the device reports besides numbers: that it was lost, that it is full,
//! that it was asked for something it does not do.

use super::{BackendError, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Filled by the device's callbacks, which natively run on any thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Why the device is gone; it does not come back.
    lost: Option<String>,
    /// The first fault that no error scope caught.
    stray: Option<Fault>,
}

#[derive(Debug)]
enum Fault {
    OutOfMemory,
    Other(String),
}

impl Faults {
    /// Hears of everything that `device` reports.
    pub fn watch(&self, device: &wgpu::Device) {
        let faults = self.clone();
        device.set_device_lost_callback(move |reason, message| {
            let why = match message.trim_end_matches('.') {
                "" => format!("{reason:?}"),
                why => why.to_owned(),
            };
            faults.lose(why);
        });
        let faults = self.clone();
        device.on_uncaptured_error(Arc::new(move |e| {
            faults.state().stray.get_or_insert(Fault::from(e));
        }));
    }

    /// Notes that the device is gone.
    pub fn lose(&self, why: String) {
        self.state().lost.get_or_insert(why);
    }

    /// # Errors
    /// [`BackendError::DeviceLost`] when the device is gone.
    pub fn check_lost(&self) -> Result<()> {
        match &self.state().lost {
            None => Ok(()),
            Some(why) => Err(BackendError::DeviceLost(why.clone())),
        }
    }

    /// # Errors
    /// What was reported: by the scopes or outside of them; `bytes` is what was asked for since.
    pub fn check(&self, scoped: impl IntoIterator<Item = wgpu::Error>, bytes: u64) -> Result<()> {
        self.check_lost()?;
        let stray = self.state().stray.take();
        match scoped.into_iter().map(Fault::from).chain(stray).next() {
            None => Ok(()),
            Some(Fault::OutOfMemory) => Err(BackendError::OutOfMemory { bytes }),
            Some(Fault::Other(why)) => Err(BackendError::Gpu(why)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<wgpu::Error> for Fault {
    fn from(e: wgpu::Error) -> Self {
        match e {
            wgpu::Error::OutOfMemory { .. } => Self::OutOfMemory,
            wgpu::Error::Validation { description, .. }
            | wgpu::Error::Internal { description, .. } => Self::Other(description),
        }
    }
}

/// Error scopes around what is recorded between two reads. They must be popped
/// inside out, so they are declared, and dropped, in that order.
pub(super) struct Scopes {
    internal: wgpu::ErrorScopeGuard,
    validation: wgpu::ErrorScopeGuard,
    memory: wgpu::ErrorScopeGuard,
}

impl Scopes {
    pub fn open(device: &wgpu::Device) -> Self {
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        Self {
            internal,
            validation,
            memory,
        }
    }

    /// Closes them now; the future gives what they caught. Memory comes first:
    /// a buffer that could not be made makes everything after it invalid.
    pub fn close(self) -> impl Future<Output = Vec<wgpu::Error>> {
        let internal = self.internal.pop();
        let validation = self.validation.pop();
        let memory = self.memory.pop();
        async move {
            let caught = [memory.await, validation.await, internal.await];
            caught.into_iter().flatten().collect()
        }
    }
}
