//! The runs that patched runs vary or copy from, pair by pair.

use super::advice::advise;
use super::brought::{Brought, Numbers};
use super::captures::{self, everywhere, trimmed};
use super::copies::{Kept, distinct};
use super::means::Means;
use super::metric::{MetricTokens, Wishes};
use super::resident::{direct, kept, varied};
use super::setup::{Case, Setup};
use super::{chunk_rows, given};
use crate::backend::Backend;
use crate::experiment::{
    Bring, CaptureReport, Experiment, Field, MetricReport, Mode, Progress, RunName, RunReport,
    Site, Stage, Sweep, Update,
};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::overflow::{Overflow, Whose, sound};
use crate::lab::{Lab, TOP};
use crate::model::{Logits, Wanted};
use crate::numbers::shuffle;
use crate::rows::{Cost, Edit, Run, Shape, Trace};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// A run that is kept, and what was read of it.
pub(crate) struct Base {
    pub trace: Rc<Trace>,
    pub report: RunReport,
    pub logits: Logits,
    /// Where a sweep copies or estimates them.
    pub patterns: Rc<Numbers>,
}

/// The two runs of a pair, and what its sweeps copy.
pub(crate) struct Bases {
    pub clean: Base,
    pub corrupted: Base,
    /// By sweep.
    pub brought: Vec<Brought>,
    /// What attention adds to the residual stream of the run that direct paths
    /// vary, by layer and position, by run.
    pub attn_out: HashMap<(RunName, usize, usize), Vec<f32>>,
}

impl Bases {
    /// The run that a sweep's cells vary.
    pub fn varied(&self, sweep: &Sweep) -> &Base {
        match varied(sweep) {
            RunName::Clean => &self.clean,
            RunName::Corrupted => &self.corrupted,
        }
    }
}

/// Pairs whose runs are kept at the same time.
pub(crate) struct Group {
    /// Which of the cases.
    pub cases: Range<usize>,
    pub bases: Vec<Bases>,
    pub wishes: Wishes,
    pub captures: Vec<CaptureReport>,
    /// Multiplications a second, as just measured.
    pub speed: f64,
}

impl Group {
    /// The metrics of each case's clean and corrupted run.
    pub fn metrics(&self) -> impl Iterator<Item = [Vec<f32>; 2]> {
        self.bases
            .iter()
            .map(|b| [&b.clean, &b.corrupted].map(|run| run.report.metrics.clone()))
    }
}

/// One run to be made of a group.
struct Wish {
    run: Run,
    /// Which of the group's cases it belongs to, and as what.
    case: usize,
    role: Role,
    /// Captures asked by the experiment, before those that sweeps need.
    asked: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Of(RunName),
    /// What a sweep brings.
    Brought(usize),
}

impl Role {
    /// What is said where such a run's numbers stop being finite.
    fn overflow(self, run: &Run) -> Overflow {
        let noise = |edit: &Edit| edit.site == Site::Embed;
        let field = match run.edits.as_slice() {
            [] => Field::Model,
            edits if edits.iter().any(noise) => Field::Corruption,
            _ => Field::Steered,
        };
        let whose = match self {
            Self::Of(RunName::Clean) => Whose::Clean,
            Self::Of(RunName::Corrupted) => Whose::Corrupted,
            Self::Brought(_) => Whose::Brought,
        };
        Overflow { field, whose }
    }
}

/// What a run was found to hold.
struct Made {
    case: usize,
    role: Role,
    trace: Rc<Trace>,
    logits: Logits,
    /// The experiment's captures.
    asked: Vec<Option<Vec<f32>>>,
    patterns: Rc<Numbers>,
    attn_out: Vec<((usize, usize), Vec<f32>)>,
}

