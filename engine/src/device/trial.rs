//! A short trial of the GPU and the CPU with a model's own sizes, before there are
//! any weights: they are too large to be brought to both, and they come once.
//!
//! One layer with weights of no meaning stands for all of them, as deep as the model
//! is; a pass of a single row is a token written, one of a tile of rows a piece of a
//! sweep. The unembedding is left out, and engines that would share a sweep on the CPU.

use super::{PATIENCE, unless};
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::backend::gpu::Gpu;
use crate::experiment::Trial;
use crate::model::{Config, ModelError, Sample};
use serde::Serialize;
use std::fmt;

/// Rows of a piece of a sweep: a tile of the GPU's kernel for many rows.
const MANY: usize = 32;

/// Multiplications of a pass: some 30 ms on one core. A deeper model is tried with
/// fewer layers, and its time reckoned from theirs.
const WORK: u64 = 500_000_000;

/// Passes are repeated up to so many times, or for so many milliseconds.
const TIMES: usize = 5;
const ENOUGH: f64 = 15.0;

/// Lends the time of day.
pub trait Clock {
    /// Milliseconds since some moment.
    fn now(&self) -> f64;
    /// Waits for so many milliseconds.
    fn sleep(&self, milliseconds: u32) -> impl Future<Output = ()>;
}

/// How the GPU did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Faster,
    Slower,
    /// It was given up after one row: its figure is what it would take at least.
    FarSlower,
    Silent,
}

/// Tries both.
///
/// # Errors
/// When the GPU fails.
pub(super) async fn of(
    gpu: &Gpu,
    config: &Config,
    clock: &impl Clock,
) -> Result<(Outcome, Trial), ModelError> {
    let mut cpu = Timed::new(Cpu, config, clock)?;
    let on_cpu = cpu.pass(1).await? + cpu.pass(MANY).await?;
    drop(cpu);
    let trial = |gpu_ms: Option<f64>| Trial {
        cpu_ms: rounded(on_cpu),
        gpu_ms: gpu_ms.map(rounded),
    };
    let on_gpu = async {
        let mut gpu = Timed::new(gpu.clone(), config, clock)?;
        let one = gpu.pass(1).await?;
        // Many rows take no less.
        if 2.0 * one > on_cpu {
            return Ok((Outcome::FarSlower, trial(Some(2.0 * one))));
        }
        let both = one + gpu.pass(MANY).await?;
        let outcome = match both < on_cpu {
            true => Outcome::Faster,
            false => Outcome::Slower,
        };
        Ok((outcome, trial(Some(both))))
    };
    match unless(on_gpu, clock.sleep(PATIENCE)).await {
        Some(done) => done,
        None => Ok((Outcome::Silent, trial(None))),
    }
}

/// The figures, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Whether the GPU was given up, and would take at least so long.
    over: bool,
    /// Not there where it did not answer.
    gpu_ms: Option<f64>,
    device: String,
    cpu_ms: f64,
    /// How long an answer was waited for.
    patience_ms: u32,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, cpu_ms, .. } = self;
        match self.gpu_ms {
            Some(ms) if self.over => write!(f, "over {ms} ms"),
            Some(ms) => write!(f, "{ms} ms"),
            None => write!(f, "no answer within {} ms", self.patience_ms),
        }?;
        write!(f, " on the GPU ({device}), {cpu_ms} ms on the CPU")
    }
}

pub(super) fn figures(outcome: Outcome, trial: &Trial, device: &str) -> Figures {
    Figures {
        over: outcome == Outcome::FarSlower,
        gpu_ms: trial.gpu_ms,
        device: device.into(),
        cpu_ms: trial.cpu_ms,
        patience_ms: PATIENCE,
    }
}

/// To a tenth of a millisecond.
fn rounded(ms: f64) -> f64 {
    (10.0 * ms).round() / 10.0
}

struct Timed<'a, B: Backend, C> {
    b: B,
    sample: Sample<B>,
    /// Of the model.
    layers: usize,
    layer_work: u64,
    clock: &'a C,
}

impl<'a, B: Backend + Clone, C: Clock> Timed<'a, B, C> {
    fn new(b: B, config: &Config, clock: &'a C) -> Result<Self, ModelError> {
        Ok(Self {
            sample: Sample::new(&b, config, MANY)?,
            b,
            layers: config.shape.n_layer,
            layer_work: Sample::<B>::work(config),
            clock,
        })
    }

    /// Milliseconds of a pass through all layers of the model.
    async fn pass(&mut self, rows: usize) -> Result<f64, ModelError> {
        // Pipelines are made, and memory is found.
        self.sample.pass(&self.b, rows, 1).await?;
        let most = WORK / (rows as u64 * self.layer_work).max(1);
        let layers = usize::try_from(most).map_or(self.layers, |most| most.clamp(1, self.layers));
        let (began, mut shortest) = (self.clock.now(), f64::INFINITY);
        for _ in 0..TIMES {
            let before = self.clock.now();
            self.sample.pass(&self.b, rows, layers).await?;
            let after = self.clock.now();
            shortest = shortest.min(after - before);
            if after - began > ENOUGH {
                break;
            }
        }
        #[allow(clippy::cast_precision_loss)] // a number of layers
        let share = self.layers as f64 / layers as f64;
        Ok(share * shortest)
    }
}
