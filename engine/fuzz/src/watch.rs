//! One input through one target, and what that cost.

use crate::{Target, memory};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Longer than this no input may take, on any machine.
pub const MOST_TIME: Duration = Duration::from_secs(1);

/// Bytes of memory that an input may take: some for each of its own, and room for
/// what a reader needs however little it is given: an error may bring a backtrace.
#[must_use]
pub fn most_memory(input: &[u8]) -> usize {
    (64 << 20) + 256 * input.len()
}

/// What a sound input cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Whether it was taken for what it should be.
    pub taken: bool,
    /// Wall-clock time.
    pub time: Duration,
    /// Bytes of memory at most.
    pub memory: usize,
}

/// Runs the target on the input.
///
/// # Errors
/// What is wrong: a panic, or too much time or memory.
pub fn run(target: &Target, input: &[u8]) -> Result<Cost, String> {
    let mut cost = once(target, input)?;
    // A machine that had something else to do is not the input's fault.
    for _ in 0..2 {
        if cost.time > MOST_TIME {
            let again = once(target, input)?;
            cost.time = cost.time.min(again.time);
        }
    }
    let (time, memory, most) = (cost.time, cost.memory, most_memory(input));
    if time > MOST_TIME {
        return Err(format!("it took {time:?}, at most {MOST_TIME:?} is right"));
    }
    if memory > most {
        return Err(format!(
            "it took {memory} bytes of memory, at most {most} is right"
        ));
    }
    Ok(cost)
}

fn once(target: &Target, input: &[u8]) -> Result<Cost, String> {
    let start = Instant::now();
    let run = || memory::peak(|| (target.run)(input));
    let (taken, memory) = catch_unwind(AssertUnwindSafe(run)).map_err(|e| message(&*e))?;
    Ok(Cost {
        taken,
        time: start.elapsed(),
        memory,
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a message"))
}
