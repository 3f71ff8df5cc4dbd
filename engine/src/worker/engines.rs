//! A model on whichever backend was chosen.

use super::BackendChoice;
use crate::backend::cpu::Cpu;
use crate::backend::gpu::{Gpu, GpuOptions};
use crate::backend::{Backend, BackendError};
use crate::experiment::{BackendInfo, Experiment, Export, File, ModelInfo, Report};
use crate::model::{Folder, Index, ModelError};
use crate::session::{Arriving, Host, Session, SessionError};

pub(super) enum Engine {
    Cpu(Box<Session<Cpu>>),
    Gpu(Box<OnGpu>),
}

impl Engine {
    pub fn model(&self) -> &ModelInfo {
        match self {
            Self::Cpu(session) => session.model(),
            Self::Gpu(on) => on.session.model(),
        }
    }

    pub fn backend(&self) -> &BackendInfo {
        match self {
            Self::Cpu(session) => session.backend(),
            Self::Gpu(on) => on.session.backend(),
        }
    }

    /// What a person should know of how the model's files were read.
    pub fn remarks(&self) -> &[String] {
        match self {
            Self::Cpu(session) => session.remarks(),
            Self::Gpu(on) => on.session.remarks(),
        }
    }

    pub async fn run(
        &mut self,
        experiment: &Experiment,
        preview: bool,
        host: &impl Host,
    ) -> Result<Report, SessionError> {
        match self {
            Self::Cpu(session) => session.run(experiment, preview, host).await,
            Self::Gpu(on) => on.session.run(experiment, preview, host).await,
        }
    }
}

impl Engine {
    pub async fn export(
        &mut self,
        experiment: &Experiment,
        what: &Export,
        host: &impl Host,
    ) -> Result<File, SessionError> {
        match self {
            Self::Cpu(session) => session.export(experiment, what, host).await,
            Self::Gpu(on) => on.session.export(experiment, what, host).await,
        }
    }
}

/// A model on its way to the backend that was chosen.
pub(super) enum Coming {
    Cpu {
        arriving: Box<Arriving<Cpu>>,
        reason: Option<String>,
    },
    Gpu(Box<ComingToGpu>),
}

pub(super) struct ComingToGpu {
    arriving: Arriving<Gpu>,
    gpu: Opened,
}

impl Coming {
    /// Reads the small files, chooses the backend and reserves room there for the
    /// weights: `Auto` takes a real GPU if there is one with room for the model,
    /// else the CPU, and says why.
    pub async fn expect(
        name: &str,
        folder: &Folder,
        choice: BackendChoice,
    ) -> Result<Self, ModelError> {
        let on_gpu = async |gpu: Opened| {
            let arriving = Arriving::expect(name, folder, gpu.0.clone())?;
            // Only now is it known whether there is room.
            arriving.settle().await?;
            // While the weights come.
            gpu.0.prepare();
            Ok(Self::Gpu(Box::new(ComingToGpu { arriving, gpu })))
        };
        let reason = match choice {
            BackendChoice::Cpu => None,
            BackendChoice::Webgpu => return on_gpu(open().await?).await,
            BackendChoice::Auto => Some(match open().await {
                Ok(gpu) if gpu.0.is_software() => format!(
                    "The CPU, because the only WebGPU adapter here ({}) is itself the CPU, which is faster without that detour.",
                    gpu.0.info().device
                ),
                Ok(gpu) => match on_gpu(gpu).await {
                    Err(ModelError::Backend(e)) => {
                        format!("The CPU, because the GPU could not take the model: {e}.")
                    }
                    coming => return coming,
                },
                Err(e) => format!("The CPU, because no GPU can be used: {e}."),
            }),
        };
        let arriving = Box::new(Arriving::expect(name, folder, Cpu)?);
        Ok(Self::Cpu { arriving, reason })
    }

    /// Expects the weights in several files, before the first of their bytes.
    pub fn expect_shards(&mut self, index: Index) -> Result<(), ModelError> {
        match self {
            Self::Cpu { arriving, .. } => arriving.expect_shards(index),
            Self::Gpu(to) => to.arriving.expect_shards(index),
        }
    }

    /// The name of the weights' file that comes now; `None` after the last one.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Cpu { arriving, .. } => arriving.file(),
            Self::Gpu(to) => to.arriving.file(),
        }
    }

    /// Ends that file; its SHA-256.
    pub fn end_file(&mut self) -> Result<String, ModelError> {
        match self {
            Self::Cpu { arriving, .. } => arriving.end_file(),
            Self::Gpu(to) => to.arriving.end_file(),
        }
    }

    /// Takes the next bytes of that file.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        match self {
            Self::Cpu { arriving, .. } => arriving.push(bytes),
            Self::Gpu(to) => to.arriving.push(bytes),
        }
    }

    /// Waits until the device has what was pushed.
    pub async fn settle(&self) -> Result<(), ModelError> {
        match self {
            Self::Cpu { arriving, .. } => arriving.settle().await,
            Self::Gpu(to) => to.arriving.settle().await,
        }
    }

    /// Bytes of the whole of that file, once its header has come.
    pub fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::Cpu { arriving, .. } => arriving.file_bytes(),
            Self::Gpu(to) => to.arriving.file_bytes(),
        }
    }

    pub fn finish(self) -> Result<Engine, ModelError> {
        match self {
            Self::Cpu { arriving, reason } => {
                let mut session = arriving.finish()?;
                session.set_reason(reason);
                Ok(Engine::Cpu(Box::new(session)))
            }
            Self::Gpu(to) => {
                let ComingToGpu { arriving, gpu } = *to;
                let mut session = arriving.finish()?;
                let device = gpu.0.info().device;
                session.set_reason(Some(match gpu.0.is_software() {
                    true => format!(
                        "WebGPU, because it was asked for, but its adapter ({device}) is itself the CPU; the CPU backend is faster."
                    ),
                    false => format!("WebGPU, because there is a GPU ({device})."),
                }));
                Ok(Engine::Gpu(Box::new(OnGpu { session, _gpu: gpu })))
            }
        }
    }
}

// In this order: the session's tensors go before the device.
pub(super) struct OnGpu {
    session: Session<Gpu>,
    _gpu: Opened,
}

/// A GPU's memory is not freed by forgetting about it.
pub(super) struct Opened(Gpu);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

async fn open() -> Result<Opened, BackendError> {
    Gpu::new(GpuOptions::default()).await.map(Opened)
}
