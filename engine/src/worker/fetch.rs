//! The three files of a model folder, over the network.

use crate::experiment::{Progress, Stage};
use crate::model::Files;
use js_sys::{Reflect, Uint8Array};
use std::cell::Cell;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, ReadableStreamDefaultReader, ReadableStreamReadResult, RequestInit, Response,
    WorkerGlobalScope,
};

/// Why a file did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(
        "{url} was answered with status {status}{text}; a model's folder must have config.json, tokenizer.json and model.safetensors, so check the folder's address"
    )]
    Status {
        url: String,
        status: u16,
        /// The server's words for it, in brackets, where it sent any.
        text: String,
    },
    #[error(
        "{url} could not be reached ({reason}); check the address and the connection; a server other than this page's must allow it (CORS)"
    )]
    Unreachable { url: String, reason: String },
    #[error("{url} broke off after {done} bytes ({reason}); check the connection and load again")]
    Interrupted {
        url: String,
        done: u64,
        reason: String,
    },
    #[error("{url} ended after {done} bytes, but {expected} were announced; load again")]
    Short {
        url: String,
        done: u64,
        expected: u64,
    },
    #[error(
        "there is no room for the {bytes} bytes of {url}; close other tabs, or choose a smaller model"
    )]
    NoRoom { url: String, bytes: u64 },
    #[error("stopped")]
    Cancelled,
}

/// Milliseconds between two reports of progress: more often than anyone can read.
const REPORT_EVERY: f64 = 50.0;

/// Fetches `config.json`, `tokenizer.json` and `model.safetensors` from `folder`,
/// an absolute address. `abort` stops it; `now` is in milliseconds.
pub async fn files(
    folder: &str,
    abort: &AbortController,
    now: impl Fn() -> f64,
    report: impl Fn(Progress),
) -> Result<Files, FetchError> {
    let files = all(folder, abort, now, report).await;
    if files.is_err() {
        // Nobody reads what may still be on its way.
        abort.abort();
    }
    files
}

async fn all(
    folder: &str,
    abort: &AbortController,
    now: impl Fn() -> f64,
    report: impl Fn(Progress),
) -> Result<Files, FetchError> {
    let folder = folder.trim_end_matches('/');
    let names = ["config.json", "tokenizer.json", "model.safetensors"];
    let urls = names.map(|name| format!("{folder}/{name}"));
    // All three at once; the headers of all say how much there is to come.
    let requests = urls.each_ref().map(|url| request(url, abort));
    let mut arriving = Vec::with_capacity(names.len());
    for (url, request) in urls.iter().zip(requests) {
        let response = request.await.map_err(|e| match abort.signal().aborted() {
            true => FetchError::Cancelled,
            false => FetchError::Unreachable {
                url: url.clone(),
                reason: words(&e),
            },
        })?;
        arriving.push(Arriving::new(url, response.unchecked_into())?);
    }
    let meter = Meter {
        started: now(),
        told: Cell::new(f64::NEG_INFINITY),
        done: Cell::new(0),
        total: arriving.iter().filter_map(|a| a.length).sum(),
        now,
        report,
    };
    let mut files = Vec::with_capacity(names.len());
    for file in arriving {
        files.push(file.read(abort, &meter).await?);
    }
    meter.tell(true);
    let [config, tokenizer, weights] = <[Vec<u8>; 3]>::try_from(files).unwrap_or_default();
    Ok(Files {
        config,
        tokenizer,
        weights,
    })
}

fn request(url: &str, abort: &AbortController) -> JsFuture {
    let init = RequestInit::new();
    init.set_signal(Some(&abort.signal()));
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    JsFuture::from(scope.fetch_with_str_and_init(url, &init))
}

struct Arriving {
    url: String,
    response: Response,
    /// Bytes of the file, where the server says.
    length: Option<u64>,
}

