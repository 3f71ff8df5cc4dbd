//! A GPU has to show that it can count before it is used: what it costs, what it
//! finds, what is remembered.

use crate::gpu::{gpu, open};
use patchbay_engine::backend::gpu::{Fault, Faulty, Gpu, GpuOptions, Kernel};
use patchbay_engine::backend::{Backend, BackendError};
use patchbay_engine::device::Devices;
use pollster::block_on;
use std::time::Instant;

fn faulty(kernel: Kernel, fault: Fault) -> GpuOptions {
    GpuOptions {
        faulty: Some(Faulty { kernel, fault }),
        ..GpuOptions::default()
    }
}

#[test]
fn a_good_device_is_trusted_after_one_submission_through_every_kernel() {
    let Some(gpu) = gpu() else { return };
    let before = gpu.counters();
    let started = Instant::now();
    let difference = block_on(Devices::default().trust(&gpu)).unwrap();
    let took = started.elapsed();
    let cost = gpu.counters() - before;
    println!("{took:?}, largest difference {difference:.1e}, {cost:?}");
    assert!(difference > 0.0 && difference < 2e-5, "{difference}");
    assert_eq!(
        cost.pipelines_made,
        Kernel::ALL.len() as u64,
        "each was made to run"
    );
    assert_eq!(cost.submissions, 1);
    assert!(
        cost.dispatches < 120,
        "a hundred small ones take a GPU a millisecond"
    );
    assert!(cost.bytes_read < 1 << 19 && cost.bytes_written < 1 << 20);
    // With the pipelines there.
    let started = Instant::now();
    block_on(Devices::default().trust(&gpu)).unwrap();
    println!("the second time {:?}", started.elapsed());
}

/// Every kernel, in every way that it can be made wrong; a new kernel without a
/// question fails here.
#[test]
fn a_wrong_kernel_is_noticed_and_named() {
    if gpu().is_none() {
        return;
    }
    for kernel in Kernel::ALL {
        for Faulty { kernel, fault } in kernel.faults() {
            let gpu = open(faulty(kernel, fault));
            let name = kernel.name();
            match block_on(Devices::default().trust(&gpu)) {
                Err(BackendError::Wrong(wrong)) => {
                    assert_eq!(wrong.kernel, name, "{fault:?}");
                    assert_eq!(wrong.device, gpu.info().device);
                    println!("{fault:?}: {wrong}");
                }
                other => panic!("{name}, {fault:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_a_device_showed_is_remembered() {
    let Some(good) = gpu() else { return };
    let devices = Devices::default();
    let first = block_on(devices.trust(&good)).unwrap();
    assert_eq!(devices.refused(), None);
    // As after a device that was lost: another of the same GPU and driver.
    let again = open(GpuOptions::default());
    assert_eq!(block_on(devices.trust(&again)).unwrap(), first);
    assert_eq!(again.counters().dispatches, 0);
    let wrong = faulty(Kernel::LayerNorm, Fault::Off);
    for times in 0..2 {
        let gpu = open(wrong);
        assert_ne!(gpu.identity(), good.identity());
        let refused = block_on(devices.trust(&gpu));
        assert!(matches!(refused, Err(BackendError::Wrong(_))));
        assert_eq!(gpu.counters().dispatches == 0, times == 1);
    }
    assert_eq!(devices.refused().unwrap().kernel, "LayerNorm");
    assert!(
        block_on(devices.trust(&again)).is_ok(),
        "the other one is still good"
    );
}

/// As where a driver's compiler refuses a kernel: the CPU is offered.
#[test]
fn a_kernel_that_does_not_run_is_told() {
    if gpu().is_none() {
        return;
    }
    let gpu = open(faulty(Kernel::Mix, Fault::Unreadable));
    let devices = Devices::default();
    match block_on(devices.trust(&gpu)) {
        Err(BackendError::Unavailable { why }) => {
            assert!(why.to_string().contains(&gpu.info().device), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(devices.refused(), None, "it may be another time");
}

#[test]
fn a_device_that_is_gone_has_shown_nothing() {
    let Some(gpu) = gpu() else { return };
    let devices = Devices::default();
    gpu.destroy();
    let gone = block_on(devices.trust(&gpu));
    assert!(matches!(gone, Err(BackendError::DeviceLost(_))));
    let again: Gpu = open(GpuOptions::default());
    assert!(block_on(devices.trust(&again)).is_ok());
}
