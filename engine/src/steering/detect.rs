//! Monitoring: a direction as a detector, on prompts that it was not found on.

use super::Memory;
use super::detected::{Area, DetectorTold, DetectorWarning};
use super::problem::SteeringProblem;
use crate::backend::Backend;
use crate::directions::{self, MOST_PROMPTS, Resolved, Seen, Side, length, see, training_means};
use crate::experiment::{
    Detected, Detector, DetectorControls, DetectorReport, Direction, Field, Means, Source, Steer,
};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::{auc, normals, projection, roc};
use crate::sentence::{Said, Sentence};
use std::rc::Rc;

/// Random directions that a detector is compared with.
const RANDOM: u64 = 20;

/// Seeds of the controls: the labels' shuffle, and the first random direction.
const SEED: u64 = 0;

/// Prompts of a side below which a rate says little.
const FEW: usize = 5;

fn wrong<T>(problem: SteeringProblem) -> Result<T, SessionError> {
    Err(SessionError::of(Field::Detector, problem))
}

/// The detector's report, from memory but for the threshold where nothing
/// else has changed.
pub(crate) async fn report<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut directions::Memory,
    memory: &mut Memory,
    steer: &Steer,
    detector: &Detector,
    resolved: &[Rc<Resolved>],
    task: Task<'_, impl Host>,
) -> Result<DetectorReport, SessionError> {
    let Some(direction) = steer.directions.get(detector.direction) else {
        return wrong(SteeringProblem::DetectorDirection {
            direction: detector.direction,
            directions: steer.directions.len(),
        });
    };
    check(detector)?;
    let layer = detector.layer.or(direction.layers.first().copied());
    let layer = layer.unwrap_or_default();
    if layer >= lab.info.n_layer {
        let last = lab.info.n_layer - 1;
        return wrong(SteeringProblem::DetectorLayer { layer, last });
    }
    let asked = Detector {
        threshold: None,
        ..detector.clone()
    };
    let of = [
        serde_json::to_string(&asked),
        serde_json::to_string(&direction.source),
    ];
    let key = format!(
        "{} {layer} {:?} {} {} {of:?}",
        task.bos, direction.from, direction.site, direction.name
    );
    let mut report = match &memory.detector {
        Some((known, report)) if *known == key => report.clone(),
        _ => {
            let of = &resolved[detector.direction];
            let found = detect(lab, known, detector, direction, of, layer, task);
            let found = found.await?;
            memory.detector = Some((key, found.clone()));
            found
        }
    };
    let middle = report.training.map(Means::middle);
    report.threshold = detector.threshold.or(middle);
    report.rates = report.threshold.map(|t| report.rates_at(t));
    if report.threshold.is_none() {
        let Said { message, says } = DetectorWarning::NoThreshold.said();
        report.warnings.push(message);
        report.warnings_say.push(says);
    }
    Ok(report)
}

