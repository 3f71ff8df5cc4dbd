//! A model's files, from wherever they are to an engine.

pub(super) mod dictionary;
mod error;
mod files;
mod find;
mod http;
mod meter;
mod remark;
mod shelf;
mod weights;

pub(super) use error::{FetchError, LoadError};
pub(super) use find::offer;
pub(super) use shelf::{forget, list};

use super::engines::{Coming, Engine, On};
use super::js::words;
use crate::experiment::Progress;
use crate::experiment::link::LARGEST;
use crate::model::folder::{INDEX, Shelf as _};
use crate::model::{Folder, ModelError};
use crate::protocol::{Keeping, SourceInfo};
use crate::sentence::{Said, Sentence};
use crate::source::{Named, Place, WEIGHTS};
use crate::text::decoded;
use files::Files;
use find::Source;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use meter::Meter;
use remark::LoadRemark;
use shelf::Shelf;
use std::borrow::Cow;
use std::pin::pin;
use web_sys::{AbortSignal, RequestCache};
use weights::{Brought, Way, Weights};

/// What is loaded, and whoever waits for it.
pub(super) struct Load<'a> {
    pub model: &'a str,
    pub place: &'a Place,
    pub on: On<'a>,
    pub signal: &'a AbortSignal,
    /// Milliseconds since some moment.
    pub now: &'a dyn Fn() -> f64,
    pub report: &'a dyn Fn(Progress, Option<Said>),
    /// Lets go of the model loaded before: two at once may not fit.
    pub make_room: &'a dyn Fn(),
}

/// An attempt that failed.
struct Failed {
    error: LoadError,
    /// Whether the browser had kept some of the files that it blames.
    had_kept: bool,
}

impl<E: Into<LoadError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            had_kept: false,
        }
    }
}

/// Milliseconds in which an experiment's file has to come.
const PATIENCE: u32 = 60_000;

/// The text of an experiment's file.
pub(super) async fn experiment(url: &str, signal: &AbortSignal) -> Result<String, LoadError> {
    let fetched = pin!(http::here(url, LARGEST, signal));
    let bytes = match select(fetched, TimeoutFuture::new(PATIENCE)).await {
        Either::Left((bytes, _)) => bytes.map_err(|e| match e {
            // What is said of these is meant for a model, which is kept and asked for again.
            FetchError::Missing { url, status }
            | FetchError::Denied { url, status }
            | FetchError::Busy { url, status, .. } => FetchError::Status { url, status },
            FetchError::Interrupted { url, reason, .. } => FetchError::Unreachable { url, reason },
            e => e,
        })?,
        Either::Right(_) => {
            let (url, seconds) = (url.into(), PATIENCE / 1000);
            return Err(FetchError::Slow { url, seconds }.into());
        }
    };
    let text = decoded(&bytes).map(Cow::into_owned);
    text.ok_or_else(|| FetchError::NoText { url: url.into() }.into())
}

