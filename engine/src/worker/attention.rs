//! What a running request pays to the page: news, and time to listen.

use super::load::dictionary;
use super::serve::{Desk, Running, post};
use crate::experiment::{Stage, Update};
use crate::model::Cancelled;
use crate::protocol::{Agreed, Response};
use crate::session::{Crew, DictionaryFile, Host, Turn, Unread};
use futures_channel::oneshot;
use js_sys::Promise;
use std::cell::Cell;
use std::ops::Range;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Milliseconds of computing after which messages are looked at: short enough
/// for a person, long enough to cost nothing.
const BREATH_EVERY: f64 = 12.0;

/// Milliseconds between two reports of progress.
const PROGRESS_EVERY: f64 = 50.0;

/// What a running request pays to the page.
pub(super) struct Attention<'a> {
    desk: &'a Desk,
    running: &'a Running,
    /// Whether it does pieces of another engine's sweep.
    share: bool,
    agreed: Agreed,
    breathed: Cell<f64>,
    progress_told: Cell<f64>,
}

impl<'a> Attention<'a> {
    pub fn new(desk: &'a Desk, running: &'a Running, share: bool, agreed: Agreed) -> Self {
        Self {
            desk,
            running,
            share,
            agreed,
            breathed: Cell::new(desk.clock.now()),
            progress_told: Cell::new(f64::NEG_INFINITY),
        }
    }
}

impl Host for Attention<'_> {
    fn update(&self, update: Update) {
        if matches!(&update, Update::Progress(p) if p.stage != Stage::Load) {
            let now = self.now();
            if now - self.progress_told.get() < PROGRESS_EVERY {
                return;
            }
            self.progress_told.set(now);
        }
        post(&Response::Update {
            id: self.running.id,
            update: Box::new(update),
        });
    }

    fn now(&self) -> f64 {
        self.desk.clock.now()
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        if self.now() - self.breathed.get() >= BREATH_EVERY {
            // A turn of the event loop. A timer would be held back for 4 ms.
            let channel = &self.desk.channel;
            let turn = Promise::new(&mut |resolve, _| {
                channel.port1().set_onmessage(Some(&resolve));
            });
            // Neither can fail: the ports are open, and nothing rejects.
            if channel.port2().post_message(&JsValue::NULL).is_ok() {
                let _ = JsFuture::from(turn).await;
            }
            self.breathed.set(self.now());
        }
        match self.running.abort.signal().aborted() {
            true => Err(Cancelled),
            false => Ok(()),
        }
    }

    fn crew(&self) -> Option<&Crew> {
        (!self.share).then(|| self.desk.helpers.crew())
    }

    fn shares(&self) -> bool {
        self.share
    }

    async fn read(
        &self,
        file: &DictionaryFile<'_>,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Unread> {
        let place = self.desk.place.borrow().clone();
        let signal = self.running.abort.signal();
        dictionary::read(
            file,
            range,
            take,
            place.as_ref(),
            &self.agreed.hosts,
            &signal,
        )
        .await
    }

    fn reads_encoders(&self) -> bool {
        self.agreed.encoders
    }

    async fn turn(&self, crew: &Crew) -> Turn {
        if !self.share {
            self.desk.helpers.answer_waiting();
            return crew.turn().await;
        }
        let (give, given) = oneshot::channel();
        self.desk.piece.replace(Some(give));
        post(&Response::Wants {
            id: self.running.id,
        });
        // Nobody gives any more when it is cancelled.
        match given.await {
            Ok(Some(piece)) => Turn::Do(piece),
            _ => Turn::Over,
        }
    }
}