/// Makes the runs of some of the cases.
pub(crate) async fn group<B: Backend>(
    lab: &mut Lab<B>,
    experiment: &Experiment,
    setup: &Setup,
    cases: Range<usize>,
    means: &Means,
    task: Task<'_, impl Host>,
) -> Result<Group, SessionError> {
    let mut wishes = Wishes::of(
        setup.cases[cases.clone()]
            .iter()
            .flat_map(|c| c.metrics.iter()),
    );
    if setup.sweeps.iter().any(|sweep| sweep.estimate.is_some()) {
        for case in &setup.cases[cases.clone()] {
            wishes = wishes.with_slopes(&case.metrics);
        }
    }
    if cases.start == 0 {
        wishes.add(&telling(&setup.cases[0]));
    }
    for spaceless in setup.cases[cases.clone()]
        .iter()
        .flat_map(|c| c.spaceless.iter())
    {
        wishes.add(spaceless.written.iter().chain(&spaceless.spaced));
    }
    let wanted = Wanted {
        normaliser: true,
        top: TOP.min(lab.model.config.shape.n_vocab),
        all: wishes.wanted().all || experiment.generate.is_some(),
        ..wishes.wanted()
    };
    let runs = runs_of(lab, experiment, setup, cases.clone(), task).await?;
    let (made, speed) = make(lab, runs, &wanted, task).await?;
    let mut group = Group {
        cases: cases.clone(),
        bases: Vec::new(),
        wishes,
        captures: Vec::new(),
        speed,
    };
    let shape = lab.model.config.shape;
    let find = |case: usize, role: Role| {
        let made = made.iter().find(|m| m.case == case && m.role == role);
        made.ok_or_else(|| SessionError::lost("a run of a pair was not made"))
    };
    for (i, case) in setup.cases[cases.clone()].iter().enumerate() {
        let (clean, corrupted) = (
            find(i, Role::Of(RunName::Clean))?,
            find(i, Role::Of(RunName::Corrupted))?,
        );
        if cases.start + i == 0 {
            group.captures =
                captures::reports(&shape, experiment, case, [&clean.asked, &corrupted.asked]);
        }
        let mut brought = Vec::new();
        for (s, sweep) in setup.sweeps.iter().enumerate() {
            let of = |made: &Made| Brought::Run {
                trace: made.trace.clone(),
                patterns: made.patterns.clone(),
            };
            brought.push(match &sweep.bring {
                Bring::Other => of(match varied(sweep) {
                    RunName::Clean => corrupted,
                    RunName::Corrupted => clean,
                }),
                Bring::Zero => Brought::Zero,
                Bring::Mean { .. } => match means.get(s) {
                    Some(Some(numbers)) => Brought::Numbers(numbers.clone()),
                    _ => return Err(SessionError::lost("a mean was not made")),
                },
                Bring::Resample { .. } => of(find(i, Role::Brought(s))?),
                Bring::Prompt { .. } => of(find(0, Role::Brought(s))?),
            });
        }
        let base = |made: &Made| Base {
            trace: made.trace.clone(),
            report: lab.run_report(
                &made.logits,
                values(&group.wishes, &case.metrics, &made.logits, &clean.logits),
            ),
            logits: made.logits.clone(),
            patterns: made.patterns.clone(),
        };
        let mut attn_out = HashMap::new();
        for (name, made) in [(RunName::Clean, clean), (RunName::Corrupted, corrupted)] {
            for ((layer, position), row) in &made.attn_out {
                attn_out.insert((name, *layer, *position), row.clone());
            }
        }
        let bases = Bases {
            clean: base(clean),
            corrupted: base(corrupted),
            brought,
            attn_out,
        };
        group.bases.push(bases);
    }
    Ok(group)
}

