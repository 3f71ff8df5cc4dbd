//! The steering room's part of the experiment.

use super::signals::State;
use crate::results::Steered;
use leptos::prelude::*;
use patchbay_engine::experiment::{
    self, Direction, Experiment, Metric, MetricKind, Mode, Positions, Prompt, Room, Site, Steer,
    Sweep, Token, Tokens, TopToken, Written,
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

    /// Where the directions change most what comes next: the prompt with what was
    /// written up to there, the token that they raise most, and the one that comes
    /// there without them.
    pub fn carriers(self) -> Option<(Prompt, Tokens, Tokens)> {
        let (prompt, everywhere) = self.steer(|s| {
            let all = |d: &Direction| d.positions == Positions::All;
            (s.prompt.clone(), s.directions.iter().all(all))
        });
        self.steered(|s| {
            let kl = |w: &Written| w.unsteered.as_ref().map_or(0.0, |u| u.kl);
            // While texts are written it is not known, and need not be sought at each token.
            let samples = &s.filter(|s| s.complete)?.report.samples;
            // Those that act on some positions only would act elsewhere in a longer prompt.
            let within = if everywhere { usize::MAX } else { 1 };
            let all = samples.iter().flat_map(|s| {
                let some = s.steered.iter().enumerate().take(within);
                some.map(move |(i, w)| (&s.steered[..i], w))
            });
            let (before, at) = all.max_by(|a, b| kl(a.1).total_cmp(&kl(b.1)))?;
            let without = &at.unsteered.as_ref()?.top;
            let raised = |t: &TopToken| {
                let then = without.iter().find(|u| u.token.id == t.token.id);
                t.probability - then.map_or(0.0, |u| u.probability)
            };
            let most = at.top.iter();
            let most = most.max_by(|a, b| raised(a).total_cmp(&raised(b)))?;
            let other = without.iter().find(|u| u.token.id != most.token.id)?;
            let name = |t: &TopToken| Tokens::One(t.token.reference());
            let tokens = &s?.report.prompt;
            (raised(most) > 0.0)
                .then(|| (extended(prompt, tokens, before), name(most), name(other)))
        })
    }

    /// Sets the patching room up to find what carries the directions' effect:
    /// the steered run of the prompt is clean, the unsteered one corrupted.
    pub fn look_for_carriers(self) {
        let Some((prompt, answer, wrong)) = untrack(|| self.carriers()) else {
            return;
        };
        self.experiment.update(|e| {
            let steer = e.steer.take().unwrap_or_default();
            *e = Experiment {
                model: e.model.clone(),
                bos: e.bos,
                clean: prompt.clone(),
                corrupted: prompt,
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

/// A prompt, which is `tokens`, with what was written after it: by ids where that
/// has parts of characters, which are not read again as they were.
fn extended(prompt: Prompt, tokens: &[Token], written: &[Written]) -> Prompt {
    match prompt {
        Prompt::Text(mut text) if written.iter().all(|w| !w.token.bytes) => {
            text.extend(written.iter().map(|w| w.token.text.as_str()));
            Prompt::Text(text)
        }
        _ => {
            let all = tokens.iter().chain(written.iter().map(|w| &w.token));
            Prompt::Tokens(all.map(|t| t.id).collect())
        }
    }
}
