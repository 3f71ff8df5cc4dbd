//! Results in short, of what is on the page.

use super::signals::{State, Status};
use crate::digest;
use leptos::prelude::*;
use patchbay_engine::experiment::{Compared, Digest, checksum};

impl State {
    /// The results of what is on the page, once they are whole.
    #[must_use]
    pub fn digest(self) -> Option<Digest> {
        self.status.with(|status| {
            let Status::Ready { model, backend, .. } = status else {
                return None;
            };
            self.results.with(|results| {
                self.experiment
                    .with(|e| digest::digest(results, e, model, &backend.name))
            })
        })
    }

    /// The same, where nothing of them is hidden.
    #[must_use]
    pub fn shown_digest(self) -> Option<Digest> {
        let hidden = self.is_covered();
        self.digest().filter(|_| !hidden)
    }

    /// The results that came with the link, as long as what is on the page is what they
    /// are of, and how what came out here differs from them, once it did.
    #[must_use]
    pub fn author(self) -> Option<(Digest, Option<Compared>)> {
        if self.is_covered() {
            return None;
        }
        let author = self.author.get()?;
        self.experiment.with(|e| {
            if author.of != checksum(e) {
                return None;
            }
            let compared = self.status.with(|status| {
                let Status::Ready { model, .. } = status else {
                    return None;
                };
                self.results
                    .with(|results| digest::compared(&author, results, e, model))
            });
            Some((author, compared))
        })
    }
}
