//! The steering room's part of the experiment.

use super::signals::State;
use crate::examples;
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
        self.results.with(|r| read(r.steered.as_ref()))
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
    pub fn carriers(self) -> Option<Carriers> {
        // While texts are written it is not known, and need not be sought at each token.
        let told = |s: Option<&Steered>, steer: &Steer| {
            let whole = s.filter(|s| s.complete)?;
            whole.report.carriers(steer)
        };
        self.steered(|s| self.steer(|steer| told(s, steer)))
    }

    /// Sets the patching room up to find what carries the directions' effect.
    pub fn look_for_carriers(self) {
        if let Some(carriers) = untrack(|| self.carriers()) {
            self.experiment.update(|e| *e = carriers.experiment(e));
            self.active.set(0);
        }
    }
}
