//! From the last layer's rows to numbers about the next token.

use super::{Gpt2, ModelError, Outcome};
use crate::backend::{Backend, Result};
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

/// For each run and each thing asked of it, what was found; `None` where the
/// run's edits do not reach, so that the parent's holds.
pub type OfRuns<T> = Vec<Vec<Option<T>>>;

impl<B: Backend> Gpt2<B> {
    /// What `plan` reads and captures, for each run and each of its reads and
    /// captures. The device is asked once.
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
    ) -> std::result::Result<(OfRuns<Logits>, OfRuns<Vec<f32>>), ModelError> {
        let mut asked = Vec::new();
        if let Some(x) = &outcome.read {
            self.ask_logits(b, x, wanted, &mut asked)?;
        }
        self.ask_captures(b, plan, outcome, &mut asked)?;
        let asked: Vec<&B::Tensor> = asked.iter().collect();
        let mut told = b.read_all(&asked).await?.into_iter();
        let mut reads: OfRuns<Logits> = runs.iter().map(|r| vec![None; r.reads.len()]).collect();
        if outcome.read.is_some() {
            let logits = self.hear_logits(b, plan.reads.len(), wanted, &mut told);
            for ((run, i, _), logits) in plan.reads.iter().zip(logits) {
                reads[*run][*i] = Some(logits);
            }
        }
        let captures = self.hear_captures(runs, plan, outcome, &mut told);
        Ok((reads, captures))
    }

    /// What is wanted of the logits of rows `x [rows, n]`, which come before `ln_f`.
    pub(super) async fn logits(
        &self,
        b: &B,
        x: &B::Tensor,
        wanted: &Wanted,
    ) -> std::result::Result<Vec<Logits>, ModelError> {
        let mut asked = Vec::new();
        let normed = self.ln_f.forward(b, x, &self.config)?;
        self.ask_logits(b, &normed, wanted, &mut asked)?;
        let asked: Vec<&B::Tensor> = asked.iter().collect();
        let mut told = b.read_all(&asked).await?.into_iter();
        Ok(self.hear_logits(b, b.shape(x)[0], wanted, &mut told))
    }

    /// Asks what is wanted of the logits of rows `x [rows, n]`, which come after `ln_f`.
    fn ask_logits(
        &self,
        b: &B,
        x: &B::Tensor,
        wanted: &Wanted,
        asked: &mut Vec<B::Tensor>,
    ) -> Result<()> {
        let rows = b.shape(x)[0];
        let head = self.head();
        if !wanted.tokens.is_empty() {
            asked.push(b.unembed(x, &head.gather(b, &wanted.tokens)?)?);
        }
        if !wanted.vocabulary() {
            return Ok(());
        }
        // Reduced on the device, piece by piece of the vocabulary and some rows
        // at a time, so that `[rows, n_vocab]` is held only where it is wanted.
        for piece in &head.pieces {
            for (first, stop) in stretches(rows, ROWS_AT_ONCE) {
                let some: Vec<u32> = (first..stop).collect();
                let scores = match some.len() == rows {
                    true => b.unembed(x, piece)?,
                    false => b.unembed(&b.gather(x, &some)?, piece)?,
                };
                if wanted.reduced() {
                    asked.push(b.log_sum_exp(&scores)?);
                }
                if wanted.top > 0 {
                    asked.push(b.top_k(&scores, wanted.top)?);
                }
                if wanted.all {
                    asked.push(scores);
                }
            }
        }
        Ok(())
    }

    /// The answers to [`Self::ask_logits`], in its order.
    fn hear_logits(
        &self,
        b: &B,
        rows: usize,
        wanted: &Wanted,
        told: &mut impl Iterator<Item = Vec<f32>>,
    ) -> Vec<Logits> {
        let mut next = || told.next().unwrap_or_default();
        let mut all = vec![Logits::default(); rows];
        if !wanted.tokens.is_empty() {
            for (logits, row) in all.iter_mut().zip(next().chunks(wanted.tokens.len())) {
                logits.tokens = row.to_vec();
            }
        }
        if !wanted.vocabulary() {
            return all;
        }
        if wanted.reduced() {
            for logits in &mut all {
                logits.log_sum_exp = f64::NEG_INFINITY;
            }
        }
        let head = self.head();
        for (i, piece) in head.pieces.iter().enumerate() {
            let columns = b.shape(piece)[0];
            for (first, stop) in stretches(rows, ROWS_AT_ONCE) {
                let some = &mut all[first as usize..stop as usize];
                if wanted.reduced() {
                    for (logits, sum) in some.iter_mut().zip(next()) {
                        logits.log_sum_exp = add_logs(logits.log_sum_exp, f64::from(sum));
                    }
                }
                if wanted.top > 0 {
                    let k = wanted.top.min(columns);
                    for (logits, row) in some.iter_mut().zip(next().chunks(2 * k)) {
                        logits.take_top(row, head.first_id(i), wanted.top);
                    }
                }
                if wanted.all {
                    for (logits, row) in some.iter_mut().zip(next().chunks(columns)) {
                        logits.all.extend_from_slice(row);
                    }
                }
            }
        }
        all
    }

    /// Asks for the captured rows.
    fn ask_captures(
        &self,
        b: &B,
        plan: &Plan,
        outcome: &Outcome<B>,
        asked: &mut Vec<B::Tensor>,
    ) -> Result<()> {
        asked.extend(outcome.captured.iter().map(|(_, rows)| rows.clone()));
        let Some(x) = &outcome.last else {
            return Ok(());
        };
        for (row, _) in (0..).zip(&plan.captured_logits) {
            let row = b.gather(x, &[row])?;
            for piece in &self.head().pieces {
                asked.push(b.unembed(&row, piece)?);
            }
        }
        Ok(())
    }

    /// The answers to [`Self::ask_captures`], in its order.
    fn hear_captures(
        &self,
        runs: &[Run],
        plan: &Plan,
        outcome: &Outcome<B>,
        told: &mut impl Iterator<Item = Vec<f32>>,
    ) -> OfRuns<Vec<f32>> {
        let mut captures: OfRuns<Vec<f32>> =
            runs.iter().map(|r| vec![None; r.captures.len()]).collect();
        for ((names, _), values) in outcome.captured.iter().zip(told.by_ref()) {
            let width = values.len() / names.len();
            for ((run, i), row) in names.iter().zip(values.chunks(width)) {
                captures[*run][*i] = Some(row.to_vec());
            }
        }
        for (run, i, _) in &plan.captured_logits {
            let pieces = self.head().pieces.len();
            captures[*run][*i] = Some(told.by_ref().take(pieces).flatten().collect());
        }
        captures
    }
}

impl Wanted {
    /// Whether every token's logit is needed.
    fn vocabulary(&self) -> bool {
        self.reduced() || self.all
    }

    /// Whether the logits are reduced on the device.
    fn reduced(&self) -> bool {
        self.normaliser || self.top > 0
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
