//! The steering room: directions found, made to act while a text is written,
//! and measured.

mod detect;
mod detected;
mod map;
mod measures;
mod problem;
mod reports;
mod write;

use crate::backend::Backend;
use crate::directions::{self, Act, Activations, Resolved, acts, unsteered_base, whole};
use crate::experiment::{
    DetectorReport, DirectionReport, Experiment, Field, Reading, Report, Site, Steer, SteerReport,
    SteerUpdate, Summary, Update,
};
use crate::host::{Asked, Beats, Host, SessionError, Task};
use crate::lab::line::{CACHE, Line};
use crate::lab::overflow::{Overflow, Whose, numbers};
use crate::lab::{Lab, bos_off};
use crate::numbers::Sampler;
use crate::rows::Run;
use measures::{measures, read};
use problem::SteeringProblem;
use std::rc::Rc;
use write::Unsteered;

/// What steering remembers between experiments, so that moving a slider does
/// not find the directions and write the unsteered text again.
#[derive(Default)]
pub(crate) struct Memory {
    base: Option<(String, Line, Activations)>,
    directions: Option<(String, Vec<DirectionReport>)>,
    unsteered: Option<(String, Unsteered)>,
    detector: Option<(String, DetectorReport)>,
    map: map::Remembered,
}

impl Memory {
    /// Gives back what it holds on the device.
    pub fn forget(&mut self) {
        self.base = None;
        self.map.forget();
    }
}

/// At most so many continuations at once.
const MOST_SAMPLES: usize = 32;

/// Everything that the steering room shows.
pub(crate) async fn run<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut directions::Memory,
    memory: &mut Memory,
    experiment: &Experiment,
    asked: Asked,
    task: Task<'_, impl Host>,
) -> Result<Report, SessionError> {
    let mut problems = asked.told;
    problems.extend(bos_off(&lab.tokenizer, experiment));
    let reading = Reading {
        bos: experiment.bos && lab.tokenizer.bos().is_some(),
        problems,
        ..Reading::default()
    };
    let Some(steer) = &experiment.steer else {
        return Err(SessionError::of(Field::Steer, SteeringProblem::NoSteer));
    };
    let found = report(lab, known, memory, steer, asked.preview, task).await?;
    Ok(Report {
        reading,
        steer: Some(found),
        ..lab.report(experiment)
    })
}

async fn report<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut directions::Memory,
    memory: &mut Memory,
    steer: &Steer,
    preview: bool,
    task: Task<'_, impl Host>,
) -> Result<SteerReport, SessionError> {
    let sampler = Sampler::new(steer.sampling)?;
    if !(1..=MOST_SAMPLES).contains(&steer.sampling.samples) {
        let problem = SteeringProblem::Samples {
            samples: steer.sampling.samples,
            most: MOST_SAMPLES,
        };
        return Err(SessionError::of(Field::Sampling, problem));
    }
    let prompt = lab.to_continue(&steer.prompt, task.about(Field::SteerPrompt))?;
    let resolved = directions::resolve_all(lab, known, steer, task).await?;
    let mut sites: Vec<Site> = steer.directions.iter().map(|d| d.site).collect();
    sites.extend(
        resolved
            .iter()
            .filter_map(|r| Some(r.feature.as_ref()?.site)),
    );
    sites.sort_unstable();
    sites.dedup();
    let key = format!("{prompt:?} {sites:?}");
    // Another prompt's run gives its memory back before this one's is made.
    let base = memory.base.take().filter(|(of, ..)| *of == key);
    let (key, base, activations) = match base {
        Some(base) => base,
        None => {
            let (line, activations) = unsteered_base(lab, &sites, &prompt, task).await?;
            (key, line, activations)
        }
    };
    memory.base = Some((key.clone(), base.clone(), activations.clone()));
    let told = told(memory, lab, steer, &resolved, (&key, &activations), task).await?;
    let mut report = SteerReport {
        prompt: lab.tokenizer.tokens(&prompt),
        directions: told,
        ..SteerReport::default()
    };
    task.host.update(Update::Steer(SteerUpdate::Directions {
        prompt: report.prompt.clone(),
        directions: report.directions.clone(),
    }));
    let acts = acts(
        steer,
        &resolved,
        &|site, layer| activations.mean_norm(site, layer),
        &lab.model.config.shape,
    )?;
    let steered = steered_base(lab, &base, &acts, task).await?;
    let settings = write::Settings {
        sampler,
        sampling: steer.sampling,
        prompt: prompt.len(),
        key: format!("{prompt:?} {:?}", steer.sampling),
    };
    report.samples = write::texts(
        lab,
        memory,
        &settings,
        (&base, steered.as_ref()),
        &acts,
        task,
    )
    .await?;
    report.summary = Some(Summary {
        unsteered: measures(
            &read(report.samples.iter().map(|s| &s.unsteered)),
            &steer.words,
        ),
        steered: measures(
            &read(report.samples.iter().map(|s| &s.steered)),
            &steer.words,
        ),
    });
    if let Some(detector) = &steer.detector {
        let found = detect::report(lab, known, memory, steer, detector, &resolved, task).await?;
        task.host
            .update(Update::Steer(SteerUpdate::Detector(found.clone())));
        report.detector = Some(found);
    }
    if let Some(map) = &steer.map {
        report.map = map::run(
            lab,
            known,
            &mut memory.map,
            (steer, map),
            &resolved,
            preview,
            task,
        )
        .await?;
    }
    Ok(report)
}

/// What is told of the directions, which their strength does not change.
async fn told<B: Backend>(
    memory: &mut Memory,
    lab: &Lab<B>,
    steer: &Steer,
    resolved: &[Rc<Resolved>],
    (base, activations): (&str, &Activations),
    task: Task<'_, impl Host>,
) -> Result<Vec<DirectionReport>, SessionError> {
    let places = steer
        .directions
        .iter()
        .map(|d| (d.source.key(), d.site, &d.layers, d.from));
    let (bos, encoders) = (task.bos, task.host.reads_encoders());
    let places: Vec<_> = places.collect();
    let key = format!("{base} {bos} {encoders} {places:?}");
    match &memory.directions {
        Some((known, told)) if *known == key => Ok(told.clone()),
        _ => {
            let told = reports::of(lab, steer, resolved, activations).await?;
            memory.directions = Some((key, told.clone()));
            Ok(told)
        }
    }
}

/// The prompt's run with the directions acting; `None` where none acts on
/// anything, now or later.
async fn steered_base<B: Backend>(
    lab: &mut Lab<B>,
    base: &Line,
    acts: &[Act],
    task: Task<'_, impl Host>,
) -> Result<Option<Line>, SessionError> {
    if acts.is_empty() {
        return Ok(None);
    }
    let run = steered_run(base, acts).kept(&lab.store.pool, &CACHE);
    if run.edits.is_empty() {
        // It acts on what is written only.
        return Ok(Some(base.clone()));
    }
    let pulse = Beats::quiet(task.host);
    let (mut line, _) = lab.line(run.clone(), &pulse).await?;
    if !numbers(&line.logits) {
        let of = Overflow {
            field: Field::direction(0),
            whose: Whose::Steered,
        };
        return Err(lab.overflow(of, &run, task).await);
    }
    if line.logits.is_empty() {
        line.logits = base.logits.clone();
    }
    Ok(Some(line))
}

/// The prompt's run again, with directions acting.
fn steered_run(base: &Line, acts: &[Act]) -> Run {
    let len = base.trace.tokens.len();
    Run {
        edits: whole(acts, len),
        reads: vec![len - 1],
        ..Run::over(&base.trace)
    }
}
