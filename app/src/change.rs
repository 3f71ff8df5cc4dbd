//! What two experiments differ in, part by part, as a person would name it.

use patchbay_engine::experiment::{Experiment, Metric, Steer, Sweep};

/// A part of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Room,
    Model,
    Bos,
    Clean,
    Corrupted,
    Noise,
    Alignment,
    Pairs,
    Metric,
    /// Further metrics.
    Metrics,
    Answer,
    Wrong,
    Site,
    Mode,
    /// What the rows and columns are.
    Axes,
    /// What is copied.
    Bring,
    /// Whether a gradient says what patches would do.
    Estimate,
    /// How many sweeps there are.
    Sweeps,
    Cell,
    /// Which runs directions act on.
    Steered,
    /// The steering room's prompt.
    Prompt,
    Directions,
    /// How strong directions are.
    Strength,
    Sampling,
    Words,
    Map,
    Detector,
    /// What the page has no field for.
    Other,
}

/// What differs, in the order of the page.
#[must_use]
pub fn changed(before: &Experiment, now: &Experiment) -> Vec<Part> {
    let mut parts = Parts(Vec::new());
    parts.add(Part::Room, before.room != now.room);
    parts.add(Part::Model, before.model != now.model);
    parts.add(Part::Bos, before.bos != now.bos);
    parts.add(Part::Clean, before.clean != now.clean);
    parts.add(Part::Corrupted, before.corrupted != now.corrupted);
    parts.add(Part::Noise, before.corruption != now.corruption);
    let aligned = before.alignment == now.alignment && before.roles == now.roles;
    parts.add(Part::Alignment, !aligned);
    parts.add(Part::Pairs, before.pairs != now.pairs);
    parts.metrics(&before.metrics, &now.metrics);
    parts.sweeps(&before.sweeps, &now.sweeps);
    parts.add(Part::Cell, before.cell != now.cell);
    parts.add(Part::Steered, before.steered != now.steered);
    match (&before.steer, &now.steer) {
        (Some(before), Some(now)) => parts.steering(before, now),
        // Going to the other room for the first time sets it up, too.
        (None, Some(_)) => parts.add(Part::Directions, before.room == now.room),
        (Some(_), None) => parts.add(Part::Directions, true),
        (None, None) => {}
    }
    let other = before.generate != now.generate || before.captures != now.captures;
    parts.add(Part::Other, other);
    parts.0
}

struct Parts(Vec<Part>);

impl Parts {
    fn add(&mut self, part: Part, differs: bool) {
        if differs && !self.0.contains(&part) {
            self.0.push(part);
        }
    }

    fn metrics(&mut self, before: &[Metric], now: &[Metric]) {
        if let (Some(before), Some(now)) = (before.first(), now.first()) {
            self.add(Part::Metric, before.kind != now.kind);
            self.add(Part::Answer, before.answer != now.answer);
            self.add(Part::Wrong, before.wrong != now.wrong);
        }
        let kinds = |of: &[Metric]| of.iter().skip(1).map(|m| m.kind).collect::<Vec<_>>();
        self.add(Part::Metrics, kinds(before) != kinds(now));
    }

    fn sweeps(&mut self, before: &[Sweep], now: &[Sweep]) {
        if before.len() != now.len() {
            return self.add(Part::Sweeps, true);
        }
        for (before, now) in before.iter().zip(now) {
            self.add(Part::Site, before.site != now.site);
            self.add(Part::Mode, before.mode != now.mode);
            self.add(Part::Axes, before.axes != now.axes);
            self.add(Part::Bring, before.bring != now.bring);
            self.add(Part::Estimate, before.estimate != now.estimate);
        }
    }

    fn steering(&mut self, before: &Steer, now: &Steer) {
        self.add(Part::Prompt, before.prompt != now.prompt);
        let strengths = |of: &Steer| {
            of.directions
                .iter()
                .map(|d| d.coefficient)
                .collect::<Vec<_>>()
        };
        let but_strength = |of: &Steer| {
            let mut directions = of.directions.clone();
            for direction in &mut directions {
                direction.coefficient = 0.0;
            }
            directions
        };
        let others = but_strength(before) != but_strength(now);
        self.add(Part::Directions, others);
        self.add(
            Part::Strength,
            !others && strengths(before) != strengths(now),
        );
        self.add(Part::Sampling, before.sampling != now.sampling);
        self.add(Part::Words, before.words != now.words);
        self.add(Part::Map, before.map != now.map);
        self.add(Part::Detector, before.detector != now.detector);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchbay_engine::experiment::{
        Attribution, AttributionMethod, MetricKind, Mode, Prompt, Room, Site,
    };

    fn after(change: impl FnOnce(&mut Experiment)) -> Vec<Part> {
        let before = Experiment::default();
        let mut now = before.clone();
        change(&mut now);
        changed(&before, &now)
    }

    #[test]
    fn what_differs_is_named_and_nothing_else() {
        assert_eq!(after(|_| {}), []);
        assert_eq!(
            after(|e| {
                e.clean = Prompt::Text("a".into());
                e.sweeps[0].site = Site::Z;
            }),
            [Part::Clean, Part::Site]
        );
        assert_eq!(
            after(|e| e.metrics[0].kind = MetricKind::Probability),
            [Part::Metric]
        );
        assert_eq!(
            after(|e| {
                e.sweeps[0].estimate = Some(Attribution {
                    method: AttributionMethod::Relp,
                    most: Some(3),
                });
            }),
            [Part::Estimate]
        );
        assert_eq!(
            after(|e| e.sweeps.push(Sweep::of(Site::Z, Mode::Noising))),
            [Part::Sweeps]
        );
        // The room that is entered for the first time is set up: one thing to a person.
        assert_eq!(
            after(|e| {
                e.room = Room::Steering;
                e.steer = Some(crate::examples::steering());
            }),
            [Part::Room]
        );
    }

    #[test]
    fn a_direction_s_strength_is_told_from_the_direction() {
        let before = Experiment {
            steer: Some(crate::examples::steering()),
            ..Experiment::default()
        };
        let steered = |change: fn(&mut Steer)| {
            let mut now = before.clone();
            if let Some(steer) = &mut now.steer {
                change(steer);
            }
            changed(&before, &now)
        };
        assert_eq!(
            steered(|s| s.directions[0].coefficient = 2.0),
            [Part::Strength]
        );
        assert_eq!(
            steered(|s| {
                s.directions[0].coefficient = 2.0;
                s.directions[0].layers = vec![0];
            }),
            [Part::Directions]
        );
        assert_eq!(steered(|s| s.words.clear()), [Part::Words]);
    }
}
