//! One request and its answer, chunk by chunk.

use super::FetchError;
use super::error::{Break, Change};
use crate::worker::js::words;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::Uint8Array;
use std::ops::Range;
use std::pin::pin;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, ReadableStreamReadResult, ReferrerPolicy,
    RequestCache, RequestInit, RequestRedirect, Response, ResponseType, WorkerGlobalScope,
};

/// Milliseconds without a byte after which a connection counts as lost.
const STALL: u32 = 20_000;

/// Seconds that a server may ask to wait.
const LONGEST_WAIT: f64 = 120.0;

/// An answer whose body is still to be read.
pub struct Reply {
    pub url: String,
    /// Where in the file the body begins.
    pub start: u64,
    /// Bytes of the whole file, where the server says.
    pub total: Option<u64>,
    /// What tells one version of the file from another, where the server says.
    pub tag: Option<String>,
    reader: Option<ReadableStreamDefaultReader>,
    signal: AbortSignal,
    done: u64,
}

/// Asks for a file from byte `from` on. No header but a plain range is ever
/// sent: another one would make the browser ask the server for leave first.
pub async fn get(
    url: &str,
    from: u64,
    cache: RequestCache,
    signal: &AbortSignal,
) -> Result<Reply, FetchError> {
    let range = (from > 0).then(|| format!("bytes={from}-"));
    let response = send(url, "GET", range, cache, signal).await?;
    Reply::with_body(url, from, &response, signal)
}

/// Asks for the bytes `range` of a file, by a plain range header as [`get`] does.
pub async fn part(
    url: &str,
    range: &Range<u64>,
    signal: &AbortSignal,
) -> Result<Reply, FetchError> {
    let header = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
    // The browser would keep addresses that expire.
    let cache = RequestCache::NoStore;
    let response = send(url, "GET", Some(header), cache, signal).await?;
    Reply::with_body(url, range.start, &response, signal)
}

/// Bytes of a file, where the server says, without fetching it.
pub async fn size(url: &str, signal: &AbortSignal) -> Result<Option<u64>, FetchError> {
    let response = send(url, "HEAD", None, RequestCache::Default, signal).await?;
    Ok(Reply::new(url, 0, &response, signal)?.total)
}

/// Bytes that a model's small files may have: its config, its tokenizer, a list of its files.
const SMALL: usize = 64 << 20;

/// The whole of a small file.
pub async fn all(url: &str, signal: &AbortSignal) -> Result<Vec<u8>, FetchError> {
    let reply = get(url, 0, RequestCache::Default, signal).await?;
    whole(reply, SMALL).await
}

/// The whole of a file of no more than so many bytes, from this very address: a person
/// agreed to its host, and not to where that may lead.
pub async fn here(url: &str, most: usize, signal: &AbortSignal) -> Result<Vec<u8>, FetchError> {
    let (cache, redirect) = (RequestCache::Default, RequestRedirect::Manual);
    let response = ask(url, "GET", None, cache, redirect, signal).await?;
    if response.type_() == ResponseType::Opaqueredirect {
        return Err(FetchError::LeadsOn { url: url.into() });
    }
    whole(Reply::with_body(url, 0, &response, signal)?, most).await
}

async fn whole(mut reply: Reply, most: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        let have = bytes.len() + chunk.length() as usize;
        if have > most {
            let url = reply.url.clone();
            return Err(FetchError::TooLarge { url, most });
        }
        bytes.extend(chunk.to_vec());
    }
    Ok(bytes)
}

/// The whole of a small file, asked for again where that may help.
pub async fn patiently(url: &str, signal: &AbortSignal) -> Result<Vec<u8>, FetchError> {
    for seconds in [1.0, 2.0, 4.0] {
        match all(url, signal).await {
            Err(e) if e.is_passing() => {
                let asked = match e {
                    FetchError::Busy { after, .. } => after,
                    _ => None,
                };
                pause(asked.unwrap_or(seconds), signal).await?;
            }
            answer => return answer,
        }
    }
    all(url, signal).await
}

