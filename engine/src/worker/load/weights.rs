//! The weights: what is kept of them, then what the network brings, with a new
//! request from the next byte on wherever one breaks off.

use super::error::{Break, Change};
use super::http::{self, Reply};
use super::meter::Meter;
use super::shelf::{Manifest, PART, Shelf, forget};
use super::{FetchError, LoadError};
use crate::worker::engines::Coming;
use crate::worker::js::words;
use js_sys::{Array, Uint8Array};
use web_sys::{AbortSignal, Blob, RequestCache};

/// Bytes that go into the page's memory at once.
const STEP: u32 = 1 << 20;

/// Bytes after which the device is waited for, so that they do not pile up.
const SETTLE: u64 = 32 << 20;

/// Requests in a row that may bring nothing before it is given up; the pauses
/// between them double, from one second.
const TRIES: u32 = 5;

/// Of a server never heard of before, fewer: the address may be wrong.
const FIRST_TRIES: u32 = 2;

/// Requests for a part that nobody answers, after which the whole is asked for.
pub(super) const UNANSWERED: u32 = 2;

/// What the weights of one model need on their way to a device.
pub struct Way<'a> {
    pub coming: &'a mut Coming,
    /// Where they are kept; `None` from the moment on when the browser refuses.
    pub shelf: &'a mut Option<Shelf>,
    pub manifest: &'a mut Manifest,
    pub meter: &'a Meter<'a>,
    pub signal: &'a AbortSignal,
    /// What the browser's own cache may do.
    pub cache: RequestCache,
}

/// The weights, all of which have come.
pub struct Brought {
    pub bytes: u64,
    /// Why the browser refused to keep them, where it did.
    pub refused: Option<String>,
}

/// The weights on their way.
pub struct Weights<'a> {
    way: Way<'a>,
    /// The file that comes now, where it is, and which of several it is.
    file: String,
    url: String,
    shard: Option<usize>,
    /// Bytes pushed.
    at: u64,
    settled: u64,
    /// Chunks of the part that is not kept yet, and their bytes.
    pending: Array,
    pending_bytes: u64,
    parts: u64,
    buffer: Vec<u8>,
    /// Why the browser refused to keep more.
    refused: Option<String>,
    /// Requests in a row for the rest alone that nobody answered.
    unanswered: u32,
    /// Whether all is asked for, because the rest alone is not to be had.
    whole: bool,
}

impl<'a> Weights<'a> {
    pub fn new(way: Way<'a>) -> Self {
        Self {
            file: String::new(),
            url: String::new(),
            shard: None,
            way,
            at: 0,
            settled: 0,
            pending: Array::new(),
            pending_bytes: 0,
            parts: 0,
            buffer: Vec::new(),
            refused: None,
            unanswered: 0,
            whole: false,
        }
    }

    /// Brings all of them, file by file.
    pub async fn bring(mut self) -> Result<Brought, LoadError> {
        let mut bytes = 0;
        while let Some(file) = self.way.coming.file().map(str::to_owned) {
            self.url = format!("{}{file}", self.way.manifest.folder);
            (self.at, self.settled, self.parts) = (0, 0, 0);
            self.shard = self.way.manifest.shards.iter().position(|s| s.name == file);
            self.file = file;
            self.one().await?;
            let found = self.way.coming.end_file()?;
            self.compare(found)?;
            bytes += self.at;
        }
        self.way.coming.settle().await?;
        Ok(Brought {
            bytes,
            refused: self.refused,
        })
    }

    /// Compares the hash of one of several files with the one that is published.
    fn compare(&self, found: String) -> Result<(), FetchError> {
        let manifest = &self.way.manifest;
        let shard = self.shard.and_then(|i| manifest.shards.get(i));
        match shard.and_then(|s| s.published.clone()) {
            Some(expected) if expected != found => Err(FetchError::Hash {
                file: self.file.clone(),
                folder: manifest.folder.clone(),
                found,
                expected,
            }),
            _ => Ok(()),
        }
    }

