//! The pairs of prompts, draws and sweeps of an experiment, checked one by one.

use super::LONGEST_PATTERN;
use super::copies::Kept;
use super::frame::frame;
use super::problem::{PairFault, PatchingProblem};
use super::roles::by_role;
use super::setup::{Case, Noise, Reader};
use super::unfit::SweepProblem;
use crate::experiment::{
    self, Attribution, AttributionMethod, Axes, Bring, CellFault, Corruption, Experiment, Field,
    MetricKind, Mode, Pair, Problem, Prompt, Steered, Sweep,
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
                let problem = PatchingProblem::Alignment {
                    last_clean: clean.len() - 1,
                    last_corrupted: corrupted.len() - 1,
                };
                self.problem(Field::Alignment, true, &problem);
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
                Err(fault) => {
                    self.reading.problems.truncate(told);
                    // A table of the wrong kind has the same fault in each row.
                    if self.reading.bad_pairs.len() < EXPLAINED {
                        // The first pair is the experiment's own.
                        let number = i + 2;
                        let problem = PatchingProblem::Pair { number, fault };
                        self.problem(Field::Pairs, true, &problem);
                    }
                    self.reading.bad_pairs.push(i);
                }
            }
        }
        let bad = &self.reading.bad_pairs;
        if !bad.is_empty() {
            let problem = PatchingProblem::BadPairs {
                found: bad.len(),
                all: e.pairs.len() + 1,
                numbers: bad.iter().map(|i| i + 2).collect(),
            };
            self.problem(Field::Pairs, true, &problem);
        }
        if unseen > 0 {
            let problem = PatchingProblem::UnseenInPairs { pairs: unseen };
            self.problem(Field::Pairs, false, &problem);
        }
        Ok(self.reading.bad_pairs.is_empty())
    }

    fn pair(&mut self, e: &Experiment, pair: &Pair, first: &Case) -> Result<Case, PairFault> {
        let most = self.config.shape.n_positions;
        let read = |field: Field, prompt: &Prompt| {
            token_ids(self.tokenizer, most, prompt, e.bos)
                .map_err(|fault| PairFault::Prompt { field, fault })
        };
        self.spaceless.clear();
        let clean = read(Field::Clean, &pair.clean)?;
        self.look_at_prompt(self.pair, Field::Clean, &pair.clean, &clean);
        let corrupted = match e.corruption {
            Corruption::Prompt => {
                let corrupted = read(Field::Corrupted, &pair.corrupted)?;
                self.look_at_prompt(self.pair, Field::Corrupted, &pair.corrupted, &corrupted);
                corrupted
            }
            Corruption::Noise(_) => clean.clone(),
        };
        let as_first = clean.len() == first.clean.len() && corrupted.len() == first.corrupted.len();
        let aligned: Rc<[(usize, usize)]> = match &e.alignment {
            _ if !e.roles.is_empty() => {
                let found = by_role(&e.roles, self.tokenizer, &clean, &corrupted);
                found.map_err(|fault| PairFault::Roles { fault })?.into()
            }
            Some(_) if as_first => first.aligned.clone(),
            _ if clean.len() == corrupted.len() => (0..clean.len()).map(|p| (p, p)).collect(),
            _ => {
                return Err(PairFault::Lengths {
                    clean: clean.len(),
                    corrupted: corrupted.len(),
                });
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
                    found.ok_or_else(|| PairFault::Tokens {
                        fault: why.cloned().map(Problem::said).unwrap_or_default(),
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
        let problem = if positions.is_empty() {
            Some(PatchingProblem::NoNoisePosition)
        } else if let Some(p) = positions.iter().find(|p| **p >= shortest) {
            Some(PatchingProblem::NoisePosition {
                position: *p,
                last: shortest - 1,
            })
        } else if !sigma.is_finite() || *sigma < 0.0 || *sigma > 1e6 {
            Some(PatchingProblem::Sigma { sigma: *sigma })
        } else if *draws == 0 || *draws > MOST_DRAWS {
            Some(PatchingProblem::Draws {
                most: MOST_DRAWS,
                draws: *draws,
            })
        } else {
            None
        };
        if *sigma == 0.0 {
            self.problem(Field::Corruption, false, &PatchingProblem::NoNoise);
        }
        if let Some(problem) = problem {
            self.problem(Field::Corruption, true, &problem);
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
                Err(fault) => {
                    let sweep = i + 1;
                    let problem = SweepProblem::Brought { sweep, fault };
                    self.problem(Field::Sweeps, true, &problem);
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
            let problem = SweepProblem::Lengths {
                clean: clean.len(),
                corrupted: corrupted.len(),
                position: at,
            };
            self.problem(Field::Sweep, true, &problem);
            return false;
        }
        let mut runs = 0;
        for sweep in &e.sweeps {
            let fault = match frame(&self.config.shape, sweep, first, &e.roles) {
                Ok(frame) => {
                    let cells = frame.rows.len() * frame.columns.len();
                    let most = sweep.estimate.and_then(|estimate| estimate.most);
                    runs += most.map_or(cells, |most| most.min(cells)) * cases.len();
                    self.unfit(e, sweep, cases)
                }
                Err(problem) => Some(problem),
            };
            if let Some(problem) = fault {
                self.problem(Field::Sweep, true, &problem);
            }
        }
        if runs > MOST_RUNS {
            let most = MOST_RUNS;
            self.problem(Field::Sweep, true, &SweepProblem::ManyRuns { runs, most });
        }
        let steered_apart = e.steered.is_some_and(|on| on != Steered::Both);
        let alike = |c: &Case| c.clean == c.corrupted;
        if e.corruption.is_prompt() && !steered_apart && cases.iter().all(alike) {
            self.problem(Field::Corrupted, false, &PatchingProblem::SamePrompts);
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
    fn unfit(&self, e: &Experiment, sweep: &Sweep, cases: &[Case]) -> Option<SweepProblem> {
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
            return Some(SweepProblem::UnevenPairs {
                pair: i + 1,
                found: cases[i].aligned.len(),
                expected: first.aligned.len(),
            });
        }
        if let Some(problem) = unfit_estimate(sweep, first) {
            return Some(problem);
        }
        let kept = Kept::of(sweep);
        if kept.pattern {
            if e.alignment.is_some()
                || !e.roles.is_empty()
                || cases.iter().any(|c| c.clean.len() != c.corrupted.len())
            {
                return Some(SweepProblem::PatternElsewhere);
            }
            if cases.iter().any(|c| c.clean.len() > LONGEST_PATTERN) {
                let most = LONGEST_PATTERN;
                return Some(SweepProblem::LongPattern { most });
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
                    return kept.pattern.then_some(SweepProblem::MeanPattern);
                }
                uneven.then_some(SweepProblem::UnevenMean)
            }
            Bring::Resample { .. } => {
                let alone = cases.iter().position(|c| {
                    let same = |d: &&Case| d.corrupted.len() == patched(c);
                    cases.iter().filter(same).count() < 2
                });
                alone.map(|i| SweepProblem::NothingToResample { pair: i + 1 })
            }
            Bring::Prompt { prompt } => {
                let ids = token_ids(self.tokenizer, self.config.shape.n_positions, prompt, e.bos);
                let len = ids.map_or(0, |ids| ids.len());
                let other = cases.iter().any(|c| patched(c) != len);
                other.then(|| SweepProblem::BroughtLength {
                    found: len,
                    expected: patched(first),
                })
            }
        }
    }
}

/// Why nothing can be estimated of a sweep, where it asks for that.
fn unfit_estimate(sweep: &Sweep, first: &Case) -> Option<SweepProblem> {
    let Attribution { method, most } = sweep.estimate?;
    if matches!(sweep.axes(), Axes::Paths { .. }) {
        return Some(SweepProblem::EstimateOfPaths);
    }
    if most == Some(0) {
        return Some(SweepProblem::NothingPatched);
    }
    let metrics = &first.metrics;
    if !metrics.is_empty() && metrics.iter().all(|m| m.kind == MetricKind::Rank) {
        return Some(SweepProblem::NoDerivative);
    }
    match method {
        AttributionMethod::Atp | AttributionMethod::Relp => None,
        AttributionMethod::IntegratedGradients { points } => {
            let most = AttributionMethod::MOST_POINTS;
            let fits = (1..=most).contains(&points);
            (!fits).then_some(SweepProblem::Points { points, most })
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
