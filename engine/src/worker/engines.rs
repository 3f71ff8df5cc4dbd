//! A model on whichever backend was chosen.

use super::BackendChoice;
use crate::backend::cpu::Cpu;
use crate::backend::gpu::{Gpu, GpuOptions};
use crate::backend::{Backend, BackendError};
use crate::experiment::{BackendInfo, Experiment, ModelInfo, Report};
use crate::model::{Files, ModelError};
use crate::session::{Host, Session, SessionError};

pub(super) enum Engine {
    Cpu(Box<Session<Cpu>>),
    Gpu(Box<OnGpu>),
}

impl Engine {
    /// Puts the model where it is wanted. `Auto` takes a real GPU if there is
    /// one with room for the model, else the CPU, and says why.
    pub async fn load(
        name: &str,
        files: &Files,
        choice: BackendChoice,
    ) -> Result<Self, ModelError> {
        match choice {
            BackendChoice::Cpu => on_cpu(name, files, None),
            BackendChoice::Webgpu => on_gpu(name, files, open().await?).await,
            BackendChoice::Auto => {
                let reason = match open().await {
                    Ok(gpu) if gpu.is_software() => {
                        gpu.destroy();
                        format!(
                            "The CPU, because the only WebGPU adapter here ({}) is itself the CPU, which is faster without that detour.",
                            gpu.info().device
                        )
                    }
                    Ok(gpu) => match on_gpu(name, files, gpu).await {
                        Err(ModelError::Backend(e)) => {
                            format!("The CPU, because the GPU could not take the model: {e}.")
                        }
                        loaded => return loaded,
                    },
                    Err(e) => format!("The CPU, because no GPU can be used: {e}."),
                };
                on_cpu(name, files, Some(reason))
            }
        }
    }

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

fn on_cpu(name: &str, files: &Files, reason: Option<String>) -> Result<Engine, ModelError> {
    let mut session = Session::load(name, files, Cpu)?;
    session.set_reason(reason);
    Ok(Engine::Cpu(Box::new(session)))
}

pub(super) struct OnGpu {
    session: Session<Gpu>,
    gpu: Gpu,
}

/// A GPU's memory is not freed by forgetting about it.
impl Drop for OnGpu {
    fn drop(&mut self) {
        self.gpu.destroy();
    }
}

async fn open() -> Result<Gpu, BackendError> {
    Gpu::new(GpuOptions::default()).await
}

async fn on_gpu(name: &str, files: &Files, gpu: Gpu) -> Result<Engine, ModelError> {
    let loaded = match Session::load(name, files, gpu.clone()) {
        // Only now is it known whether there was room.
        Ok(session) => gpu.settle().await.map(|()| session).map_err(Into::into),
        Err(e) => Err(e),
    };
    let mut session = match loaded {
        Ok(session) => session,
        Err(e) => {
            gpu.destroy();
            return Err(e);
        }
    };
    let device = gpu.info().device;
    session.set_reason(Some(match gpu.is_software() {
        true => format!(
            "WebGPU, because it was asked for, but its adapter ({device}) is itself the CPU; the CPU backend is faster."
        ),
        false => format!("WebGPU, because there is a GPU ({device})."),
    }));
    Ok(Engine::Gpu(Box::new(OnGpu { session, gpu })))
}