impl Arriving {
    fn new(url: &str, response: Response) -> Result<Self, FetchError> {
        if !response.ok() {
            let text = response.status_text();
            return Err(FetchError::Status {
                url: url.into(),
                status: response.status(),
                text: match text.is_empty() {
                    true => text,
                    false => format!(" ({text})"),
                },
            });
        }
        let header = |name| response.headers().get(name).ok().flatten();
        // Of a compressed file the header says how much is sent, not how much it is.
        let length = match header("content-encoding") {
            None => header("content-length").and_then(|n| n.parse().ok()),
            Some(_) => None,
        };
        Ok(Self {
            url: url.into(),
            length,
            response,
        })
    }

    async fn read(
        self,
        abort: &AbortController,
        meter: &Meter<impl Fn() -> f64, impl Fn(Progress)>,
    ) -> Result<Vec<u8>, FetchError> {
        let Self {
            url,
            response,
            length,
        } = self;
        let mut bytes = Vec::new();
        reserve(&mut bytes, length.unwrap_or(0), &url)?;
        // No body at all is an empty one.
        let Some(body) = response.body() else {
            return Ok(bytes);
        };
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        loop {
            let read = JsFuture::from(reader.read()).await;
            let read = read.map_err(|e| match abort.signal().aborted() {
                true => FetchError::Cancelled,
                false => FetchError::Interrupted {
                    url: url.clone(),
                    done: bytes.len() as u64,
                    reason: words(&e),
                },
            })?;
            let read: ReadableStreamReadResult = read.unchecked_into();
            if read.get_done().unwrap_or(true) {
                break;
            }
            let chunk: Uint8Array = read.get_value().unchecked_into();
            let start = bytes.len();
            reserve(&mut bytes, u64::from(chunk.length()), &url)?;
            bytes.resize(start + chunk.length() as usize, 0);
            chunk.copy_to(&mut bytes[start..]);
            meter.add(u64::from(chunk.length()));
        }
        match length {
            Some(expected) if bytes.len() as u64 != expected => Err(FetchError::Short {
                url,
                done: bytes.len() as u64,
                expected,
            }),
            _ => Ok(bytes),
        }
    }
}

/// Room for `more` bytes. What is announced is reserved at once, because a
/// vector that grows by doubling needs three times the room for a moment.
fn reserve(bytes: &mut Vec<u8>, more: u64, url: &str) -> Result<(), FetchError> {
    let no_room = || FetchError::NoRoom {
        url: url.into(),
        bytes: bytes.len() as u64 + more,
    };
    let room = usize::try_from(more).map_err(|_| no_room())?;
    if bytes.capacity() - bytes.len() >= room {
        return Ok(());
    }
    let reserved = match bytes.is_empty() {
        true => bytes.try_reserve_exact(room),
        false => bytes.try_reserve(room),
    };
    reserved.map_err(|_| FetchError::NoRoom {
        url: url.into(),
        bytes: bytes.len() as u64 + more,
    })
}

/// Counts bytes and reports them now and then.
struct Meter<N, R> {
    started: f64,
    told: Cell<f64>,
    done: Cell<u64>,
    /// Bytes announced; files of unknown length are not in it.
    total: u64,
    now: N,
    report: R,
}

impl<N: Fn() -> f64, R: Fn(Progress)> Meter<N, R> {
    fn add(&self, bytes: u64) {
        self.done.set(self.done.get() + bytes);
        self.tell(false);
    }

    #[allow(clippy::cast_precision_loss)] // an estimate
    fn tell(&self, at_any_rate: bool) {
        let now = (self.now)();
        if !at_any_rate && now - self.told.get() < REPORT_EVERY {
            return;
        }
        self.told.set(now);
        let done = self.done.get();
        let total = self.total.max(done);
        let seconds = (now - self.started) / 1000.0;
        (self.report)(Progress {
            stage: Stage::Load,
            done,
            total,
            seconds_left: (done > 0).then(|| seconds * (total - done) as f64 / done as f64),
        });
    }
}

/// What JavaScript says went wrong.
pub(super) fn words(error: &JsValue) -> String {
    Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}
