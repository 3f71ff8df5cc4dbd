//! The training run: AdamW, a cosine schedule with a warm-up, and gradients
//! clipped by their norm. From one seed the same machine with the same number
//! of threads makes the same weights.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::SeedableRng as _;
use tokenizers::Tokenizer;

use crate::batch::Batch;
use crate::bpe::{Gpt2Bpe, tokenizer};
use crate::card;
use crate::config::Config;
use crate::error::{Result, write_json};
use crate::model::Model;
use crate::ops::loss::CrossEntropy;
use crate::texts::{Family, Rng};
use crate::vocabulary;

pub struct Options {
    pub steps: usize,
    pub seed: u64,
    pub learning_rate: f64,
    /// Steps between two looks at the held-out prompts.
    pub look: usize,
    /// Go on from the weights that `out` holds.
    pub resume: bool,
    /// Share of induction among the texts, in percent.
    pub induction: u32,
}

const WARM_UP: usize = 100;
const CLIP: f64 = 1.0;
/// Texts of a family that together hold every word it has.
const MANY: usize = 8_000;

/// Rises linearly, then falls along a cosine to a fiftieth.
fn learning_rate(options: &Options, step: usize) -> f64 {
    let warm = (step + 1) as f64 / WARM_UP as f64;
    let done =
        step.saturating_sub(WARM_UP) as f64 / (options.steps.max(WARM_UP + 1) - WARM_UP) as f64;
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos());
    options.learning_rate * warm.min(1.0) * (0.02 + 0.98 * cosine)
}

/// Makes tokenizer, configuration and weights, and writes them to `out`.
pub fn train(bpe: &Path, out: &Path, options: &Options) -> Result<()> {
    let json = Gpt2Bpe::open(bpe)?
        .cut(&vocabulary::texts())?
        .tokenizer_json();
    let tokenizer = tokenizer(&json)?;
    let mut config = Config::mini(tokenizer.get_vocab_size(true));
    config.unseen_tokens = unseen(&tokenizer)?;
    let mut rng = Rng::seed_from_u64(options.seed);
    let model = match options.resume {
        true => Model {
            config,
            ..Model::open(out)?
        },
        false => Model::new(config, &mut rng)?,
    };
    let parameters: usize = model.vars.values().map(|var| var.elem_count()).sum();
    println!(
        "{} tokens, {parameters} parameters",
        model.config.vocab_size
    );
    write_json(out.join("tokenizer.json"), &json)?;
    write_json(out.join("config.json"), &model.config)?;

    let (decayed, kept): (Vec<Var>, Vec<Var>) = model
        .vars
        .values()
        .cloned()
        .partition(|var| var.rank() == 2);
    let adam = |vars, weight_decay| {
        let params = ParamsAdamW {
            lr: 0.0,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-8,
            weight_decay,
        };
        AdamW::new(vars, params)
    };
    let mut optimizers = [adam(decayed, 0.05)?, adam(kept, 0.0)?];
    let (start, mut recent) = (Instant::now(), 0.0);
    for step in 0..options.steps {
        let batches = [
            Batch::short(&tokenizer, &mut rng, options.induction)?,
            Batch::long(&tokenizer, &mut rng, options.induction)?,
        ];
        let loss = (loss(&model, &batches[0])? + loss(&model, &batches[1])?)?;
        let mut gradients = loss.backward()?;
        clip(&model, &mut gradients)?;
        for optimizer in &mut optimizers {
            optimizer.set_learning_rate(learning_rate(options, step));
            optimizer.step(&gradients)?;
        }
        recent += f64::from(loss.to_scalar::<f32>()?) / 25.0;
        if (step + 1).is_multiple_of(25) {
            println!(
                "step {} loss {recent:.3} after {:.0?}",
                step + 1,
                start.elapsed()
            );
            recent = 0.0;
        }
        if (step + 1).is_multiple_of(options.look) || step + 1 == options.steps {
            model.save(&out.join("model.safetensors"))?;
            look(&model, &tokenizer)?;
        }
    }
    Ok(())
}

/// Tokens of the vocabulary that no training text holds: single bytes, and
/// pieces that only other tokens are built from.
fn unseen(tokenizer: &Tokenizer) -> Result<Vec<u32>> {
    let mut seen = vec![false; tokenizer.get_vocab_size(true)];
    let mut rng = Rng::seed_from_u64(0);
    for family in Family::ALL {
        for _ in 0..MANY {
            let text = family.text(&mut rng).string();
            for id in tokenizer.encode(text, false)?.get_ids() {
                seen[*id as usize] = true;
            }
        }
    }
    seen[card::end_of_text(tokenizer)? as usize] = true;
    let unseen = (0..).zip(seen).filter(|(_, seen)| !seen);
    Ok(unseen.map(|(id, _)| id).collect())
}

/// Mean weighted loss over the tokens that are not padding.
fn loss(model: &Model, batch: &Batch) -> Result<Tensor> {
    let t = batch.ids.len() / batch.sentences;
    let ids = Tensor::from_slice(&batch.ids, (batch.sentences, t), &Device::Cpu)?;
    let x = model
        .hidden(&ids)?
        .reshape((batch.ids.len(), model.config.n_embd))?;
    let counted: Vec<usize> = (0..batch.ids.len())
        .filter(|&i| batch.weights[i] > 0.0)
        .collect();
    let rows: Vec<u32> = counted.iter().map(|&i| i as u32).collect();
    let x = x.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?; // [N, C]
    let loss = CrossEntropy {
        targets: counted.iter().map(|&i| batch.targets[i].clone()).collect(),
        weights: counted.iter().map(|&i| batch.weights[i]).collect(),
    };
    Ok(model.unembed(&x)?.apply_op1(loss)?)
}

/// Scales all gradients so that their norm together is at most `CLIP`.
fn clip(model: &Model, gradients: &mut GradStore) -> Result<()> {
    let mut squares = 0.0;
    for var in model.vars.values() {
        if let Some(gradient) = gradients.get(var) {
            squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let norm = squares.sqrt();
    if norm > CLIP {
        for var in model.vars.values() {
            if let Some(gradient) = gradients.remove(var) {
                gradients.insert(var, (gradient * (CLIP / norm))?);
            }
        }
    }
    Ok(())
}

/// Prints the held-out measures of the weights as they are saved.
pub fn look(model: &Model, tokenizer: &Tokenizer) -> Result<()> {
    let rounded = model.rounded()?;
    for bos in [true, false] {
        let lines = card::card(tokenizer, bos, &mut |prompts| {
            last_logits(&rounded, prompts)
        })?;
        let values: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {:.3}", line.name, line.value))
            .collect();
        println!("  bos {bos}: {}", values.join("; "));
    }
    Ok(())
}

/// The logits after each prompt's last token, prompts of one length together.
pub fn last_logits(model: &Model, prompts: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
    let mut logits = vec![Vec::new(); prompts.len()];
    let mut lengths: HashMap<usize, Vec<usize>> = HashMap::new();
    for (i, prompt) in prompts.iter().enumerate() {
        lengths.entry(prompt.len()).or_default().push(i);
    }
    for (t, which) in lengths {
        let ids: Vec<u32> = which
            .iter()
            .flat_map(|&i| prompts[i].iter().copied())
            .collect();
        let ids = Tensor::from_vec(ids, (which.len(), t), &Device::Cpu)?;
        let x = model
            .hidden(&ids)?
            .narrow(1, t - 1, 1)?
            .squeeze(1)?
            .contiguous()?;
        let found = model.unembed(&x)?.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        for (i, row) in which.into_iter().zip(found) {
            logits[i] = row;
        }
    }
    Ok(logits)
}
