//! A model on whichever backend was chosen.

use crate::backend::cpu::Cpu;
use crate::backend::gpu::{Fault, Faulty, Gpu, GpuOptions, Kernel};
use crate::backend::{Backend, BackendError};
use crate::device::{Choice, Clock, Devices, Opened, Reason};
use crate::experiment::{BackendInfo, Experiment, Export, File, ModelInfo, Report, Trial};
use crate::model::folder::CONFIG;
use crate::model::{Config, Folder, FolderError, Index, ModelError, ModelRemark};
use crate::protocol::BackendChoice;
use crate::sentence::{Said, Sentence};
use crate::session::{Arriving, Host, Session, SessionError};
use gloo_timers::future::TimeoutFuture;
use web_sys::Performance;

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
    pub fn remarks(&self) -> &[ModelRemark] {
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
    Cpu(Box<Arriving<Cpu>>, Why),
    Gpu(Box<ComingToGpu>, Why),
}

pub(super) struct ComingToGpu {
    arriving: Arriving<Gpu>,
    gpu: Opened,
}

/// Why a backend was chosen, and the trial's figures where there was one.
type Why = (Option<Said>, Option<Trial>);

/// What a model is to run on.
#[derive(Clone, Copy)]
pub(super) struct On<'a> {
    pub choice: BackendChoice,
    /// A kernel that is to be wrong, for tests.
    pub faulty: Option<&'a str>,
    pub devices: &'a Devices,
    pub clock: &'a Performance,
}

impl Clock for On<'_> {
    fn now(&self) -> f64 {
        self.clock.now()
    }

    async fn sleep(&self, milliseconds: u32) {
        TimeoutFuture::new(milliseconds).await;
    }
}

impl On<'_> {
    fn options(&self) -> Result<GpuOptions, BackendError> {
        let unknown = |name| BackendError::Internal(format!("there is no kernel {name}"));
        let kernel = |name| Kernel::named(name).ok_or_else(|| unknown(name));
        let fault = Fault::Off;
        let faulty = |name| kernel(name).map(|kernel| Faulty { kernel, fault });
        Ok(GpuOptions {
            faulty: self.faulty.map(faulty).transpose()?,
            ..GpuOptions::default()
        })
    }

    /// The GPU, where it is to be had and has shown that it computes what it should.
    async fn gpu(&self) -> Result<(Opened, Why), BackendError> {
        let (gpu, difference) = self.devices.open(self.options()?).await?;
        let device = gpu.0.info().device;
        let why = match gpu.0.is_software() {
            true => Reason::AskedForInSoftware { device, difference },
            false => Reason::AskedFor { device, difference },
        };
        Ok((gpu, (Some(why.said()), None)))
    }
}

impl Coming {
    /// Reads the small files, chooses the backend and reserves room there for the
    /// weights: `Auto` takes the GPU where it is faster and has room for the model,
    /// else the CPU, and says why.
    pub async fn expect(name: &str, folder: &Folder, on: &On<'_>) -> Result<Self, ModelError> {
        let on_gpu = async |gpu: Opened, why: Why| {
            let arriving = Arriving::expect(name, folder, gpu.0.clone())?;
            // Only now is it known whether there is room.
            arriving.settle().await?;
            // While the weights come.
            gpu.0.prepare();
            Ok(Self::Gpu(Box::new(ComingToGpu { arriving, gpu }), why))
        };
        let why = match on.choice {
            // What was refused stays visible.
            BackendChoice::Cpu => {
                let refused = on.devices.refused();
                let why = refused.map(|fault| Reason::Refused { fault }.said());
                (why, None)
            }
            BackendChoice::Webgpu => {
                let (gpu, why) = on.gpu().await?;
                return on_gpu(gpu, why).await;
            }
            BackendChoice::Auto => {
                let config = Config::from_json(folder.get(CONFIG).ok_or(FolderError::Config)?)?;
                let Choice { gpu, reason, trial } =
                    on.devices.choose(on.options()?, &config, on).await;
                let reason = match gpu {
                    None => reason,
                    Some(gpu) => match on_gpu(gpu, (Some(reason), trial)).await {
                        Err(ModelError::Backend(fault)) => Reason::NoRoom { fault }.said(),
                        coming => return coming,
                    },
                };
                (Some(reason), trial)
            }
        };
        let arriving = Box::new(Arriving::expect(name, folder, Cpu)?);
        Ok(Self::Cpu(arriving, why))
    }

    /// Expects the weights in several files, before the first of their bytes.
    pub fn expect_shards(&mut self, index: Index) -> Result<(), ModelError> {
        match self {
            Self::Cpu(arriving, _) => arriving.expect_shards(index),
            Self::Gpu(to, _) => to.arriving.expect_shards(index),
        }
    }

    /// The name of the weights' file that comes now; `None` after the last one.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Cpu(arriving, _) => arriving.file(),
            Self::Gpu(to, _) => to.arriving.file(),
        }
    }

    /// Ends that file; its SHA-256.
    pub fn end_file(&mut self) -> Result<String, ModelError> {
        match self {
            Self::Cpu(arriving, _) => arriving.end_file(),
            Self::Gpu(to, _) => to.arriving.end_file(),
        }
    }

    /// Takes the next bytes of that file.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        match self {
            Self::Cpu(arriving, _) => arriving.push(bytes),
            Self::Gpu(to, _) => to.arriving.push(bytes),
        }
    }

    /// Waits until the device has what was pushed.
    pub async fn settle(&self) -> Result<(), ModelError> {
        match self {
            Self::Cpu(arriving, _) => arriving.settle().await,
            Self::Gpu(to, _) => to.arriving.settle().await,
        }
    }

    /// Bytes of the whole of that file, once its header has come.
    pub fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::Cpu(arriving, _) => arriving.file_bytes(),
            Self::Gpu(to, _) => to.arriving.file_bytes(),
        }
    }

    pub fn finish(self) -> Result<Engine, ModelError> {
        match self {
            Self::Cpu(arriving, (reason, trial)) => {
                let mut session = arriving.finish()?;
                session.set_reason(reason, trial);
                Ok(Engine::Cpu(Box::new(session)))
            }
            Self::Gpu(to, (reason, trial)) => {
                let ComingToGpu { arriving, gpu } = *to;
                let mut session = arriving.finish()?;
                session.set_reason(reason, trial);
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