async fn detect<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut directions::Memory,
    detector: &Detector,
    direction: &Direction,
    resolved: &Resolved,
    layer: usize,
    task: Task<'_, impl Host>,
) -> Result<DetectorReport, SessionError> {
    let rows = resolved.at(direction.from.unwrap_or(layer));
    let Some(v) = rows
        .filter(|r| length(r) > 0.0)
        .and_then(|r| r.last().cloned())
    else {
        let name = direction.name.clone();
        return wrong(SteeringProblem::DetectorNoVector { name, layer });
    };
    let place = (direction.site, layer);
    let task = task.about(Field::Detector);
    let positive = see(lab, &detector.positive, place, task).await?;
    let negative = see(lab, &detector.negative, place, task).await?;
    let scores = |v: &[f32]| {
        let side = |seen: &[Seen]| seen.iter().map(|s| s.score(v)).collect::<Vec<_>>();
        (side(&positive), side(&negative))
    };
    let area = |v: &[f32]| {
        let (positive, negative) = scores(v);
        auc(&positive, &negative)
    };
    let training = training_means(lab, &direction.source, &v, place, task).await?;
    let shuffled = directions::shuffled(lab, known, SEED, detector.direction, direction, task);
    let shuffled = shuffled
        .await?
        .and_then(|s| s.at(direction.from.unwrap_or(layer)))
        .and_then(|rows| rows.last().map(|v| area(v)));
    let random = (0..RANDOM).map(|i| {
        let area = area(&normals(SEED + i, lab.info.n_embd));
        area.max(1.0 - area)
    });
    let (of_positive, of_negative) = scores(&v);
    let told = |seen: &Seen, positive: bool| Detected {
        positive,
        tokens: lab.tokenizer.tokens(&seen.ids),
        projections: seen.rows.iter().map(|x| projection(x, &v)).collect(),
    };
    let prompts = positive.iter().map(|s| told(s, true));
    let controls = DetectorControls {
        random: RANDOM as usize,
        best_random: random.fold(0.0, f32::max),
        shuffled,
    };
    let auc = auc(&of_positive, &of_negative);
    let Said { message, says } = told_of(
        Area {
            auc,
            positive: positive.len(),
            negative: negative.len(),
        },
        &controls,
    )
    .said();
    let warned = warned(detector, &direction.source, training);
    let (warnings, warnings_say) = warned
        .iter()
        .map(|warning| {
            let Said { message, says } = warning.said();
            (message, says)
        })
        .unzip();
    Ok(DetectorReport {
        better: auc > controls.best_random.max(shuffled.unwrap_or(0.0)),
        said: message,
        says,
        direction: direction.name.clone(),
        site: direction.site,
        layer,
        training,
        prompts: prompts
            .chain(negative.iter().map(|s| told(s, false)))
            .collect(),
        roc: roc(&of_positive, &of_negative),
        auc,
        controls,
        warnings,
        warnings_say,
        ..DetectorReport::default()
    })
}

/// What can be told without the model.
fn check(detector: &Detector) -> Result<(), SessionError> {
    let sides = [
        (Side::Positive, &detector.positive),
        (Side::Negative, &detector.negative),
    ];
    for (side, prompts) in sides {
        if prompts.is_empty() {
            return wrong(SteeringProblem::NoHeldOut { side });
        }
        if prompts.len() > MOST_PROMPTS {
            return wrong(SteeringProblem::ManyHeldOut {
                found: prompts.len(),
                side,
                most: MOST_PROMPTS,
            });
        }
    }
    Ok(())
}

fn told_of(area: Area, controls: &DetectorControls) -> DetectorTold {
    let (random, best) = (controls.random, controls.best_random);
    if area.auc <= best {
        return DetectorTold::AsRandom { area, random, best };
    }
    match controls.shuffled {
        Some(shuffled) if area.auc <= shuffled => DetectorTold::AsShuffled {
            area,
            random,
            best,
            shuffled,
        },
        Some(shuffled) => DetectorTold::Better {
            area,
            random,
            best,
            shuffled,
        },
        None => DetectorTold::BetterThanRandom { area, random, best },
    }
}

/// What to know before believing the numbers.
fn warned(detector: &Detector, source: &Source, training: Option<Means>) -> Vec<DetectorWarning> {
    let mut warnings = Vec::new();
    let held_out = || detector.positive.iter().chain(&detector.negative);
    let own: Vec<&str> = match source {
        Source::Contrast {
            positive, negative, ..
        } => positive.iter().chain(negative).map(|p| p.trim()).collect(),
        Source::Pair { positive, negative } => vec![positive.trim(), negative.trim()],
        _ => Vec::new(),
    };
    let seen = || held_out().filter(|p| own.contains(&p.trim()));
    if let Some(first) = seen().next() {
        warnings.push(DetectorWarning::SeenBefore {
            count: seen().count(),
            first: first.clone(),
        });
    }
    let same = |p: &&String| detector.negative.iter().any(|n| n.trim() == p.trim());
    if let Some(both) = detector.positive.iter().find(same) {
        let prompt = both.clone();
        warnings.push(DetectorWarning::OnBothSides { prompt });
    }
    let count = detector.positive.len().min(detector.negative.len());
    if count < FEW {
        warnings.push(DetectorWarning::Few { count });
    }
    if training.is_some_and(|m| m.positive <= m.negative) {
        warnings.push(DetectorWarning::WrongWay);
    }
    warnings
}