    /// Brings one file.
    async fn one(&mut self) -> Result<(), LoadError> {
        self.kept().await?;
        let (mut tries, mut heard) = (0, self.at > 0);
        while !self.complete() {
            let before = self.at;
            let error = match self.request().await {
                Ok(_) if self.complete() => break,
                // The whole of a file that is none: its end says what is missing.
                Ok(Some(whole)) if whole == self.at => break,
                // The body ended, but the file did not.
                Ok(_) => FetchError::Interrupted {
                    url: self.url.clone(),
                    done: self.at,
                    reason: Break::EndedEarly,
                }
                .into(),
                Err(e) => e,
            };
            if self.at > before {
                (tries, heard) = (0, true);
            }
            let LoadError::Fetch(error) = error else {
                return Err(error);
            };
            tries += 1;
            let most = if heard { TRIES } else { FIRST_TRIES };
            let seconds = match &error {
                FetchError::Busy {
                    after: Some(after), ..
                } => *after,
                _ => f64::from(1 << (tries - 1)),
            };
            let Some(waiting) = error.waiting(seconds).filter(|_| tries <= most) else {
                return Err(error.into());
            };
            self.way.meter.waits(&waiting);
            http::pause(seconds, self.way.signal).await?;
        }
        self.way.meter.ends();
        self.keep().await;
        Ok(())
    }

    fn complete(&self) -> bool {
        self.way.coming.file_bytes() == Some(self.at)
    }

    /// What the browser has kept.
    async fn kept(&mut self) -> Result<(), LoadError> {
        let Some(shelf) = self.way.shelf.clone() else {
            return Ok(());
        };
        while let Some(part) = shelf.part(&self.file, self.at / PART).await {
            self.push(&part, false).await?;
            if self.complete() {
                break;
            }
            if u64::from(part.length()) != PART {
                return Err(FetchError::Changed {
                    url: self.url.clone(),
                    what: Change::Damaged,
                }
                .into());
            }
        }
        self.parts = self.at / PART;
        Ok(())
    }

    /// One request, read to its end. Bytes of the whole file, where the server says.
    async fn request(&mut self) -> Result<Option<u64>, LoadError> {
        self.way.meter.asks();
        let mut reply = self.ask().await?;
        self.check(&reply)?;
        if self.at == 0 {
            self.note(&reply).await;
        }
        let mut skip = self.at.saturating_sub(reply.start);
        while let Some(chunk) = reply.chunk().await? {
            // A server without ranges sends again what has come already.
            let skipped = skip.min(u64::from(chunk.length()));
            if skipped > 0 {
                skip -= skipped;
                self.way.meter.pass(skipped, self.at);
            }
            #[allow(clippy::cast_possible_truncation)] // at most the chunk's length
            let chunk = chunk.subarray(skipped as u32, chunk.length());
            if chunk.length() == 0 {
                continue;
            }
            self.hold(&chunk).await;
            self.push(&chunk, true).await?;
            self.long_enough(None)?;
        }
        self.long_enough(reply.total)?;
        Ok(reply.total)
    }

    /// Asks for what is still to come. Some browsers ask a server for leave before
    /// they ask it for a part, and where it refuses they say no more than that it
    /// does not answer: where it answers without, all of it is asked for from then on.
    /// Not at the first failure, which may be the network's.
    async fn ask(&mut self) -> Result<Reply, FetchError> {
        let Way { cache, signal, .. } = self.way;
        let from = if self.whole { 0 } else { self.at };
        let answer = http::get(&self.url, from, cache, signal).await;
        let refused = from > 0 && matches!(answer, Err(FetchError::Unreachable { .. }));
        self.unanswered = if refused { self.unanswered + 1 } else { 0 };
        if self.unanswered < UNANSWERED {
            return answer;
        }
        let answer = http::get(&self.url, 0, cache, signal).await?;
        self.whole = true;
        Ok(answer)
    }

    /// Whether the file is as long as its header needs: as long as it is published
    /// to be, and `ended` bytes, at which the server ends it. (Of a file that is
    /// packed on the way, the length that it announces is not the file's.)
    fn long_enough(&self, ended: Option<u64>) -> Result<(), FetchError> {
        let manifest = &self.way.manifest;
        let published = match self.shard.and_then(|i| manifest.shards.get(i)) {
            Some(shard) => shard.bytes.filter(|_| shard.published.is_some()),
            None => manifest.bytes.filter(|_| manifest.published.is_some()),
        };
        let ended = ended.filter(|end| *end == self.at);
        let found = published.into_iter().chain(ended).min();
        match (found, self.way.coming.file_bytes()) {
            (Some(found), Some(expected)) if found < expected => Err(FetchError::CutShort {
                url: self.url.clone(),
                found,
                expected,
            }),
            _ => Ok(()),
        }
    }