/// The runs that a group needs.
async fn runs_of<B: Backend>(
    lab: &mut Lab<B>,
    experiment: &Experiment,
    setup: &Setup,
    cases: Range<usize>,
    task: Task<'_, impl Host>,
) -> Result<Vec<Wish>, SessionError> {
    let shape = lab.model.config.shape;
    let mut wishes = Vec::new();
    for (i, case) in setup.cases[cases.clone()].iter().enumerate() {
        for name in [RunName::Clean, RunName::Corrupted] {
            let given = given::edits(lab, setup, case, name, task).await?;
            let tokens = match name {
                RunName::Clean => &case.clean,
                RunName::Corrupted => &case.corrupted,
            };
            let mut captures = match cases.start + i {
                0 => captures::asked(experiment, tokens.len(), name)?,
                _ => Vec::new(),
            };
            let asked = captures.len();
            let patterns = setup
                .sweeps
                .iter()
                .any(|s| Kept::of(s).pattern && patterns_wanted(s, name));
            if patterns {
                captures.extend(everywhere(&shape, Site::Pattern, tokens.len()));
            }
            if setup.sweeps.iter().any(|s| direct(s) && varied(s) == name) {
                captures.extend(everywhere(&shape, Site::AttnOut, tokens.len()));
            }
            let run = Run {
                edits: given,
                reads: vec![tokens.len() - 1],
                captures,
                ..Run::of(tokens.clone())
            };
            wishes.push(Wish {
                run: run.kept(&lab.store.pool, &kept(experiment, setup, name)),
                case: i,
                role: Role::Of(name),
                asked,
            });
        }
        for (s, sweep) in setup.sweeps.iter().enumerate() {
            let (tokens, given) = match &sweep.bring {
                Bring::Resample { seed } => {
                    let other = partner(&setup.cases, cases.start + i, *seed, sweep.mode);
                    let other = &setup.cases[other];
                    (
                        other.corrupted.clone(),
                        given::edits(lab, setup, other, RunName::Corrupted, task).await?,
                    )
                }
                Bring::Prompt { .. } if i == 0 => match &setup.brought[s] {
                    Some(tokens) => (tokens.clone(), Vec::new()),
                    None => continue,
                },
                _ => continue,
            };
            let copied = Kept::of(sweep);
            let captures = match copied.pattern {
                true => everywhere(&shape, Site::Pattern, tokens.len()),
                false => Vec::new(),
            };
            let run = Run {
                edits: given,
                reads: vec![tokens.len() - 1],
                captures,
                ..Run::of(tokens)
            };
            wishes.push(Wish {
                run: run.kept(&lab.store.pool, &distinct(copied.sites)),
                case: i,
                role: Role::Brought(s),
                asked: 0,
            });
        }
    }
    Ok(wishes)
}

/// Whether a sweep of patterns needs a run's: those that it copies, and where it estimates
/// what that does those that it replaces.
fn patterns_wanted(sweep: &Sweep, name: RunName) -> bool {
    match varied(sweep) == name {
        true => sweep.estimate.is_some(),
        false => sweep.bring.is_other(),
    }
}

/// Computes runs, as many at once as fit, and how fast that went.
async fn make<B: Backend>(
    lab: &mut Lab<B>,
    mut wishes: Vec<Wish>,
    wanted: &Wanted,
    task: Task<'_, impl Host>,
) -> Result<(Vec<Made>, f64), SessionError> {
    let shape = lab.model.config.shape;
    let mut total = 0;
    for wish in &wishes {
        task.host.breathe().await?;
        total += Cost::of(&shape, &wish.run)?.multiplications;
    }
    let started = task.host.now();
    let before = std::cell::Cell::new(0);
    let mut all = Vec::new();
    while !wishes.is_empty() {
        let longest = wishes.iter().map(|w| w.run.tokens.len()).max().unwrap_or(1);
        let most = chunk_rows(&shape, longest);
        let mut rows = 0;
        let fit = wishes.iter().take_while(|w| {
            rows += w.run.tokens.len();
            rows <= most
        });
        // The two of a pair at least: they are shown together.
        let count = fit.count().max(2).min(wishes.len());
        let batch: Vec<Wish> = wishes.drain(..count).collect();
        let runs: Vec<Run> = batch.iter().map(|w| w.run.clone()).collect();
        let say = |done| {
            Some(Update::Progress(Progress {
                stage: Stage::Runs,
                done: before.get() + done,
                total,
                seconds_left: None,
            }))
        };
        let (mut reads, captured) = lab
            .compute(&runs, wanted, &Beats::new(task.host, &say))
            .await?;
        for run in &runs {
            before.set(before.get() + Cost::of(&shape, run)?.multiplications);
        }
        for ((wish, reads), captured) in batch.into_iter().zip(&mut reads).zip(captured) {
            let Some(logits) = reads.first_mut().and_then(Option::take) else {
                return Err(SessionError::lost("a full pass read nothing"));
            };
            if !sound(&logits) {
                let of = wish.role.overflow(&wish.run);
                return Err(lab.overflow(of, &wish.run, task).await);
            }
            all.push(sort_out(&shape, wish, logits, captured)?);
        }
    }
    let seconds = (task.host.now() - started).max(0.1) / 1000.0;
    #[allow(clippy::cast_precision_loss)] // an estimate
    Ok((all, total as f64 / seconds))
}

