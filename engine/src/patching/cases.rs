//! The pairs of prompts, draws and sweeps of an experiment, checked one by one.

use super::LONGEST_PATTERN;
use super::copies::Kept;
use super::frame::frame;
use super::roles::by_role;
use super::setup::{Case, Noise, Reader};
use crate::experiment::{
    self, Axes, Bring, CellFault, Corruption, Experiment, Field, Mode, Pair, Prompt, Steered,
};
use crate::host::{Host, SessionError, Task};
use crate::lab::prompt::token_ids;
use std::rc::Rc;

/// Pairs that cannot be run of which each is told why.
const EXPLAINED: usize = 5;

/// Draws at most.
const MOST_DRAWS: usize = 100;

/// Patched runs at most, over all sweeps and pairs: a day's work on a laptop.
const MOST_RUNS: usize = 2_000_000;

impl Reader<'_> {
    /// Which positions belong together. Empty where that is not clear: the
    /// offer is in the reading then.
    pub(crate) fn align(
        &mut self,
        e: &Experiment,
        clean: &[u32],
        corrupted: &[u32],
    ) -> Vec<(usize, usize)> {
        if !e.roles.is_empty() {
            return self.roles_of_first(e, clean, corrupted);
        }
        if let Some(alignment) = e.alignment.as_ref().filter(|_| e.corruption.is_prompt()) {
            let ascending =
                |ends: &[(usize, usize)]| ends[0].0 < ends[1].0 && ends[0].1 < ends[1].1;
            let inside = |(a, b): &(usize, usize)| *a < clean.len() && *b < corrupted.len();
            if alignment.is_empty()
                || !alignment.iter().all(inside)
                || !alignment.windows(2).all(ascending)
            {
                self.problem(Field::Alignment, true, format!(
                    "The alignment pairs positions of the clean prompt (0 to {}) with positions of the corrupted one (0 to {}), both in ascending order; this one does not. Align them again.",
                    clean.len() - 1, corrupted.len() - 1
                ));
                return Vec::new();
            }
            return alignment.clone();
        }
        if clean.len() == corrupted.len() {
            return (0..clean.len()).map(|p| (p, p)).collect();
        }
        self.reading.alignment = offer(clean, corrupted);
        Vec::new()
    }

    /// Adds the further pairs; whether all of them can be run.
    pub(crate) async fn pairs(
        &mut self,
        e: &Experiment,
        cases: &mut Vec<Case>,
        task: Task<'_, impl Host>,
    ) -> Result<bool, SessionError> {
        let mut unseen = 0;
        for (i, pair) in e.pairs.iter().enumerate() {
            task.host.breathe().await?;
            let told = self.reading.problems.len();
            self.pair = i + 1;
            match self.pair(e, pair, &cases[0].clone()) {
                Ok(case) => {
                    let last = self.reading.cells.iter().rev();
                    let mut own = last.take_while(|c| c.pair == i + 1);
                    unseen += usize::from(own.any(|c| c.fault == CellFault::Unseen));
                    cases.push(case);
                    self.reading.problems.truncate(told);
                }
                Err(message) => {
                    self.reading.problems.truncate(told);
                    // A table of the wrong kind has the same fault in each row.
                    if self.reading.bad_pairs.len() < EXPLAINED {
                        // The first pair is the experiment's own.
                        self.problem(Field::Pairs, true, format!("Pair {}: {message}", i + 2));
                    }
                    self.reading.bad_pairs.push(i);
                }
            }
        }
        let bad = &self.reading.bad_pairs;
        if !bad.is_empty() {
            let (found, all) = (bad.len(), e.pairs.len() + 1);
            let numbers: Vec<String> = bad.iter().map(|i| (i + 2).to_string()).collect();
            self.problem(Field::Pairs, true, format!(
                "{found} of {all} pairs cannot be run: {}. Mend them, or leave them out and run the rest.",
                numbers.join(", ")
            ));
        }
        if unseen > 0 {
            self.problem(Field::Pairs, false, format!(
                "{unseen} of the further pairs hold words that are new to this small model; what it predicts after them means little."
            ));
        }
        Ok(self.reading.bad_pairs.is_empty())
    }

    fn pair(&mut self, e: &Experiment, pair: &Pair, first: &Case) -> Result<Case, String> {
        let most = self.config.shape.n_positions;
        let read = |name: &str, prompt: &Prompt| {
            token_ids(self.tokenizer, most, prompt, e.bos)
                .map_err(|error| format!("the {name} prompt{error}"))
        };
        self.spaceless.clear();
        let clean = read("clean", &pair.clean)?;
        self.look_at_prompt(self.pair, Field::Clean, &pair.clean, &clean);
        let corrupted = match e.corruption {
            Corruption::Prompt => {
                let corrupted = read("corrupted", &pair.corrupted)?;
                self.look_at_prompt(self.pair, Field::Corrupted, &pair.corrupted, &corrupted);
                corrupted
            }
            Corruption::Noise(_) => clean.clone(),
        };
        let as_first = clean.len() == first.clean.len() && corrupted.len() == first.corrupted.len();
        let aligned: Rc<[(usize, usize)]> = match &e.alignment {
            _ if !e.roles.is_empty() => {
                by_role(&e.roles, self.tokenizer, &clean, &corrupted)?.into()
            }
            Some(_) if as_first => first.aligned.clone(),
            _ if clean.len() == corrupted.len() => (0..clean.len()).map(|p| (p, p)).collect(),
            _ => {
                return Err(format!(
                    "the clean prompt has {} tokens and the corrupted one {}; give both the same number.",
                    clean.len(),
                    corrupted.len()
                ));
            }
        };
        let mut metrics = Vec::new();
        for (metric, own) in e.metrics.iter().zip(first.metrics.iter()) {
            let mut set = |field: Field, tokens: &Option<_>, own: &Vec<u32>| match tokens {
                None => Ok(own.clone()),
                Some(tokens) => {
                    let told = self.reading.problems.len();
                    let found = self.choices(field, tokens, &pair.clean, false).1;
                    let why = self.reading.problems.get(told..).and_then(|p| p.first());
                    found.ok_or_else(|| {
                        why.map_or_else(String::new, |problem| problem.message.clone())
                    })
                }
            };
            let answers = set(Field::Answer, &pair.answer, &own.answers)?;
            let wrongs = match metric.kind.compares() {
                true => set(Field::Wrong, &pair.wrong, &own.wrongs)?,
                false => Vec::new(),
            };
            metrics.push(super::metric::MetricTokens {
                kind: metric.kind,
                answers,
                wrongs,
            });
        }
        Ok(Case {
            clean: clean.into(),
            corrupted: corrupted.into(),
            aligned,
            metrics: metrics.into(),
            noise: None,
            spaceless: std::mem::take(&mut self.spaceless).into(),
        })
    }

    /// Each case once for each draw of noise, where the corruption is noise.
    pub(crate) fn draws(&mut self, e: &Experiment, cases: Vec<Case>) -> Vec<Case> {
        let Corruption::Noise(noise) = &e.corruption else {
            return cases;
        };
        let experiment::Noise {
            positions,
            sigma,
            seed,
            draws,
        } = noise;
        let shortest = cases.iter().map(|c| c.clean.len()).min().unwrap_or(0);
        let message = if positions.is_empty() {
            Some("Choose the tokens that get noise on their embeddings.".to_owned())
        } else if let Some(p) = positions.iter().find(|p| **p >= shortest) {
            Some(format!(
                "Noise was asked for at position {p}, but the prompt has positions 0 to {}; choose others.",
                shortest - 1
            ))
        } else if !sigma.is_finite() || *sigma < 0.0 || *sigma > 1e6 {
            Some(format!(
                "The noise has {sigma} standard deviations; take a number from 0 up, 3 is usual."
            ))
        } else if *draws == 0 || *draws > MOST_DRAWS {
            Some(format!(
                "Noise is drawn 1 to {MOST_DRAWS} times, not {draws}."
            ))
        } else {
            None
        };
        if *sigma == 0.0 {
            self.problem(
                Field::Corruption,
                false,
                "Noise of 0 standard deviations changes nothing, so both runs are the same; 3 is usual.",
            );
        }
        if let Some(message) = message {
            self.problem(Field::Corruption, true, message);
            return cases;
        }
        let mut positions = positions.clone();
        positions.sort_unstable();
        positions.dedup();
        let positions: Rc<[usize]> = positions.into();
        let drawn = |case: &Case, draw| Case {
            noise: Some(Noise {
                positions: positions.clone(),
                sigma: *sigma,
                seed: *seed,
                draw,
            }),
            ..case.clone()
        };
        cases
            .iter()
            .flat_map(|case| (0..*draws).map(|draw| drawn(case, draw)))
            .collect()
    }

    /// The prompts that sweeps bring activations of; `None` where one cannot be read.
    pub(crate) fn brought(&mut self, e: &Experiment) -> Option<Vec<Option<Rc<[u32]>>>> {
        let most = self.config.shape.n_positions;
        let mut all = Vec::new();
        for (i, sweep) in e.sweeps.iter().enumerate() {
            let Bring::Prompt { prompt } = &sweep.bring else {
                all.push(None);
                continue;
            };
            match token_ids(self.tokenizer, most, prompt, e.bos) {
                Ok(ids) => all.push(Some(ids.into())),
                Err(error) => {
                    self.problem(
                        Field::Sweeps,
                        true,
                        format!(
                            "Sweep {}: the prompt that activations are brought from{error}",
                            i + 1
                        ),
                    );
                    return None;
                }
            }
        }
        Some(all)
    }

    /// Whether all sweeps can be run.
    pub(crate) fn can_sweep(&mut self, e: &Experiment, cases: &[Case]) -> bool {
        let first = &cases[0];
        let by_hand = e.alignment.is_some() || !e.roles.is_empty();
        if first.aligned.is_empty() && !by_hand && e.corruption.is_prompt() {
            let (clean, corrupted) = (&first.clean, &first.corrupted);
            let at = clean
                .iter()
                .zip(corrupted.iter())
                .position(|(a, b)| a != b)
                .unwrap_or(clean.len().min(corrupted.len()));
            self.problem(Field::Sweep, true, format!(
                "The clean prompt has {} tokens and the corrupted one {}; patching copies position by position, so they need the same number, or positions aligned by hand or by role. They first differ at position {at}.",
                clean.len(), corrupted.len()
            ));
            return false;
        }
        let mut runs = 0;
        for sweep in &e.sweeps {
            let fault = match frame(&self.config.shape, sweep, first, &e.roles) {
                Ok(frame) => {
                    runs += frame.rows.labels.len() * frame.columns.labels.len() * cases.len();
                    self.unfit(e, sweep, cases)
                }
                Err(message) => Some(message),
            };
            if let Some(message) = fault {
                self.problem(Field::Sweep, true, message);
            }
        }
        if runs > MOST_RUNS {
            self.problem(Field::Sweep, true, format!(
                "These sweeps have {runs} patched runs, but at most {MOST_RUNS} are computed; take fewer pairs or a coarser grid."
            ));
        }
        let steered_apart = e.steered.is_some_and(|on| on != Steered::Both);
        let alike = |c: &Case| c.clean == c.corrupted;
        if e.corruption.is_prompt() && !steered_apart && cases.iter().all(alike) {
            self.problem(
                Field::Corrupted,
                false,
                "Both prompts are the same, so patching one with the other changes nothing.",
            );
        }
        // A metric's own problems are known by its not being there.
        let about = |field| {
            use Field::{Alignment, Corruption, NoiseSeed, Pair, Pairs, Sweep, SweepAt, Sweeps};
            matches!(
                field,
                Pairs | Pair(_) | Alignment | Corruption | NoiseSeed | Sweep | Sweeps | SweepAt(..)
            )
        };
        let problems = &self.reading.problems;
        !problems.iter().any(|p| p.fatal && about(p.field))
    }

    /// Why a sweep does not fit the pairs of prompts.
    fn unfit(
        &self,
        e: &Experiment,
        sweep: &crate::experiment::Sweep,
        cases: &[Case],
    ) -> Option<String> {
        let first = &cases[0];
        let axes = sweep.axes();
        let by_position = match &axes {
            Axes::LayerPosition { .. } | Axes::HeadPosition | Axes::DestinationSource { .. } => {
                true
            }
            Axes::LayerHead { positions } | Axes::Neurons { positions, .. } => positions.is_some(),
            Axes::Parts { parts, .. } => parts.iter().any(|p| p.positions.is_some()),
            Axes::Paths { .. } => false,
        };
        let other = cases
            .iter()
            .position(|c| c.aligned.len() != first.aligned.len());
        if let Some(i) = other.filter(|_| by_position) {
            return Some(format!(
                "Pair {} has {} positions and the first pair {}; a grid of positions needs pairs of one length. Take heads, or prompts of one template.",
                i + 1,
                cases[i].aligned.len(),
                first.aligned.len()
            ));
        }
        let kept = Kept::of(sweep);
        if kept.pattern {
            if e.alignment.is_some()
                || !e.roles.is_empty()
                || cases.iter().any(|c| c.clean.len() != c.corrupted.len())
            {
                return Some("Attention patterns cannot be copied between prompts of different lengths, nor from some positions to others; take another site.".into());
            }
            if cases.iter().any(|c| c.clean.len() > LONGEST_PATTERN) {
                return Some(format!(
                    "Attention patterns are copied for prompts of at most {LONGEST_PATTERN} tokens."
                ));
            }
        }
        let patched = |case: &Case| match sweep.mode {
            Mode::Denoising => case.corrupted.len(),
            Mode::Noising => case.clean.len(),
        };
        match &sweep.bring {
            Bring::Other | Bring::Zero => None,
            Bring::Mean { over_positions } => {
                let corrupted = |case: &Case| case.corrupted.len();
                let uneven = cases
                    .iter()
                    .any(|c| corrupted(c) != corrupted(first) || patched(c) != corrupted(first));
                if *over_positions {
                    return kept.pattern.then(|| "An attention pattern has no mean over positions; take the mean at each position.".into());
                }
                uneven.then(|| "A mean at each position needs prompts of one length; take the mean over all positions.".into())
            }
            Bring::Resample { .. } => {
                let alone = cases.iter().position(|c| {
                    let same = |d: &&Case| d.corrupted.len() == patched(c);
                    cases.iter().filter(same).count() < 2
                });
                alone.map(|i| format!(
                    "Resampling takes activations from another pair of the same length, but pair {} has none; add pairs.", i + 1
                ))
            }
            Bring::Prompt { prompt } => {
                let ids = token_ids(self.tokenizer, self.config.shape.n_positions, prompt, e.bos);
                let len = ids.map_or(0, |ids| ids.len());
                cases.iter().any(|c| patched(c) != len).then(|| format!(
                    "The prompt that activations are brought from has {len} tokens, but the run that is patched has {}; give it as many.",
                    patched(first)
                ))
            }
        }
    }
}