/// Waits, unless it is stopped.
pub async fn pause(seconds: f64, signal: &AbortSignal) -> Result<(), FetchError> {
    const STEP: f64 = 0.2;
    let mut left = seconds;
    while left > 0.0 {
        if signal.aborted() {
            return Err(FetchError::Cancelled);
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below STEP
        TimeoutFuture::new((1000.0 * left.min(STEP)) as u32).await;
        left -= STEP;
    }
    Ok(())
}

async fn send(
    url: &str,
    method: &str,
    range: Option<String>,
    cache: RequestCache,
    signal: &AbortSignal,
) -> Result<Response, FetchError> {
    ask(url, method, range, cache, RequestRedirect::Follow, signal).await
}

async fn ask(
    url: &str,
    method: &str,
    range: Option<String>,
    cache: RequestCache,
    redirect: RequestRedirect,
    signal: &AbortSignal,
) -> Result<Response, FetchError> {
    let failed = |e: JsValue| match signal.aborted() {
        true => FetchError::Cancelled,
        false => FetchError::Unreachable {
            url: url.into(),
            reason: Break::Browser(words(&e)),
        },
    };
    let init = RequestInit::new();
    init.set_method(method);
    init.set_signal(Some(signal));
    init.set_cache(cache);
    init.set_redirect(redirect);
    // As the page says of itself; a worker does not take that over.
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    if let Some(range) = range {
        let headers = Headers::new().map_err(failed)?;
        headers.set("Range", &range).map_err(failed)?;
        init.set_headers(&headers);
    }
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let answer = pin!(JsFuture::from(scope.fetch_with_str_and_init(url, &init)));
    match select(answer, TimeoutFuture::new(STALL)).await {
        Either::Left((answer, _)) => Ok(answer.map_err(failed)?.unchecked_into()),
        Either::Right(_) => Err(FetchError::Unreachable {
            url: url.into(),
            reason: Break::NoAnswer {
                seconds: STALL / 1000,
            },
        }),
    }
}

impl Reply {
    fn with_body(
        url: &str,
        from: u64,
        response: &Response,
        signal: &AbortSignal,
    ) -> Result<Self, FetchError> {
        let mut reply = Self::new(url, from, response, signal)?;
        reply.reader = response.body().map(|b| b.get_reader().unchecked_into());
        Ok(reply)
    }

    fn new(
        url: &str,
        from: u64,
        response: &Response,
        signal: &AbortSignal,
    ) -> Result<Self, FetchError> {
        let (url, status) = (url.to_owned(), response.status());
        let header = |name| response.headers().get(name).ok().flatten();
        match status {
            200 | 206 => {}
            // The address it was sent on to has expired: asking again brings a new one.
            403 if response.redirected() => {
                return Err(FetchError::Busy {
                    url,
                    status,
                    after: None,
                });
            }
            401 | 403 => return Err(FetchError::Denied { url, status }),
            404 | 410 => return Err(FetchError::Missing { url, status }),
            416 => {
                return Err(FetchError::Changed {
                    url,
                    what: Change::NoByte { from },
                });
            }
            408 | 429 | 500.. => {
                let after = header("retry-after").and_then(|s| s.parse::<f64>().ok());
                return Err(FetchError::Busy {
                    url,
                    status,
                    after: after.map(|s| s.clamp(0.0, LONGEST_WAIT)),
                });
            }
            _ => return Err(FetchError::Status { url, status }),
        }
        if header("content-type").is_some_and(|t| t.starts_with("text/html")) {
            return Err(FetchError::WebPage { url });
        }
        // Of a compressed file the header says how much is sent, not how much it is.
        let length = match header("content-encoding") {
            None => header("content-length").and_then(|n| n.parse::<u64>().ok()),
            Some(_) => None,
        };
        // `bytes 100-199/200`
        let range = header("content-range");
        let range = range.as_deref().and_then(|r| r.strip_prefix("bytes "));
        let start = match status {
            206 => range
                .and_then(|r| r.split('-').next()?.parse().ok())
                .unwrap_or(from),
            _ => 0,
        };
        let total = range
            .filter(|_| status == 206)
            .and_then(|r| r.split('/').nth(1)?.parse().ok())
            .or(length.map(|n| start + n));
        // Packed on the way, the same version has the same mark, but a weak one.
        let tag = header("etag").map(|tag| tag.trim_start_matches("W/").to_owned());
        Ok(Self {
            url,
            start,
            total,
            tag: tag.or_else(|| header("last-modified")),
            reader: None,
            signal: signal.clone(),
            done: 0,
        })
    }

    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Uint8Array>, FetchError> {
        // No body at all is an empty one.
        let Some(reader) = &self.reader else {
            return Ok(None);
        };
        let lost = |reason: Break| match self.signal.aborted() {
            true => FetchError::Cancelled,
            false => FetchError::Interrupted {
                url: self.url.clone(),
                done: self.start + self.done,
                reason,
            },
        };
        let read = pin!(JsFuture::from(reader.read()));
        let read = match select(read, TimeoutFuture::new(STALL)).await {
            Either::Left((read, _)) => read.map_err(|e| lost(Break::Browser(words(&e))))?,
            Either::Right(_) => {
                let seconds = STALL / 1000;
                return Err(lost(Break::NoByte { seconds }));
            }
        };
        let read: ReadableStreamReadResult = read.unchecked_into();
        if read.get_done().unwrap_or(true) {
            return Ok(None);
        }
        let chunk: Uint8Array = read.get_value().unchecked_into();
        self.done += u64::from(chunk.length());
        Ok(Some(chunk))
    }
}

/// Nobody reads what may still be on its way.
impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            // It may have failed already; then there is nothing to end.
            let ended = reader.cancel();
            wasm_bindgen_futures::spawn_local(async move {
                let _ = JsFuture::from(ended).await;
            });
        }
    }
}
