//! Monitoring: a direction as a detector, on prompts that it was not found on.

use super::Memory;
use crate::backend::Backend;
use crate::directions::{self, MOST_PROMPTS, Resolved, Seen, length, see, training_means};
use crate::experiment::{
    Detected, Detector, DetectorControls, DetectorReport, Direction, Field, Means, Source, Steer,
};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::{auc, normals, projection, roc};
use std::rc::Rc;

/// Random directions that a detector is compared with.
const RANDOM: u64 = 20;

/// Seeds of the controls: the labels' shuffle, and the first random direction.
const SEED: u64 = 0;

/// Prompts of a side below which a rate says little.
const FEW: usize = 5;

fn wrong<T>(message: impl Into<String>) -> Result<T, SessionError> {
    Err(SessionError::of(Field::Detector, message))
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
        return wrong(format!(
            "The detector reads direction {}, but the experiment has {}; choose one that it has.",
            detector.direction,
            steer.directions.len()
        ));
    };
    check(detector)?;
    let layer = detector.layer.or(direction.layers.first().copied());
    let layer = layer.unwrap_or_default();
    if layer >= lab.info.n_layer {
        return wrong(format!(
            "The detector reads layer {layer}; this model has layers 0 to {}.",
            lab.info.n_layer - 1
        ));
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
        report.warnings.push("This direction has no prompts of its own to choose a threshold by; give one, or judge by the whole curve.".into());
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
        return wrong(format!(
            "“{}” has no vector for layer {layer}, or one of length 0; read at a layer that it has.",
            direction.name
        ));
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
    Ok(DetectorReport {
        better: auc > controls.best_random.max(shuffled.unwrap_or(0.0)),
        said: said(auc, &controls, [positive.len(), negative.len()]),
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
        warnings: warnings(detector, &direction.source, training),
        ..DetectorReport::default()
    })
}

/// What can be told without the model.
fn check(detector: &Detector) -> Result<(), SessionError> {
    let sides = [
        ("positive", &detector.positive),
        ("negative", &detector.negative),
    ];
    for (name, side) in sides {
        if side.is_empty() {
            return wrong(format!(
                "There are no {name} held-out prompts; a detector is judged by both kinds, so write at least one of each."
            ));
        }
        if side.len() > MOST_PROMPTS {
            return wrong(format!(
                "There are {} {name} held-out prompts, but at most {MOST_PROMPTS} are read; take fewer.",
                side.len()
            ));
        }
    }
    Ok(())
}

fn said(auc: f32, controls: &DetectorControls, [positive, negative]: [usize; 2]) -> String {
    let start = format!(
        "On {positive} positive and {negative} negative held-out prompts the area under the curve is {auc:.2} (0.5 is chance, 1 is perfect)"
    );
    let (random, best) = (controls.random, controls.best_random);
    if auc <= best {
        return format!(
            "{start}, but the best of {random} random directions reaches {best:.2}: it does no better than random."
        );
    }
    match controls.shuffled {
        Some(shuffled) if auc <= shuffled => format!(
            "{start}; the best of {random} random directions reaches {best:.2}, but the direction found with shuffled labels {shuffled:.2}: the labels do not matter."
        ),
        Some(shuffled) => format!(
            "{start}, more than the best of {random} random directions ({best:.2}) and than the direction found with shuffled labels ({shuffled:.2})."
        ),
        None => format!("{start}, more than the best of {random} random directions ({best:.2})."),
    }
}

/// What to know before believing the numbers.
fn warnings(detector: &Detector, source: &Source, training: Option<Means>) -> Vec<String> {
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
        warnings.push(format!(
            "{} of the held-out prompts, such as “{first}”, are among those that the direction was found on, so the curve is too good; take others.",
            seen().count()
        ));
    }
    let same = |p: &&String| detector.negative.iter().any(|n| n.trim() == p.trim());
    if let Some(both) = detector.positive.iter().find(same) {
        warnings.push(format!(
            "“{both}” stands on both sides; no detector can be right about it."
        ));
    }
    let fewest = detector.positive.len().min(detector.negative.len());
    if fewest < FEW {
        warnings.push(format!(
            "The smaller side has {fewest} of the held-out prompts: too few for the rates to say much."
        ));
    }
    if training.is_some_and(|m| m.positive <= m.negative) {
        warnings.push("Of the direction's own prompts the negative ones lie further along it: it points the wrong way here.".into());
    }
    warnings
}