    /// Whether an answer belongs to the version that has come so far.
    fn check(&self, reply: &Reply) -> Result<(), FetchError> {
        let changed = |what: Change| FetchError::Changed {
            url: reply.url.clone(),
            what,
        };
        if reply.start > self.at {
            return Err(changed(Change::OtherByte {
                asked: self.at,
                sent: reply.start,
            }));
        }
        let tag = match self.shard.and_then(|i| self.way.manifest.shards.get(i)) {
            Some(shard) => &shard.tag,
            None => &self.way.manifest.tag,
        };
        if let (Some(old), Some(new)) = (tag, &reply.tag)
            && self.at > 0
            && old != new
        {
            return Err(changed(Change::Mark {
                old: old.clone(),
                new: new.clone(),
            }));
        }
        match (self.way.coming.file_bytes(), reply.total) {
            (Some(expected), Some(found)) if self.at > 0 && expected != found => {
                Err(changed(Change::Bytes { expected, found }))
            }
            _ => Ok(()),
        }
    }

    /// Notes which version is kept from now on.
    async fn note(&mut self, reply: &Reply) {
        let manifest = &mut *self.way.manifest;
        match self.shard.and_then(|i| manifest.shards.get_mut(i)) {
            Some(shard) => {
                shard.tag.clone_from(&reply.tag);
                shard.bytes = shard.bytes.or(reply.total);
            }
            None => {
                manifest.tag.clone_from(&reply.tag);
                manifest.bytes = manifest.bytes.or(reply.total);
            }
        }
        self.way.meter.expect(manifest.bytes);
        if let Some(shelf) = self.way.shelf.clone() {
            let put = shelf.put_manifest(self.way.manifest).await;
            self.refuse(put.err()).await;
        }
    }

    /// Bytes to the device, some at a time.
    async fn push(&mut self, chunk: &Uint8Array, fetched: bool) -> Result<(), LoadError> {
        if self.way.signal.aborted() {
            return Err(FetchError::Cancelled.into());
        }
        let length = chunk.length();
        for first in (0..length).step_by(STEP as usize) {
            let some = chunk.subarray(first, length.min(first + STEP));
            self.buffer.resize(some.length() as usize, 0);
            some.copy_to(&mut self.buffer);
            self.way.coming.push(&self.buffer)?;
        }
        self.at += u64::from(length);
        self.way.meter.add(u64::from(length), fetched);
        if self.at - self.settled >= SETTLE {
            self.settled = self.at;
            self.way.coming.settle().await?;
        }
        Ok(())
    }

    /// Holds bytes from the network until a part of them is whole, and keeps it.
    async fn hold(&mut self, chunk: &Uint8Array) {
        let mut rest = chunk.clone();
        while self.way.shelf.is_some() && rest.length() > 0 {
            let room = PART - self.pending_bytes;
            #[allow(clippy::cast_possible_truncation)] // at most a part
            let now = room.min(u64::from(rest.length())) as u32;
            // A copy: the browser may use a chunk's memory again.
            self.pending.push(&rest.slice(0, now));
            self.pending_bytes += u64::from(now);
            rest = rest.subarray(now, rest.length());
            if self.pending_bytes == PART {
                self.keep().await;
            }
        }
    }

    /// Keeps the part that is held, the last one though it is shorter.
    async fn keep(&mut self) {
        let pending = std::mem::replace(&mut self.pending, Array::new());
        let bytes = std::mem::take(&mut self.pending_bytes);
        let Some(shelf) = self.way.shelf.clone().filter(|_| bytes > 0) else {
            return;
        };
        let put = match Blob::new_with_u8_array_sequence(&pending) {
            Ok(blob) => shelf.put_part(&self.file, self.parts, &blob).await,
            Err(e) => Err(e),
        };
        self.parts += 1;
        self.refuse(put.err()).await;
    }

    /// The browser will not keep more: the model is loaded without. What it had kept
    /// goes at once, so that it does not stay if the load is stopped.
    async fn refuse(&mut self, error: Option<wasm_bindgen::JsValue>) {
        if let Some(error) = error {
            self.refused = Some(words(&error));
            if let Some(shelf) = self.way.shelf.take() {
                forget(shelf.folder()).await;
            }
        }
    }
}
