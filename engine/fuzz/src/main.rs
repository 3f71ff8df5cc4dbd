//! `patchbay-fuzz`: many inputs through each reader, or one again.

use clap::Parser;
use patchbay_fuzz::campaign::{self, Wish};
use patchbay_fuzz::{TARGETS, Target, watch};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Puts inputs made at random through each target, on all cores
#[derive(Parser)]
struct Asked {
    /// Readers to try; all of them when none is named
    #[arg(value_name = "TARGET", value_parser = target)]
    targets: Vec<&'static Target>,
    /// Inputs for each target
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    inputs: u64,
    /// A target ends early after so many seconds
    #[arg(long, value_name = "S", default_value_t = 3600)]
    seconds: u64,
    /// Where luck comes from: the same seed makes the same inputs
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Try this one input again, and nothing else
    #[arg(long)]
    file: Option<String>,
}

impl Asked {
    fn targets(&self) -> Vec<&'static Target> {
        match self.targets.is_empty() {
            true => TARGETS.iter().collect(),
            false => self.targets.clone(),
        }
    }
}

fn target(name: &str) -> Result<&'static Target, String> {
    let known = || {
        TARGETS
            .iter()
            .map(|t| t.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    patchbay_fuzz::target(name).ok_or_else(|| format!("it is none of {}", known()))
}

fn main() -> ExitCode {
    let asked = Asked::parse();
    let done = match &asked.file {
        Some(file) => again(&asked, file),
        None => all(&asked),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("patchbay-fuzz: {e}");
            ExitCode::FAILURE
        }
    }
}

/// One input again.
fn again(asked: &Asked, file: &str) -> Result<(), String> {
    let input = std::fs::read(file).map_err(|e| format!("{file}: {e}"))?;
    for target in asked.targets() {
        let cost = watch::run(target, &input).map_err(|e| format!("{}: {e}", target.name))?;
        println!("{}: {cost:?}", target.name);
    }
    Ok(())
}

/// A line for each target.
fn all(asked: &Asked) -> Result<(), String> {
    let wish = Wish {
        inputs: asked.inputs,
        time: Duration::from_secs(asked.seconds),
        seed: asked.seed,
        threads: thread::available_parallelism().map_or(1, usize::from),
    };
    println!(
        "{:20} {:>7} {:>9} {:>8} {:>7} {:>12} {:>11}",
        "target", "corpus", "inputs", "a second", "taken", "slowest", "most memory"
    );
    for target in asked.targets() {
        let it = campaign::run(target, wish).map_err(|e| e.to_string())?;
        let all = it.seeds + it.inputs;
        let share = 100 * it.taken / all.max(1);
        let rate = 1000 * u128::from(all) / it.elapsed.as_millis().max(1);
        println!(
            "{:20} {:>7} {:>9} {rate:>8} {share:>5} % {:>9.1} ms {:>8} KiB",
            target.name,
            it.seeds,
            it.inputs,
            1e3 * it.slowest.as_secs_f64(),
            it.memory >> 10
        );
    }
    Ok(())
}
