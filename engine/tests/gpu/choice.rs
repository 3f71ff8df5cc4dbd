//! What `auto` chooses, by which figures.

use crate::common::files;
use crate::gpu::gpu;
use patchbay_engine::backend::gpu::{Fault, Faulty, GpuOptions, Kernel};
use patchbay_engine::device::{Choice, Clock, Devices};
use patchbay_engine::model::Config;
use pollster::block_on;
use std::cell::Cell;
use std::time::Instant;

/// A day's real time, or one of a test's making.
struct Time {
    started: Instant,
    /// Milliseconds between a look at the clock and the next, and what each such
    /// span is of the one before.
    spans: Option<Cell<(f64, f64)>>,
    told: Cell<f64>,
}

impl Time {
    fn real() -> Self {
        Self {
            started: Instant::now(),
            spans: None,
            told: Cell::new(0.0),
        }
    }

    /// Spans of time that grow or shrink, whatever happens in them.
    fn made(first: f64, factor: f64) -> Self {
        Self {
            spans: Some(Cell::new((first, factor))),
            ..Self::real()
        }
    }
}

impl Clock for Time {
    fn now(&self) -> f64 {
        let Some(spans) = &self.spans else {
            return self.started.elapsed().as_secs_f64() * 1e3;
        };
        let (span, factor) = spans.get();
        spans.set((span * factor, factor));
        self.told.set(self.told.get() + span);
        self.told.get()
    }

    async fn sleep(&self, _: u32) {
        // Natively a device is waited for in one go.
        std::future::pending().await
    }
}

fn config(name: &str) -> Config {
    Config::from_json(&files(name).config).unwrap()
}

/// GPT-2 small's sizes.
fn small() -> Config {
    let json = br#"{"vocab_size":50257,"n_layer":12,"n_head":12,"n_embd":768,"n_positions":1024}"#;
    Config::from_json(json).unwrap()
}

fn choose(config: &Config, faulty: Option<Faulty>, time: &Time) -> (Choice, Devices) {
    let devices = Devices::default();
    let options = GpuOptions {
        faulty,
        ..GpuOptions::default()
    };
    let choice = block_on(devices.choose(options, config, time));
    println!("{}", choice.reason.message);
    (choice, devices)
}

#[test]
fn the_faster_one_is_taken_and_the_figures_are_told() {
    if gpu().is_none() {
        return;
    }
    let (fast, _) = choose(&config("mini"), None, &Time::made(64.0, 0.9));
    let trial = fast.trial.unwrap();
    let gpu_ms = trial.gpu_ms.unwrap();
    assert!(gpu_ms < trial.cpu_ms);
    assert!(fast.gpu.is_some());
    let figures = format!("{gpu_ms} ms on the GPU (");
    assert!(
        fast.reason
            .message
            .starts_with("WebGPU, because it was faster")
    );
    assert!(
        fast.reason.message.contains(&figures),
        "{}",
        fast.reason.message
    );
    assert!(fast.reason.message.contains("checked against the CPU's"));

    // As far as the clock tells, both take as long; without a difference it is the CPU.
    let (slow, _) = choose(&config("mini"), None, &Time::made(64.0, 1.0));
    let trial = slow.trial.unwrap();
    assert_eq!(trial.gpu_ms, Some(trial.cpu_ms));
    assert!(slow.gpu.is_none());
    assert!(
        slow.reason
            .message
            .starts_with("The CPU, because the GPU was not faster")
    );
    assert!(
        !slow.reason.message.contains("over "),
        "{}",
        slow.reason.message
    );
    assert!(
        slow.reason
            .message
            .contains(&format!("{} ms on the CPU", trial.cpu_ms))
    );
}

#[test]
fn one_that_is_far_slower_is_given_up() {
    if gpu().is_none() {
        return;
    }
    let (choice, devices) = choose(&small(), None, &Time::made(1.0, 1.5));
    let trial = choice.trial.unwrap();
    assert!(choice.gpu.is_none());
    assert!(
        choice.reason.message.contains("over "),
        "{}",
        choice.reason.message
    );
    assert!(trial.gpu_ms.unwrap() > trial.cpu_ms);
    assert_eq!(devices.refused(), None);
}

/// An adapter in software loses by its numbers, soon.
#[test]
fn a_software_adapter_loses_by_its_numbers() {
    let Some(gpu) = gpu() else { return };
    for config in [config("mini"), small()] {
        let started = Instant::now();
        let (choice, _) = choose(&config, None, &Time::real());
        println!("{:?}", started.elapsed());
        if gpu.is_software() {
            assert!(choice.gpu.is_none(), "{}", choice.reason.message);
        }
    }
}

#[test]
fn one_that_computes_wrongly_is_refused_though_it_is_faster() {
    if gpu().is_none() {
        return;
    }
    let faulty = Faulty {
        kernel: Kernel::Attend,
        fault: Fault::Off,
    };
    let (choice, devices) = choose(&config("mini"), Some(faulty), &Time::made(64.0, 0.9));
    assert!(choice.gpu.is_none());
    let wrong = devices.refused().unwrap();
    assert_eq!(wrong.kernel, "Attend");
    assert_eq!(choice.reason.message, format!("The CPU, because {wrong}."));
    assert!(choice.reason.message.contains(&wrong.device));
    assert!(choice.trial.is_some());
    // It is not tried again.
    let options = GpuOptions {
        faulty: Some(faulty),
        ..GpuOptions::default()
    };
    let again = block_on(devices.choose(options, &config("mini"), &Time::real()));
    assert_eq!(again.reason.message, choice.reason.message);
    assert!(again.trial.is_none());
}
