//! The steering room's part of the experiment.

use super::State;
use crate::results::Steered;
use leptos::prelude::*;
use patchbay_engine::experiment::{
    self, Direction, Experiment, Metric, MetricKind, Mode, Room, Site, Steer, Sweep, TokenRef,
    Tokens, TopToken,
};

impl State {
    /// Which room the page shows.
    #[must_use]
    pub fn room(self) -> Room {
        self.experiment.with(|e| e.room)
    }

    /// Reads the steering wanted, or the example that the room opens with.
    pub fn steer<T>(self, read: impl FnOnce(&Steer) -> T) -> T {
        self.experiment.with(|e| match &e.steer {
            Some(steer) => read(steer),
            None => read(&Steer::default()),
        })
    }

    /// Reads what the steering room was told. In place: it changes with every
    /// token that is written.
    pub fn steered<T>(self, read: impl FnOnce(Option<&Steered>) -> T) -> T {
        self.results.with(|r| read(r.steered.as_ref()))
    }

    /// Reads one direction; the default of `T` where it is no longer there.
    pub fn direction<T: Default>(self, i: usize, read: impl FnOnce(&Direction) -> T) -> T {
        self.steer(|s| s.directions.get(i).map(read).unwrap_or_default())
    }

    /// Changes the steering.
    pub fn edit_steer(self, change: impl FnOnce(&mut Steer)) {
        self.experiment
            .update(|e| change(e.steer.get_or_insert_default()));
    }

    /// Changes one direction.
    pub fn edit_direction(self, i: usize, change: impl FnOnce(&mut Direction)) {
        self.edit_steer(|s| {
            if let Some(direction) = s.directions.get_mut(i) {
                change(direction);
            }
        });
    }

    /// The token that the directions raise most where the first text goes on,
    /// and the one that comes there without them.
    pub fn carriers(self) -> Option<(Tokens, Tokens)> {
        self.steered(|s| {
            let first = s?.report.samples.first()?.steered.first()?.clone();
            let without = first.unsteered?.top;
            let raised = |t: &TopToken| {
                let before = without.iter().find(|u| u.token.id == t.token.id);
                t.probability - before.map_or(0.0, |u| u.probability)
            };
            let most = first
                .top
                .iter()
                .max_by(|a, b| raised(a).total_cmp(&raised(b)))?;
            let other = without.iter().find(|u| u.token.id != most.token.id)?;
            let name = |t: &TopToken| Tokens::One(TokenRef::Text(t.token.text.clone()));
            (raised(most) > 0.0).then(|| (name(most), name(other)))
        })
    }

    /// Sets the patching room up to find what carries the directions' effect:
    /// the steered run of the prompt is clean, the unsteered one corrupted.
    pub fn look_for_carriers(self) {
        let Some((answer, wrong)) = untrack(|| self.carriers()) else {
            return;
        };
        self.experiment.update(|e| {
            let steer = e.steer.take().unwrap_or_default();
            *e = Experiment {
                model: e.model.clone(),
                bos: e.bos,
                clean: steer.prompt.clone(),
                corrupted: steer.prompt.clone(),
                metrics: vec![Metric {
                    kind: MetricKind::LogitDifference,
                    answer,
                    wrong: Some(wrong),
                }],
                sweeps: [Site::ResidPost, Site::Z, Site::MlpOut]
                    .map(|site| Sweep::of(site, Mode::Denoising))
                    .to_vec(),
                steer: Some(steer),
                steered: Some(experiment::Steered::Clean),
                room: Room::Patching,
                ..Experiment::default()
            };
        });
        self.active.set(0);
    }
}
