//! From the last layer's rows to numbers about the next token.

use super::{Gpt2, ModelError, Outcome};
use crate::backend::{Backend, Result};
use crate::experiment::Site;
use crate::rows::{Plan, Run};

/// What is wanted of the logits of every row that a plan reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Logits of these tokens.
    pub tokens: Vec<u32>,
    /// The softmax's denominator, for probabilities.
    pub normaliser: bool,
    /// The so many likeliest next tokens; asks for the normaliser too.
    pub top: usize,
    /// All logits, `[n_vocab]`: for one row or a few, as sampling needs them.
    pub all: bool,
}

/// What is known of one row's logits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logits {
    /// Logits of the wanted tokens, in their order.
    pub tokens: Vec<f32>,
    /// `log(sum(exp(logits)))` over the vocabulary, where wanted.
    pub log_sum_exp: f64,
    /// The likeliest tokens and their logits, likeliest first, where wanted.
    pub top: Vec<(u32, f32)>,
    /// All logits, where wanted.
    pub all: Vec<f32>,
}

impl Logits {
    /// Probability of a token, from its logit.
    #[must_use]
    pub fn log_probability(&self, logit: f32) -> f64 {
        f64::from(logit) - self.log_sum_exp
    }
}

impl<B: Backend> Gpt2<B> {
    /// The logits that `plan.reads` ask for, for each run and each of its reads;
    /// `None` where the run's edits do not reach, so that the parent's holds.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read(
        &self,
        b: &B,
        runs: &[Run],
        plan: &Plan,
        outcome: &Outcome<B>,
        wanted: &Wanted,
    ) -> std::result::Result<Vec<Vec<Option<Logits>>>, ModelError> {
        let mut reads: Vec<Vec<Option<Logits>>> =
            runs.iter().map(|r| vec![None; r.reads.len()]).collect();
        if let Some(x) = &outcome.read {
            let logits = self.logits(b, x, wanted).await?;
            for ((run, i, _), logits) in plan.reads.iter().zip(logits) {
                reads[*run][*i] = Some(logits);
            }
        }
        Ok(reads)
    }

    /// What is wanted of the logits of rows `x [rows, n]`, which come before `ln_f`.
    async fn logits(&self, b: &B, x: &B::Tensor, wanted: &Wanted) -> Result<Vec<Logits>> {
        let x = self.ln_f.forward(b, x, &self.config)?;
        let rows = b.shape(&x)[0];
        let mut all = vec![Logits::default(); rows];
        let head = self.head();
        if !wanted.tokens.is_empty() {
            let some = head.gather(b, &wanted.tokens)?;
            let values = b.read(&b.unembed(&x, &some)?).await?;
            for (logits, row) in all.iter_mut().zip(values.chunks(wanted.tokens.len())) {
                logits.tokens = row.to_vec();
            }
        }
        if wanted.all {
            for piece in &head.pieces {
                let values = b.read(&b.unembed(&x, piece)?).await?;
                let width = values.len() / rows;
                for (logits, row) in all.iter_mut().zip(values.chunks(width)) {
                    logits.all.extend_from_slice(row);
                }
            }
        }
        if !wanted.normaliser && wanted.top == 0 {
            return Ok(all);
        }
        for logits in &mut all {
            logits.log_sum_exp = f64::NEG_INFINITY;
        }
        // Reduced on the device, piece by piece of the vocabulary and some rows
        // at a time, so that `[rows, n_vocab]` is never held.
        for (i, piece) in head.pieces.iter().enumerate() {
            let k = wanted.top.min(b.shape(piece)[0]);
            for (first, stop) in stretches(rows, ROWS_AT_ONCE) {
                let some: Vec<u32> = (first..stop).collect();
                let scores = match some.len() == rows {
                    true => b.unembed(&x, piece)?,
                    false => b.unembed(&b.gather(&x, &some)?, piece)?,
                };
                let sums = b.read(&b.log_sum_exp(&scores)?).await?;
                let tops = match k {
                    0 => Vec::new(),
                    k => b.read(&b.top_k(&scores, k)?).await?,
                };
                for (j, logits) in all[first as usize..stop as usize].iter_mut().enumerate() {
                    logits.log_sum_exp = add_logs(logits.log_sum_exp, f64::from(sums[j]));
                    if k > 0 {
                        let row = &tops[2 * k * j..2 * k * (j + 1)];
                        logits.take_top(row, head.first_id(i), wanted.top);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Captured activations: for each run and each of its captures, the row's
    /// values; `None` where the run's edits do not reach.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn captured(
        &self,
        b: &B,
        runs: &[Run],
        plan: &Plan,
        outcome: &Outcome<B>,
    ) -> std::result::Result<Vec<Vec<Option<Vec<f32>>>>, ModelError> {
        let mut captured: Vec<Vec<Option<Vec<f32>>>> =
            runs.iter().map(|r| vec![None; r.captures.len()]).collect();
        for (names, rows) in &outcome.captured {
            let values = b.read(rows).await?;
            let width = values.len() / names.len();
            for ((run, i), row) in names.iter().zip(values.chunks(width)) {
                captured[*run][*i] = Some(row.to_vec());
            }
        }
        if let Some(x) = &outcome.last {
            let x = self.ln_f.forward(b, x, &self.config)?; // [captures, n]
            let normed = b.read(&x).await?;
            let n = self.config.shape.n_embd;
            let head = self.head();
            for (j, (run, i, _)) in plan.final_captures.iter().enumerate() {
                let values = match runs[*run].captures[*i].0 {
                    Site::Logits => {
                        let row = b.gather(&x, &[u32::try_from(j).unwrap_or(u32::MAX)])?;
                        let mut logits = Vec::with_capacity(self.config.shape.n_vocab);
                        for piece in &head.pieces {
                            logits.extend(b.read(&b.unembed(&row, piece)?).await?);
                        }
                        logits
                    }
                    _ => normed[j * n..(j + 1) * n].to_vec(),
                };
                captured[*run][*i] = Some(values);
            }
        }
        Ok(captured)
    }
}

/// Rows unembedded at once: 64 rows of GPT-2's vocabulary are 13 MB.
const ROWS_AT_ONCE: u32 = 64;

fn stretches(rows: usize, step: u32) -> impl Iterator<Item = (u32, u32)> {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    (0..rows)
        .step_by(step as usize)
        .map(move |first| (first, rows.min(first + step)))
}

/// `log(exp(a) + exp(b))`
fn add_logs(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY {
        return high;
    }
    high + (low - high).exp().ln_1p()
}

impl Logits {
    /// Merges a piece's `k` largest, values then columns, into the `keep` largest so far.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // columns are whole and small
    fn take_top(&mut self, row: &[f32], first_id: usize, keep: usize) {
        let (values, columns) = row.split_at(row.len() / 2);
        let ids = columns.iter().map(|c| first_id as u32 + *c as u32);
        self.top.extend(ids.zip(values.iter().copied()));
        // Stable: among equal logits the smaller id stays first.
        self.top.sort_by(|a, b| b.1.total_cmp(&a.1));
        self.top.truncate(keep);
    }
}