impl Load<'_> {
    /// Loads the model, and says meanwhile how far it is.
    pub async fn run(&self) -> Result<(Engine, SourceInfo), LoadError> {
        let meter = Meter::new(self.now, self.report);
        let loaded = match select(pin!(self.attempts(&meter)), pin!(meter.watch())).await {
            Either::Left((loaded, _)) => loaded,
            Either::Right((never, _)) => match never {},
        };
        loaded.map_err(|e| e.of(self.model, self.place))
    }

    /// Where what was kept is no good, or the files changed on the way, it is done
    /// once more from the start.
    async fn attempts(&self, meter: &Meter<'_>) -> Result<(Engine, SourceInfo), LoadError> {
        let failed = match self.attempt(meter).await {
            Ok(loaded) => return Ok(loaded),
            Err(failed) => failed,
        };
        if !failed.error.blames_files() {
            return Err(failed.error);
        }
        let key = Named::parse(self.model)?.folder(self.place);
        forget(&key).await;
        let changed = matches!(failed.error, LoadError::Fetch(FetchError::Changed { .. }));
        if !failed.had_kept && !changed {
            return Err(failed.error);
        }
        meter.restart();
        match self.attempt(meter).await {
            Ok((engine, mut source)) => {
                let fault = failed.error;
                let remark = LoadRemark::FetchedAgain { fault };
                source.remarks.push(remark.said());
                Ok((engine, source))
            }
            Err(failed) => {
                if failed.error.blames_files() {
                    forget(&key).await;
                }
                Err(failed.error)
            }
        }
    }

    async fn attempt(&self, meter: &Meter<'_>) -> Result<(Engine, SourceInfo), Failed> {
        let mut source = find::source(self.model, self.place, self.signal).await?;
        meter.expect(source.manifest.bytes);
        let had_kept = source.shelf.is_some();
        let bundled = matches!(source.named, Named::Bundled(_));
        if source.shelf.is_none() && !bundled {
            source.open_shelf().await;
        }
        let blame = |e: LoadError| Failed { error: e, had_kept };
        let files = Files::of(&source, self.signal);
        let mut folder = Folder::gather(&files).await?;
        let listed = files.has(WEIGHTS).is_some();
        let unread = files.remarks.take();
        source.remarks.extend(unread);
        (self.make_room)();
        let mut coming = Coming::expect(self.model, &folder, &self.on)
            .await
            .map_err(|e| blame(e.into()))?;
        source.note(&folder).map_err(|e| blame(e.into()))?;
        meter.expect(source.manifest.bytes);
        let mut brought = self.bring(&mut coming, &mut source, meter).await;
        if !listed && matches!(&brought, Err(LoadError::Fetch(e)) if e.is_absence()) {
            // Only now is it known that the weights are not one file.
            source.manifest.files.clear();
            let files = Files::of(&source, self.signal);
            if let Some(bytes) = files.read(INDEX).await? {
                folder.put(INDEX, bytes);
                source.note(&folder).map_err(|e| blame(e.into()))?;
                meter.expect(source.manifest.bytes);
                if let Some(index) = folder.index().map_err(|e| blame(e.into()))? {
                    let expected = coming.expect_shards(index);
                    expected.map_err(|e| blame(e.into()))?;
                }
                brought = self.bring(&mut coming, &mut source, meter).await;
            }
        }
        drop(folder);
        let Brought { bytes, refused } = brought.map_err(blame)?;
        meter.tell(None);
        if let Some(reason) = refused {
            source.not_kept(&reason);
        }
        let engine = coming.finish().map_err(|e| blame(e.into()))?;
        source
            .verify(&engine.model().sha256, bytes)
            .await
            .map_err(|e| blame(e.into()))?;
        let kept = match (bundled, &source.shelf) {
            (true, _) => Keeping::Bundled,
            (false, Some(_)) => Keeping::Kept,
            (false, None) => Keeping::NotKept,
        };
        let told = engine.remarks().iter().map(Sentence::said);
        source.remarks.extend(told);
        let info = SourceInfo {
            folder: source.manifest.folder,
            revision: source.manifest.revision,
            published: source.manifest.published,
            kept,
            remarks: source.remarks,
        };
        Ok((engine, info))
    }

    /// Brings the weights to the device.
    async fn bring(
        &self,
        coming: &mut Coming,
        source: &mut Source,
        meter: &Meter<'_>,
    ) -> Result<Brought, LoadError> {
        Weights::new(Way {
            coming,
            shelf: &mut source.shelf,
            manifest: &mut source.manifest,
            meter,
            signal: self.signal,
            cache: match source.named {
                Named::Bundled(_) => RequestCache::Default,
                // The browser would keep addresses that expire.
                _ => RequestCache::NoStore,
            },
        })
        .bring()
        .await
    }
}

impl Source {
    /// Notes which files the folder has, for the next time, and what its index says.
    fn note(&mut self, folder: &Folder) -> Result<(), ModelError> {
        let index = folder.index()?;
        let whole = index.is_none().then_some(WEIGHTS);
        self.manifest.files = folder.names().chain(whole).map(String::from).collect();
        if let Some(index) = &index {
            self.manifest.take_index(index);
        }
        Ok(())
    }

    async fn open_shelf(&mut self) {
        let opened = match Shelf::open(&self.key).await {
            Ok(shelf) => shelf.put_manifest(&self.manifest).await.map(|()| shelf),
            Err(e) => Err(e),
        };
        match opened {
            Ok(shelf) => self.shelf = Some(shelf),
            Err(e) => {
                forget(&self.key).await;
                self.not_kept(&words(&e));
            }
        }
    }

    fn not_kept(&mut self, reason: &str) {
        self.shelf = None;
        let reason = reason.into();
        self.remarks.push(LoadRemark::NotKept { reason }.said());
    }

    /// Compares the hash found with the one that is published or was found before.
    async fn verify(&mut self, found: &str, bytes: u64) -> Result<(), FetchError> {
        let manifest = &mut self.manifest;
        if let Some(expected) = manifest.published.as_ref().or(manifest.sha256.as_ref())
            && expected != found
        {
            return Err(FetchError::Hash {
                file: match manifest.shards.is_empty() {
                    true => WEIGHTS.into(),
                    false => INDEX.into(),
                },
                folder: manifest.folder.clone(),
                found: found.into(),
                expected: expected.clone(),
            });
        }
        if manifest.sha256.is_none() {
            manifest.sha256 = Some(found.into());
            manifest.bytes = Some(bytes);
            if let Some(shelf) = &self.shelf
                && let Err(e) = shelf.put_manifest(manifest).await
            {
                let reason = words(&e);
                forget(&self.key).await;
                self.not_kept(&reason);
            }
        }
        Ok(())
    }
}
