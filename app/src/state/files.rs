//! Directions and activations from and to files.

use super::signals::{Asked, Behind, Notice, State, Wanted};
use crate::download::download;
use crate::text::{said, say, text};
use js_sys::Uint8Array;
use leptos::prelude::*;
use patchbay_engine::experiment::link::Link;
use patchbay_engine::experiment::{Direction, Export, Field};
use patchbay_engine::protocol::{Failure, Request};
use patchbay_engine::sentence::Says;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::File;

impl State {
    /// Asks for a file, which is then offered as a download.
    pub fn export(self, what: Export) {
        let experiment = Box::new(self.experiment.get_untracked());
        if !self.is_sendable(&experiment) {
            return;
        }
        let id = self.file_asked(Wanted::Download);
        self.send(&Request::Export {
            id,
            experiment,
            what,
            agreed: self.agreed(),
        });
    }

    /// Takes a direction's numbers from a file.
    pub fn read_file(self, i: usize, file: File) {
        spawn_local(async move {
            // A file that was moved or may not be read has no bytes.
            let buffer = JsFuture::from(file.array_buffer()).await;
            let bytes =
                buffer.map_or_else(|_| Uint8Array::new_with_length(0), |b| Uint8Array::new(&b));
            let id = self.file_asked(Wanted::Direction(i));
            let layers = self.direction(i, |d| d.layers.clone());
            let request = Request::Read {
                id,
                name: file.name(),
                bytes: Vec::new(),
                layer: layers.first().copied().unwrap_or_default(),
            };
            self.send_with(&request, Some(&bytes));
        });
    }

    /// Fetches what the link leads to: a person agreed.
    pub fn fetch_behind(self) {
        let waits = |b: &Behind| (!b.fetching).then(|| b.remote.url.clone());
        let url = self.behind.with_untracked(|b| b.as_ref().and_then(waits));
        let Some(url) = url else { return };
        self.behind_is(true, None);
        let id = self.file_asked(Wanted::Experiment);
        self.send(&Request::Open { id, url });
    }

    /// Does without it. What is on its way is not waited for.
    pub fn leave_behind(self) {
        self.behind.maybe_update(|behind| behind.take().is_some());
        if let Some(Asked { id, .. }) = self.take_file(|f| f.what == Wanted::Experiment) {
            self.send(&Request::Cancel { id });
        }
    }

    /// Why the experiment that was fetched is not on the page.
    pub(super) fn not_fetched(self, fault: String) {
        self.behind_is(false, Some(fault));
    }

    fn behind_is(self, fetching: bool, fault: Option<String>) {
        self.behind.update(|behind| {
            if let Some(behind) = behind {
                (behind.fetching, behind.fault) = (fetching, fault);
            }
        });
    }

    pub(super) fn experiment_fetched(self, id: u32, text: &str) {
        if self.file_answered(id).is_none() {
            return;
        }
        match Link::from_file(text) {
            Ok(link) => {
                self.behind.set(None);
                self.bring(link);
            }
            Err(error) => self.not_fetched(say(&error)),
        }
    }

    fn file_asked(self, what: Wanted) -> u32 {
        let id = self.next_id();
        self.wire
            .update_value(|wire| wire.files.push(Asked { id, what }));
        id
    }

    /// What was asked with this id; it is answered now.
    fn file_answered(self, id: u32) -> Option<Asked> {
        self.take_file(|f| f.id == id)
    }

    /// A file that is no longer waited for.
    fn take_file(self, is: impl Fn(&Asked) -> bool) -> Option<Asked> {
        let taken = self.wire.try_update_value(|wire| {
            let at = wire.files.iter().position(is)?;
            Some(wire.files.remove(at))
        });
        taken.flatten()
    }

    pub(super) fn file_written(self, id: u32, name: &str, bytes: &[u8]) {
        if self.file_answered(id).is_some() {
            download(name, "application/octet-stream", bytes);
        }
    }

    pub(super) fn file_read(self, id: u32, read: Direction) {
        let asked = self.file_answered(id);
        if let Some(Asked {
            what: Wanted::Direction(i),
            ..
        }) = asked
        {
            let n_layer = untrack(|| self.model()).map_or(usize::MAX, |m| m.n_layer);
            self.edit_direction(i, |d| {
                // How strong it is and where it acts in the text stays.
                d.site = read.site;
                // Layers that this model has not got are the file's fault, not theirs.
                if read.layers.iter().all(|l| *l < n_layer) {
                    d.layers = read.layers;
                }
                d.from = None;
                d.name = read.name;
                d.source = read.source;
            });
        }
    }

    /// Tells why a file failed, if it was a file.
    pub(super) fn file_failed(self, id: u32, failure: Failure) {
        let Some(asked) = self.file_answered(id) else {
            return;
        };
        let field = match asked.what {
            Wanted::Download => None,
            Wanted::Direction(i) => Some(Field::direction(i)),
            Wanted::Experiment => {
                return self.not_fetched(said(&failure.message, &failure.says));
            }
        };
        let mut failure = failure;
        if field.is_some() {
            failure.message = said(&failure.message, &failure.says) + text().refused.file;
            failure.says = Says::default();
        }
        self.notice.set(Some(Notice::Failure(Failure {
            field: failure.field.or(field),
            ..failure
        })));
    }
}