/// Positions that seem to belong together: what both begin and end with, and
/// between them the last tokens of what differs, where both have any.
fn offer(clean: &[u32], corrupted: &[u32]) -> Vec<(usize, usize)> {
    let same = |(a, b): &(&u32, &u32)| a == b;
    let front = clean.iter().zip(corrupted).take_while(same).count();
    let most = clean.len().min(corrupted.len()) - front;
    let ends = clean.iter().rev().zip(corrupted.iter().rev());
    let back = ends.take(most).take_while(same).count();
    let mut aligned: Vec<(usize, usize)> = (0..front).map(|p| (p, p)).collect();
    let (a, b) = (clean.len() - back, corrupted.len() - back);
    // As many of the differing tokens as the shorter side has, from their end.
    let between = (a - front).min(b - front);
    aligned.extend((0..between + back).map(|i| (a - between + i, b - between + i)));
    aligned
}

#[cfg(test)]
mod tests {
    use super::offer;

    #[test]
    fn an_alignment_is_offered_for_prompts_of_different_lengths() {
        assert_eq!(
            offer(&[9, 1, 2, 3, 4], &[9, 7, 8, 2, 3, 4]),
            [(0, 0), (1, 2), (2, 3), (3, 4), (4, 5)]
        );
        assert_eq!(offer(&[9, 1, 4], &[9, 4]), [(0, 0), (2, 1)]);
        assert_eq!(offer(&[1, 1], &[1, 1, 1]), [(0, 0), (1, 1)]);
    }
}
