//! Nothing is left behind: an allocator that counts says so, of sweeps in a row
//! and of sweeps that were stopped.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Listener, Oracle, experiment, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{Experiment, Mode, Site, Sweep, Update};
use patchbay_engine::model::{Cancelled, ModelError};
use patchbay_engine::session::{Host, Session, SessionError};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicIsize, Ordering};

/// Bytes allocated and not freed, by this whole program.
static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The tests count all there is, so they run one at a time.
static ALONE: Mutex<()> = Mutex::new(());

struct Counting;

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let at = unsafe { System.alloc(layout) };
        if !at.is_null() {
            LIVE.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        }
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) };
        LIVE.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What may differ between two sweeps: the engine keeps the last one's report,
/// and the thread pools and channels below it grow by some entries now and then.
const SLACK: isize = 16 << 10;

fn live() -> isize {
    LIVE.load(Ordering::Relaxed)
}

/// A host that stops what it asked for after so many breaths.
struct Impatient(Cell<usize>);

impl Host for Impatient {
    fn update(&self, _: Update) {}

    fn now(&self) -> f64 {
        0.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        match self.0.get() {
            0 => Err(Cancelled),
            left => {
                self.0.set(left - 1);
                Ok(())
            }
        }
    }
}

fn sweep(case: &serde_json::Value, site: Site, mode: Mode) -> Experiment {
    Experiment {
        sweeps: vec![Sweep::of(site, mode)],
        ..experiment(case)
    }
}

fn run(session: &mut Session<Cpu>, experiment: &Experiment) {
    let report = pollster::block_on(session.run(experiment, false, &Listener::default())).unwrap();
    assert!(!report.sweeps.is_empty());
}

#[test]
fn two_hundred_sweeps_end_where_they_began() {
    let _alone = ALONE.lock();
    let oracle = Oracle::of("bare");
    let mut session = session("bare", Cpu);
    // The same sites come round in each ten, so that each measure is of the same state.
    let mut seen = Vec::new();
    for round in 0..20 {
        for i in 0..10 {
            // Another experiment each time: the engine remembers the last sweep.
            let mode = [Mode::Denoising, Mode::Noising][i % 2];
            let site = common::SWEPT[i % common::SWEPT.len()];
            run(&mut session, &sweep(&oracle.cases()[round % 2], site, mode));
        }
        session.forget();
        assert_eq!(session.slots().in_use(), 0, "slots left behind");
        seen.push(live());
    }
    println!("live bytes after each ten sweeps: {seen:?}");
    // From the middle: a thread's first product makes its scratch, which stays.
    let grown = seen[19] - seen[9];
    assert!(grown.abs() <= SLACK, "100 sweeps left {grown} bytes");
}

#[test]
fn a_sweep_that_is_stopped_leaves_nothing() {
    let _alone = ALONE.lock();
    let oracle = Oracle::of("deep");
    let mut session = session("deep", Cpu);
    let wanted = sweep(&oracle.cases()[0], Site::Z, Mode::Denoising);
    let other = sweep(&oracle.cases()[1], Site::Z, Mode::Denoising);
    let mut stopped = 0;
    // Again and again: a thread's first product makes its scratch, which stays.
    let mut seen = Vec::new();
    for _ in 0..20 {
        stopped = 0;
        loop {
            // Another one in between, or the engine would remember the sweep.
            run(&mut session, &other);
            let host = Impatient(Cell::new(stopped));
            match pollster::block_on(session.run(&wanted, false, &host)) {
                Err(SessionError::Model(ModelError::Cancelled)) => {}
                Err(e) => panic!("{e}"),
                Ok(_) => break,
            }
            session.forget();
            assert_eq!(session.slots().in_use(), 0, "slots left behind");
            stopped += 1;
        }
        seen.push(live());
    }
    println!("live bytes after each round of stops: {seen:?}");
    let grown = seen[19] - seen[9];
    assert!(
        grown.abs() <= SLACK,
        "ten rounds of stops left {grown} bytes"
    );
    println!("stopped at each of {stopped} breaths");
    assert!(stopped > 5, "too few breaths to stop it anywhere");
}
