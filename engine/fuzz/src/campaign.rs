//! Many inputs through a target, on all cores.

use crate::mutate::Mutator;
use crate::watch::{self, Cost};
use crate::{Target, corpus};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How much is to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Inputs beside the corpus.
    pub inputs: u64,
    /// No further input is begun after so long.
    pub time: Duration,
    /// The same number brings the same inputs.
    pub seed: u64,
    /// Threads that try inputs side by side.
    pub threads: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Inputs of the corpus.
    pub seeds: u64,
    /// Inputs made from them.
    pub inputs: u64,
    /// How many of both were taken for what they should be.
    pub taken: u64,
    /// Wall-clock time of all of it.
    pub elapsed: Duration,
    /// Time that one input took at most.
    pub slowest: Duration,
    /// Bytes of memory that one input took at most.
    pub memory: usize,
}

/// Why a campaign ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A target panicked, or took more time or memory than it may.
    #[error("{target}: {what}; the input is {}", file.display())]
    Fault {
        /// Its name in [`TARGETS`](crate::TARGETS).
        target: &'static str,
        /// What was wrong.
        what: String,
        /// Where the input is kept.
        file: PathBuf,
    },
    /// A corpus, or the folder for inputs that fail, cannot be used.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// The system's word.
        error: io::Error,
    },
}

impl Outcome {
    fn add(&mut self, cost: Cost) {
        self.taken += u64::from(cost.taken);
        self.slowest = self.slowest.max(cost.time);
        self.memory = self.memory.max(cost.memory);
    }

    fn join(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.inputs += other.inputs;
        self.taken += other.taken;
        self.slowest = self.slowest.max(other.slowest);
        self.memory = self.memory.max(other.memory);
    }
}

/// Runs the corpus and then inputs made from it. An input that never ends, or that
/// ends the process, is left in the folder `found` as any other that fails.
///
/// # Errors
/// [`Failure::Fault`] for the first input with which something is wrong.
pub fn run(target: &'static Target, wish: Wish) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let seeds = corpus(target).map_err(|error| failed(&crate::folder(target), error))?;
    let mutator = Mutator::new(seeds.clone(), target.longest);
    let found = crate::here("found");
    fs::create_dir_all(&found).map_err(|error| failed(&found, error))?;
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    let (send, receive) = mpsc::channel();
    let worker = |number: usize, send: Sender<Result<Outcome, Failure>>| {
        let mut desk = Desk::new(target, number)?;
        let mut outcome = Outcome::default();
        while !stop.load(Relaxed) {
            let i = next.fetch_add(1, Relaxed);
            let made;
            let input = match usize::try_from(i).ok().and_then(|i| seeds.get(i)) {
                Some(seed) => seed,
                None if i - seeds.len() as u64 >= wish.inputs || start.elapsed() > wish.time => {
                    break;
                }
                None => {
                    let mut random = StdRng::seed_from_u64(wish.seed.wrapping_add(i));
                    made = mutator.input(&mut random);
                    &made
                }
            };
            outcome.add(desk.run(input)?);
            match i < seeds.len() as u64 {
                true => outcome.seeds += 1,
                false => outcome.inputs += 1,
            }
            done.fetch_add(1, Relaxed);
        }
        desk.clear();
        // Whoever waits for it has ended with another's failure.
        let _ = send.send(Ok(outcome));
        Ok(())
    };
    thread::scope(|scope| {
        for number in 0..wish.threads {
            let send = send.clone();
            let worker = &worker;
            scope.spawn(move || {
                if let Err(e) = worker(number, send.clone()) {
                    let _ = send.send(Err(e));
                }
            });
        }
        drop(send);
        let mut all = Outcome::default();
        let mut seen = 0;
        loop {
            match receive.recv_timeout(10 * watch::MOST_TIME) {
                Ok(Ok(outcome)) => all.join(&outcome),
                Ok(Err(e)) => {
                    stop.store(true, Relaxed);
                    return Err(e);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if done.load(Relaxed) > seen => {
                    seen = done.load(Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => stuck(target, &found),
            }
        }
        all.elapsed = start.elapsed();
        Ok(all)
    })
}

/// A thread cannot be stopped, so the process ends.
fn stuck(target: &Target, found: &Path) -> ! {
    eprintln!(
        "{}: an input does not end; it is one of {}",
        target.name,
        found.join(format!("{}-*.now", target.name)).display()
    );
    std::process::exit(1)
}

fn failed(path: &Path, error: io::Error) -> Failure {
    Failure::Io {
        path: path.into(),
        error,
    }
}

/// Where a thread keeps the input that it is at: should the process end with it,
/// it is there to be looked at.
struct Desk {
    target: &'static Target,
    path: PathBuf,
    file: File,
}

impl Desk {
    fn new(target: &'static Target, number: usize) -> Result<Self, Failure> {
        let path = crate::here("found").join(format!("{}-{number}.now", target.name));
        let file = File::create(&path).map_err(|error| failed(&path, error))?;
        Ok(Self { target, path, file })
    }

    fn run(&mut self, input: &[u8]) -> Result<Cost, Failure> {
        self.keep(input).map_err(|e| failed(&self.path, e))?;
        watch::run(self.target, input).map_err(|what| {
            let file = self.path.with_extension("input");
            Failure::Fault {
                target: self.target.name,
                what,
                file: match fs::rename(&self.path, &file) {
                    Ok(()) => file,
                    Err(_) => self.path.clone(),
                },
            }
        })
    }

    fn keep(&mut self, input: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(input)
    }

    fn clear(self) {
        // Left behind it does no harm.
        let _ = fs::remove_file(self.path);
    }
}
