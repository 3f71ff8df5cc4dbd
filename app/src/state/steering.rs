//! The steering room's part of the experiment.

use super::signals::State;
use crate::examples;
use crate::misfit::{Misfit, misfit, nearest};
use crate::results::Steered;
use leptos::prelude::*;
use patchbay_engine::experiment::{Carriers, Direction, Room, Steer};

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
            None => read(&examples::steering()),
        })
    }

    /// Reads what the steering room was told. In place: it changes with every
    /// token that is written.
    pub fn steered<T>(self, read: impl FnOnce(Option<&Steered>) -> T) -> T {
        let of_this = self.derived.steered_akin.get();
        self.results
            .with(|r| read(r.steered.as_ref().filter(|_| of_this)))
    }

    /// Reads one direction; the default of `T` where it is no longer there.
    pub fn direction<T: Default>(self, i: usize, read: impl FnOnce(&Direction) -> T) -> T {
        self.steer(|s| s.directions.get(i).map(read).unwrap_or_default())
    }

    /// Changes the steering.
    pub fn edit_steer(self, change: impl FnOnce(&mut Steer)) {
        self.experiment
            .update(|e| change(e.steer.get_or_insert_with(examples::steering)));
    }

    /// Changes one direction.
    pub fn edit_direction(self, i: usize, change: impl FnOnce(&mut Direction)) {
        self.edit_steer(|s| {
            if let Some(direction) = s.directions.get_mut(i) {
                change(direction);
            }
        });
    }

    /// What the directions' effect can be looked for with.
    #[must_use]
    pub fn carriers(self) -> Vec<Carriers> {
        // While texts are written it is not known, and need not be sought at each token.
        let told = |s: Option<&Steered>, steer: &Steer| {
            let whole = s.filter(|s| s.complete);
            whole.map_or_else(Vec::new, |s| s.report.carriers(steer))
        };
        self.steered(|s| self.steer(|steer| told(s, steer)))
    }

    /// Sets the patching room up to find what carries the directions' effect on a token.
    pub fn look_for(self, carriers: Carriers) {
        self.experiment.update(|e| *e = carriers.experiment(e));
        self.active.set(0);
    }

    /// Layers that the steering names and the model that is open has not.
    #[must_use]
    pub fn misfit(self) -> Option<Misfit> {
        let layers = self.model()?.n_layer;
        self.experiment.with(|e| {
            let steers = !e.room.is_patching() || e.steered.is_some();
            misfit(e.steer.as_ref().filter(|_| steers)?, layers)
        })
    }

    /// Names the nearest layers that the model has in the place of those it has not.
    pub fn take_nearest(self) {
        if let Some(model) = untrack(|| self.model()) {
            self.edit_steer(|s| nearest(s, model.n_layer));
        }
    }
}
