//! What the page tells the one in which it is embedded, and does for it.

use super::signals::{Notice, State, Status};
use crate::embed::{Asked, hear, tell};
use crate::link::BrokenLink;
use crate::text::{said, say, text};
use leptos::prelude::*;
use patchbay_engine::experiment::link::{encode, open};
use serde_json::json;

impl State {
    pub(super) fn keep_embed(self) {
        if !self.embedded {
            return;
        }
        let place = Memo::new(move |_| {
            self.status.with(|status| match status {
                Status::Ready { model, backend, .. } => {
                    Some((model.name.clone(), backend.name.clone()))
                }
                _ => None,
            })
        });
        Effect::new(move |_| {
            if let Some((model, backend)) = place.get() {
                tell(&json!({ "type": "ready", "model": model, "backend": backend }));
            }
        });
        Effect::new(move |_| {
            let link = self.experiment.with(encode);
            tell(&json!({ "type": "state", "link": link }));
        });
        let digest = Memo::new(move |_| self.shown_digest());
        Effect::new(move |_| {
            if let Some(digest) = digest.get() {
                tell(&json!({ "type": "result", "digest": digest }));
            }
        });
        let failure = Memo::new(move |_| {
            if let Status::Failed(failure) = self.status.get() {
                return Some(said(&failure.message, &failure.says));
            }
            match self.notice.get()? {
                Notice::Failure(failure) => Some(said(&failure.message, &failure.says)),
                Notice::Restarted { reason: told } | Notice::File { message: told } => Some(told),
            }
        });
        Effect::new(move |_| {
            let broken = self.broken_link.get().map(|broken| broken.message);
            if let Some(message) = failure.get().or(broken) {
                tell_error(&message);
            }
        });
        hear(move |asked| match asked {
            Asked::Set { link } => match open(&link) {
                Ok(Some(opened)) => self.open_link(opened),
                Ok(None) => {}
                Err(error) => self.broken_link.set(Some(BrokenLink {
                    message: say(&error),
                    text: link,
                })),
            },
            Asked::Run => self.run(),
            Asked::Cancel => self.cancel(),
            Asked::Resume { handed } => {
                if !self.resume(&handed) {
                    tell_error(text().share.not_resumed);
                }
            }
        });
    }
}

fn tell_error(message: &str) {
    tell(&json!({ "type": "error", "message": message }));
}
