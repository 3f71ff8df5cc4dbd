//! Makes the mini model of the page: `train` writes it, `card` measures it,
//! `texts` shows what it reads.

mod batch;
mod bpe;
mod card;
mod config;
mod engine;
mod error;
mod model;
mod names;
mod ops;
mod start;
mod texts;
mod train;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use rand::SeedableRng as _;

use error::{MiniError, Result};
use texts::{Family, Rng};

#[derive(Parser)]
#[command(about = "Makes the mini model: its texts, tokenizer, training and card")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train from the start and write config.json, tokenizer.json and model.safetensors
    Train {
        /// Folder with GPT-2's encoder.json and vocab.bpe
        #[arg(long)]
        bpe: PathBuf,
        #[arg(long)]
        out: PathBuf,
        #[arg(long, default_value_t = 1600)]
        steps: usize,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long, default_value_t = 2.5e-3)]
        learning_rate: f64,
        /// Steps between two measurements of the held-out prompts
        #[arg(long, default_value_t = 250)]
        look: usize,
        /// Go on from the weights that the folder holds
        #[arg(long)]
        resume: bool,
        /// Share of induction among the texts, in percent
        #[arg(long, default_value_t = 26)]
        induction: u32,
    },
    /// Measure a trained model, and the same weights shuffled, on the held-out prompts
    Card {
        #[arg(long, default_value = "www/models/mini")]
        model: PathBuf,
    },
    /// Print training texts and held-out prompts of each family
    Texts {
        #[arg(default_value_t = 5)]
        each: usize,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> std::process::ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Train {
            bpe,
            out,
            steps,
            seed,
            learning_rate,
            look,
            resume,
            induction,
        } => {
            std::fs::create_dir_all(&out).map_err(|source| MiniError::File {
                path: out.clone(),
                source,
            })?;
            train::train(
                &bpe,
                &out,
                &train::Options {
                    steps,
                    seed,
                    learning_rate,
                    look,
                    resume,
                    induction,
                },
            )
        }
        Command::Card { model } => measure(&model),
        Command::Texts { each, seed } => {
            let mut rng = Rng::seed_from_u64(seed);
            for family in Family::ALL {
                println!("{family:?}");
                for _ in 0..each {
                    println!("  {:?}", family.text(&mut rng).string());
                }
                for example in family.held_out(&mut rng, each) {
                    println!("  held out: {:?} {:?}", example.prompt, example.answers);
                }
            }
            Ok(())
        }
    }
}

/// Prints the card; an error if the model fails it or its shuffled twin does not.
/// Prints the card of a folder's weights and of the same weights shuffled, and
/// writes the first as `card.json` beside them.
fn measure(folder: &std::path::Path) -> Result<()> {
    let tokenizer = tokenizers::Tokenizer::from_file(folder.join("tokenizer.json"))?;
    let config = error::read(folder.join("config.json"))?;
    let weights = error::read(folder.join("model.safetensors"))?;
    let shuffled = model::Model::open(folder)?.shuffled()?.to_bytes()?;
    let mut bars = Vec::new();
    let mut kept = Vec::new();
    for (title, weights) in [("model", &weights), ("shuffled weights", &shuffled)] {
        let mut engine = engine::Engine::open(&config, weights)?;
        for bos in [true, false] {
            println!(
                "{title}, {} <|endoftext|>",
                if bos { "after" } else { "without" }
            );
            let lines = card::card(&tokenizer, bos, &mut |p| engine.last_logits(p))?;
            for line in &lines {
                let bar = match (line.at_least, line.passes()) {
                    (Some(bar), true) => format!(" (at least {bar})"),
                    (Some(bar), false) => format!(" (NOT REACHED: at least {bar})"),
                    (None, _) => String::new(),
                };
                let statistic = format!("{:?}", line.statistic);
                println!("  {:<20}{statistic:<24}{:>8.3}{bar}", line.name, line.value);
            }
            if bos {
                bars.push(lines.iter().all(card::Line::passes));
            }
            if title == "model" {
                kept.extend(lines);
            }
        }
    }
    error::write_json(folder.join("card.json"), &kept)?;
    match bars[..] {
        [true, false] => Ok(()),
        [false, _] => Err(MiniError::Usage(
            "the model does not reach its bars".to_string(),
        )),
        _ => Err(MiniError::Usage(
            "the shuffled weights pass: the card measures nothing".into(),
        )),
    }
}
