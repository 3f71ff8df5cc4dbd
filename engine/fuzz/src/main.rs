//! `patchbay-fuzz [TARGET...] [--inputs N] [--seconds S] [--seed N]`: so many
//! inputs through each target, on all cores. `patchbay-fuzz TARGET --file FILE`
//! tries one again.

use patchbay_fuzz::campaign::{self, Wish};
use patchbay_fuzz::{TARGETS, Target, watch};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

struct Asked {
    targets: Vec<&'static Target>,
    file: Option<String>,
    wish: Wish,
}

fn main() -> ExitCode {
    let done = asked(std::env::args().skip(1)).and_then(|asked| match &asked.file {
        Some(file) => again(&asked, file),
        None => all(&asked),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("patchbay-fuzz: {e}");
            ExitCode::FAILURE
        }
    }
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked {
        targets: Vec::new(),
        file: None,
        wish: Wish {
            inputs: 1_000_000,
            time: Duration::from_secs(3600),
            seed: 0,
            threads: thread::available_parallelism().map_or(1, usize::from),
        },
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} stands without a value"));
        let number = |text: String| {
            let parsed = text.parse::<u64>();
            parsed.map_err(|_| format!("{word} {text}: a whole number was expected"))
        };
        match word.as_str() {
            "--inputs" => asked.wish.inputs = number(value()?)?,
            "--seconds" => asked.wish.time = Duration::from_secs(number(value()?)?),
            "--seed" => asked.wish.seed = number(value()?)?,
            "--file" => asked.file = Some(value()?),
            name => {
                let known = || {
                    TARGETS
                        .iter()
                        .map(|t| t.name)
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let target = patchbay_fuzz::target(name);
                let target = target.ok_or_else(|| format!("“{name}” is none of {}", known()))?;
                asked.targets.push(target);
            }
        }
    }
    if asked.targets.is_empty() {
        asked.targets = TARGETS.iter().collect();
    }
    Ok(asked)
}

/// One input again.
fn again(asked: &Asked, file: &str) -> Result<(), String> {
    let input = std::fs::read(file).map_err(|e| format!("{file}: {e}"))?;
    for target in &asked.targets {
        let cost = watch::run(target, &input).map_err(|e| format!("{}: {e}", target.name))?;
        println!("{}: {cost:?}", target.name);
    }
    Ok(())
}

/// A line for each target.
fn all(asked: &Asked) -> Result<(), String> {
    println!(
        "{:20} {:>7} {:>9} {:>8} {:>7} {:>12} {:>11}",
        "target", "corpus", "inputs", "a second", "taken", "slowest", "most memory"
    );
    for target in &asked.targets {
        let it = campaign::run(target, asked.wish).map_err(|e| e.to_string())?;
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
