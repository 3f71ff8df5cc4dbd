//! Models kept in the browser's Cache storage: one cache a model, its weights in
//! parts, so that an interrupted download goes on where it was.
//!
//! Everything here may be refused (a private window, a sandboxed frame, a full
//! disk); the model is then loaded all the same, and not kept.

use crate::model::{Index, combined_sha256};
use crate::protocol::{KeptModel, Store};
use crate::source::WEIGHTS;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, CacheStorage, Request, Response, StorageEstimate, WorkerGlobalScope};

/// Bytes of a part of the weights.
pub const PART: u64 = 8 << 20;

/// What the caches of models are called, before the folder's address.
const PREFIX: &str = "patchbay-model-1 ";

const MANIFEST: &str = "patchbay.json";

/// Milliseconds within which a manifest that is written anew is there again.
const REWRITTEN: u32 = 1_000;

/// What is known of a kept model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The name that it was loaded by.
    pub model: String,
    /// Where its files come from: for a repository, the folder of one commit.
    pub folder: String,
    pub revision: Option<String>,
    pub licence: Option<String>,
    /// Of the weights, as published.
    pub published: Option<String>,
    /// Bytes of the weights, where known.
    pub bytes: Option<u64>,
    /// The server's mark of the version that parts belong to.
    pub tag: Option<String>,
    /// Of the weights, once all of them had come and were right.
    pub sha256: Option<String>,
    /// The files that the folder has, of those that are read; empty where that is
    /// not known.
    #[serde(default)]
    pub files: Vec<String>,
    /// Where the weights are in several files: these, in the order in which they come.
    #[serde(default)]
    pub shards: Vec<Shard>,
}

/// What is known of one of several files of weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shard {
    pub name: String,
    pub bytes: Option<u64>,
    /// SHA-256, as published.
    pub published: Option<String>,
    /// The server's mark of the version that parts belong to.
    pub tag: Option<String>,
}

impl Manifest {
    /// Takes what an index says: which files there are, and with what is known of
    /// each how large they are together and which hash they have.
    pub fn take_index(&mut self, index: &Index) {
        let known = std::mem::take(&mut self.shards);
        let of = |name: &String| {
            let found = known.iter().find(|s| s.name == *name).cloned();
            found.unwrap_or_else(|| Shard {
                name: name.clone(),
                ..Shard::default()
            })
        };
        self.shards = index.shards().iter().map(of).collect();
        let bytes: Option<u64> = self.shards.iter().map(|s| s.bytes).sum();
        self.bytes = bytes.or(index.total);
        let hashes: Option<Vec<_>> = self
            .shards
            .iter()
            .map(|s| Some((s.name.as_str(), s.published.as_deref()?)))
            .collect();
        self.published = hashes.map(combined_sha256);
    }

    /// The names of the weights' files.
    fn weights(&self) -> Vec<&str> {
        match self.shards.is_empty() {
            true => vec![WEIGHTS],
            false => self.shards.iter().map(|s| s.name.as_str()).collect(),
        }
    }
}

/// One model's place.
#[derive(Clone)]
pub struct Shelf {
    cache: Cache,
    folder: String,
}

fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn storage() -> Result<CacheStorage, JsValue> {
    // Reading the property throws where storage is forbidden.
    let caches = Reflect::get(&scope(), &"caches".into())?;
    caches.dyn_into().map_err(|_| {
        JsValue::from_str(
            "the page has no storage; it is in a sandboxed frame, or not served over HTTPS",
        )
    })
}

impl Shelf {
    /// The place of the model of this folder.
    ///
    /// # Errors
    /// The browser's own, where it keeps nothing.
    pub async fn open(folder: &str) -> Result<Self, JsValue> {
        let cache = JsFuture::from(storage()?.open(&format!("{PREFIX}{folder}"))).await?;
        Ok(Self {
            cache: cache.unchecked_into(),
            folder: folder.into(),
        })
    }

    /// The place, if something is kept there.
    pub async fn find(folder: &str) -> Option<(Self, Manifest)> {
        let has = storage().ok()?.has(&format!("{PREFIX}{folder}"));
        if !JsFuture::from(has).await.ok()?.is_truthy() {
            return None;
        }
        let shelf = Self::open(folder).await.ok()?;
        let manifest = shelf.manifest().await?;
        Some((shelf, manifest))
    }

