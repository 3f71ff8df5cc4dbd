//! Which device computes, and why: a GPU has to show that it can count, and `auto`
//! takes it where it is faster.

mod check;
mod reason;
mod trial;

use crate::backend::gpu::{Gpu, GpuOptions};
use crate::backend::{Backend, BackendError, NoGpu, Result, WrongNumbers};
use crate::experiment::Trial;
use crate::model::Config;
use crate::sentence::{Said, Sentence};
pub use reason::Reason;
use std::cell::RefCell;
use std::pin::pin;
use std::task::Poll;
pub use trial::Clock;
use trial::Outcome;

/// Milliseconds after which a GPU that does not answer is left alone. Its driver's
/// compiler may take a second of them.
const PATIENCE: u32 = 4000;

/// What the GPUs of this session have shown.
#[derive(Debug, Default)]
pub struct Devices(RefCell<Vec<(String, Verdict)>>);

/// The largest difference from the CPU's numbers, or what was wrong.
type Verdict = std::result::Result<f32, WrongNumbers>;

impl Devices {
    /// Opens the fastest GPU that there is, if it computes what the CPU does; with the
    /// largest difference.
    ///
    /// # Errors
    /// Those of [`Gpu::new`] and [`Self::trust`].
    pub async fn open(&self, options: GpuOptions) -> Result<(Opened, f32)> {
        let gpu = Gpu::new(options).await.map(Opened)?;
        let difference = self.trust(&gpu.0).await?;
        Ok((gpu, difference))
    }

    /// The largest difference of a GPU's numbers from the CPU's. It is tried once
    /// for each GPU and driver; what came of it is remembered.
    ///
    /// # Errors
    /// [`BackendError::Wrong`] when a difference is more than rounding,
    /// [`BackendError::Unavailable`] when a kernel does not run at all, and what else
    /// the device reports.
    pub async fn trust(&self, gpu: &Gpu) -> Result<f32> {
        if let Some(verdict) = self.known(gpu) {
            return Ok(verdict?);
        }
        let verdict = match check::check(gpu).await {
            Ok(difference) => Ok(difference),
            Err(BackendError::Wrong(wrong)) => Err(wrong),
            Err(BackendError::Gpu(why)) => {
                let device = gpu.info().device;
                let why = NoGpu::Check { device, why };
                return Err(BackendError::Unavailable { why });
            }
            // A device that was lost or full has not shown anything.
            Err(e) => return Err(e),
        };
        let mut seen = self.0.borrow_mut();
        seen.push((gpu.identity(), verdict.clone()));
        Ok(verdict?)
    }

    fn known(&self, gpu: &Gpu) -> Option<Verdict> {
        let identity = gpu.identity();
        let seen = self.0.borrow();
        let known = seen.iter().find(|(other, _)| *other == identity);
        known.map(|(_, verdict)| verdict.clone())
    }

    /// The GPU that was refused, where one was.
    #[must_use]
    pub fn refused(&self) -> Option<WrongNumbers> {
        let seen = self.0.borrow();
        seen.iter().rev().find_map(|(_, v)| v.clone().err())
    }

    /// Chooses a device for a model: the GPU where it is faster in a trial with the
    /// model's own sizes, and computes what it should; else the CPU.
    pub async fn choose(&self, options: GpuOptions, config: &Config, clock: &impl Clock) -> Choice {
        let gpu = match Gpu::new(options).await {
            Ok(gpu) => Opened(gpu),
            Err(fault) => return Choice::cpu(&Reason::NoGpu { fault }),
        };
        if let Some(Err(wrong)) = self.known(&gpu.0) {
            let fault = wrong.into();
            return Choice::cpu(&Reason::Failed { fault });
        }
        let (outcome, trial) = match trial::of(&gpu.0, config, clock).await {
            Ok(done) => done,
            Err(fault) => return Choice::cpu(&Reason::NotTried { fault }),
        };
        let device = gpu.0.info().device;
        let figures = trial::figures(outcome, &trial, &device);
        if outcome != Outcome::Faster {
            return Choice {
                trial: Some(trial),
                ..Choice::cpu(&Reason::NotFaster { figures })
            };
        }
        match unless(self.trust(&gpu.0), clock.sleep(PATIENCE)).await {
            Some(Ok(difference)) => Choice {
                reason: Reason::Faster {
                    figures,
                    difference,
                }
                .said(),
                gpu: Some(gpu),
                trial: Some(trial),
            },
            Some(Err(fault)) => Choice {
                trial: Some(trial),
                ..Choice::cpu(&Reason::Failed { fault })
            },
            None => Choice::cpu(&Reason::Silent { device }),
        }
    }
}

/// What a device was chosen for.
pub struct Choice {
    /// `None`: the CPU.
    pub gpu: Option<Opened>,
    /// Why this device and not the other, as sentences.
    pub reason: Said,
    /// How fast both were; `None` where no trial came to an end, or where the GPU fell
    /// silent after it.
    pub trial: Option<Trial>,
}

impl Choice {
    fn cpu(because: &Reason) -> Self {
        Self {
            gpu: None,
            reason: because.said(),
            trial: None,
        }
    }
}

/// A GPU that is given back when dropped: its memory is not freed by forgetting about it.
pub struct Opened(pub Gpu);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

/// What `work` comes to, unless `end` comes first.
async fn unless<T>(work: impl Future<Output = T>, end: impl Future) -> Option<T> {
    let (mut work, mut end) = (pin!(work), pin!(end));
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => end.as_mut().poll(context).map(|_| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;
    use std::future::{pending, ready};

    #[test]
    fn nobody_waits_for_ever() {
        assert_eq!(block_on(unless(ready(1), pending::<()>())), Some(1));
        assert_eq!(block_on(unless(pending::<i32>(), ready(()))), None);
        assert_eq!(block_on(unless(ready(1), ready(()))), Some(1));
    }
}