/// The metrics of the cases that were run so far: means.
pub(crate) fn metric_reports<B: Backend>(
    lab: &Lab<B>,
    experiment: &Experiment,
    setup: &Setup,
    first: &Group,
    found: &[[Vec<f32>; 2]],
) -> Vec<MetricReport> {
    #[allow(clippy::cast_precision_loss)] // a few thousand
    let mean = |m: usize, run: usize| {
        let values = found.iter().filter_map(|of| of[run].get(m));
        values.sum::<f32>() / found.len().max(1) as f32
    };
    let case = &setup.cases[0];
    let report = |m: usize| MetricReport {
        clean: mean(m, 0),
        corrupted: mean(m, 1),
        advice: match experiment.corruption.is_prompt() && case.clean != case.corrupted && m == 0 {
            true => first.bases.first().and_then(|bases| {
                advise(
                    &lab.tokenizer,
                    &first.wishes,
                    &case.metrics[m],
                    &telling(case),
                    [&bases.clean.logits, &bases.corrupted.logits],
                )
            }),
            false => None,
        },
    };
    (0..setup.metrics).map(report).collect()
}

/// A run's metrics.
pub(crate) fn values(
    wishes: &Wishes,
    metrics: &[MetricTokens],
    logits: &Logits,
    clean: &Logits,
) -> Vec<f32> {
    let value = |m: &MetricTokens| wishes.value(m, logits, clean);
    metrics.iter().map(value).collect()
}

/// Sorts what was captured of a run by what it was wanted for.
fn sort_out(
    shape: &Shape,
    wish: Wish,
    logits: Logits,
    mut captured: Vec<Option<Vec<f32>>>,
) -> Result<Made, SessionError> {
    let Some(trace) = wish.run.keep.clone() else {
        return Err(SessionError::lost("a run of a pair was not kept"));
    };
    let len = wish.run.tokens.len();
    let rest = captured.split_off(wish.asked);
    let (mut patterns, mut attn_out) = (Numbers::default(), Vec::new());
    for ((site, layer, position), row) in wish.run.captures[wish.asked..].iter().zip(rest) {
        let Some(row) = row else { continue };
        match site {
            Site::Pattern => {
                let row = trimmed(shape, &row, len).into();
                patterns.rows.insert((*site, *layer, *position), row);
            }
            _ => attn_out.push(((*layer, *position), row)),
        }
    }
    Ok(Made {
        case: wish.case,
        role: wish.role,
        trace,
        logits,
        asked: captured,
        patterns: Rc::new(patterns),
        attn_out,
    })
}

/// The case that another one is resampled from: one of the same length, drawn by the seed.
fn partner(cases: &[Case], i: usize, seed: u64, mode: Mode) -> usize {
    let len = match mode {
        Mode::Denoising => cases[i].corrupted.len(),
        Mode::Noising => cases[i].clean.len(),
    };
    let others: Vec<usize> = (0..cases.len())
        .filter(|j| *j != i && cases[*j].corrupted.len() == len)
        .collect();
    let order = shuffle(seed.wrapping_add(i as u64), others.len());
    order.first().map_or(i, |first| others[*first])
}

/// Tokens that tell a pair's prompts apart, one of which may be the better
/// wrong answer; the metric's own first.
fn telling(case: &Case) -> Vec<u32> {
    let mut tokens: Vec<u32> = case.metrics.first().map_or_else(Vec::new, |m| {
        m.answers.iter().chain(&m.wrongs).copied().collect()
    });
    if tokens.is_empty() {
        return tokens;
    }
    if case.clean.len() == case.corrupted.len() {
        for (a, b) in case.clean.iter().zip(case.corrupted.iter()) {
            if a != b && tokens.len() < 10 {
                tokens.extend([*b, *a]);
            }
        }
    }
    let mut distinct = Vec::new();
    for token in tokens {
        if !distinct.contains(&token) {
            distinct.push(token);
        }
    }
    distinct
}