    /// The folder that it is called after.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    pub async fn manifest(&self) -> Option<Manifest> {
        let bytes = self.file(MANIFEST).await?;
        serde_json::from_slice(&bytes.to_vec()).ok()
    }

    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<(), JsValue> {
        let json = serde_json::to_string(manifest).unwrap_or_default();
        self.put(MANIFEST, Response::new_with_opt_str(Some(&json))?)
            .await
    }

    /// A file, if it is kept.
    pub async fn file(&self, name: &str) -> Option<Uint8Array> {
        let found = self.cache.match_with_str(&format!("{}{name}", self.folder));
        let found = JsFuture::from(found).await.ok()?;
        let response: Response = found.dyn_into().ok()?;
        let buffer = JsFuture::from(response.array_buffer().ok()?).await.ok()?;
        Some(Uint8Array::new(&buffer))
    }

    pub async fn put_file(&self, name: &str, bytes: &[u8]) -> Result<(), JsValue> {
        let copy = Uint8Array::from(bytes);
        let body = Blob::new_with_u8_array_sequence(&Array::of1(&copy))?;
        self.put(name, Response::new_with_opt_blob(Some(&body))?)
            .await
    }

    /// Part `n` of a file of weights, if it is kept.
    pub async fn part(&self, file: &str, n: u64) -> Option<Uint8Array> {
        self.file(&part(file, n)).await
    }

    pub async fn put_part(&self, file: &str, n: u64, body: &Blob) -> Result<(), JsValue> {
        self.put(&part(file, n), Response::new_with_opt_blob(Some(body))?)
            .await
    }

    async fn names(&self) -> Option<Vec<String>> {
        let keys: Array = JsFuture::from(self.cache.keys())
            .await
            .ok()?
            .unchecked_into();
        let name = |key: JsValue| {
            // The browser may spell the folder's address in another way.
            let url = key.unchecked_into::<Request>().url();
            url.rsplit_once('/').map(|(_, name)| name.to_owned())
        };
        Some(keys.iter().filter_map(name).collect())
    }

    async fn empty(&self) {
        let Ok(keys) = JsFuture::from(self.cache.keys()).await else {
            return;
        };
        for key in keys.unchecked_into::<Array>().iter() {
            let key: Request = key.unchecked_into();
            let _ = JsFuture::from(self.cache.delete_with_request(&key)).await;
        }
    }

    async fn put(&self, name: &str, response: Response) -> Result<(), JsValue> {
        let url = format!("{}{name}", self.folder);
        JsFuture::from(self.cache.put_with_str(&url, &response)).await?;
        Ok(())
    }
}

fn part(file: &str, n: u64) -> String {
    format!("{file}?part={n}")
}

/// Deletes what is kept of a folder's model.
pub async fn forget(folder: &str) {
    if let Ok(storage) = storage() {
        let name = format!("{PREFIX}{folder}");
        // Nothing to delete is as good as deleted.
        let has = JsFuture::from(storage.has(&name)).await;
        if has.is_ok_and(|has| has.is_truthy())
            && let Ok(shelf) = Shelf::open(folder).await
        {
            // One by one, because a browser may keep the files of a deleted cache
            // until nobody has it open any more.
            shelf.empty().await;
        }
        let _ = JsFuture::from(storage.delete(&name)).await;
    }
}

/// Deletes files that belong to no model that anyone could open: what a full
/// storage, or a page that was closed, has left.
async fn sweep(folder: &str) {
    let Ok(shelf) = Shelf::open(folder).await else {
        return;
    };
    if shelf.names().await.is_none_or(|names| names.is_empty()) {
        return;
    }
    // It may be written anew just now.
    TimeoutFuture::new(REWRITTEN).await;
    if shelf.manifest().await.is_none() {
        forget(folder).await;
    }
}

/// Everything that is kept.
pub async fn list() -> Store {
    let mut store = Store::default();
    let Ok(storage) = storage() else {
        return store;
    };
    let Ok(keys) = JsFuture::from(storage.keys()).await else {
        return store;
    };
    store.available = true;
    for key in keys.unchecked_into::<Array>().iter() {
        let key = key.as_string().unwrap_or_default();
        let Some(folder) = key.strip_prefix(PREFIX) else {
            continue;
        };
        let Some((shelf, manifest)) = Shelf::find(folder).await else {
            sweep(folder).await;
            continue;
        };
        store.models.push(KeptModel {
            key: folder.into(),
            bytes: shelf.bytes(&manifest).await,
            total: manifest.bytes,
            complete: manifest.sha256.is_some(),
            model: manifest.model,
            folder: manifest.folder,
        });
    }
    let manager = scope().navigator().storage();
    if let Ok(estimate) = manager.estimate()
        && let Ok(estimate) = JsFuture::from(estimate).await
    {
        let estimate: StorageEstimate = estimate.unchecked_into();
        store.usage = whole(estimate.get_usage());
        store.quota = whole(estimate.get_quota());
    }
    if let Ok(persisted) = manager.persisted()
        && let Ok(persisted) = JsFuture::from(persisted).await
    {
        store.persisted = persisted.as_bool();
    }
    store
}

impl Shelf {
    /// Bytes of weights that are kept.
    pub async fn bytes(&self, manifest: &Manifest) -> u64 {
        match (manifest.sha256.is_some(), manifest.bytes) {
            (true, Some(bytes)) => bytes,
            (_, bytes) => {
                let names = self.names().await.unwrap_or_default();
                let kept = |file: &str| {
                    let parts = (0..).take_while(|n| names.contains(&part(file, *n)));
                    parts.count() as u64
                };
                let parts: u64 = manifest.weights().into_iter().map(kept).sum();
                (parts * PART).min(bytes.unwrap_or(u64::MAX))
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bytes
fn whole(bytes: Option<f64>) -> Option<u64> {
    bytes.map(|b| b as u64)
}
