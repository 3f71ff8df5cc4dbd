//! Parts of a dictionary's files, from the host that has them.

use super::remark::DictionaryUnread;
use super::weights::UNANSWERED;
use super::{FetchError, http};
use crate::dictionary;
use crate::model::Cancelled;
use crate::sentence::{Said, Sentence, Stop};
use crate::session::{DictionaryFile, Unread};
use crate::source::Place;
use std::ops::Range;
use web_sys::{AbortSignal, RequestCache};

/// Seconds to wait before what broke off is asked for again.
const PAUSES: [f64; 3] = [1.0, 2.0, 4.0];

/// Reads bytes of a file, or as many as it has there. Another host than the
/// page's own is asked only where it is among the `agreed` ones.
pub async fn read(
    file: &DictionaryFile<'_>,
    range: Range<u64>,
    take: &mut dyn FnMut(&[u8]),
    place: Option<&Place>,
    agreed: &[String],
    signal: &AbortSignal,
) -> Result<(), Unread> {
    let because = |sentence: &dyn Sentence| Err(Unread::Because(Said::of(sentence)));
    let name = file.dictionary;
    let (Some(named), Some(place)) = (dictionary::named(name), place) else {
        let name = name.into();
        return because(&DictionaryUnread::Name { name });
    };
    if let Err(e) = named.check(place) {
        return because(&Stop(e));
    }
    if let Some(host) = named.host(place)
        && !agreed.contains(&host)
    {
        let name = name.into();
        return because(&DictionaryUnread::NotAgreed { name, host });
    }
    let url = format!("{}{}/{}", named.folder(place), file.folder, file.name);
    let mut at = range.start;
    let mut pauses = PAUSES.into_iter();
    let mut unanswered = 0;
    loop {
        let read = some(&url, &mut at, range.end, take, signal).await;
        let refused = matches!(read, Err(FetchError::Unreachable { .. }));
        unanswered = if refused { unanswered + 1 } else { 0 };
        let read = match read {
            Err(e) if unanswered == UNANSWERED => Err(whether_parts(&url, e, signal).await),
            read => read.map_err(|e| e.of(&named, place)),
        };
        match read {
            Ok(()) => return Ok(()),
            Err(FetchError::Cancelled) => return Err(Cancelled.into()),
            Err(e) => match pauses.next().filter(|_| e.is_passing()) {
                Some(seconds) => match http::pause(seconds, signal).await {
                    Ok(()) => {}
                    Err(_) => return Err(Cancelled.into()),
                },
                None => return Err(unread(e)),
            },
        }
    }
}

/// Of a server that does not answer when a part is asked for, whether it does when
/// the whole is: then this browser asks it for leave, and it refuses.
async fn whether_parts(url: &str, e: FetchError, signal: &AbortSignal) -> FetchError {
    match http::get(url, 0, RequestCache::NoStore, signal).await {
        // Only its beginning is on its way; nobody reads it.
        Ok(whole) => FetchError::NoParts {
            url: url.into(),
            megabytes: whole.total.map(|bytes| bytes / 1_000_000),
        },
        Err(_) => e,
    }
}

/// Reads on from `at`, which is where it has got to when it breaks off.
async fn some(
    url: &str,
    at: &mut u64,
    end: u64,
    take: &mut dyn FnMut(&[u8]),
    signal: &AbortSignal,
) -> Result<(), FetchError> {
    let mut reply = http::part(url, &(*at..end), signal).await?;
    if reply.start != *at {
        return Err(FetchError::WholeOnly { url: url.into() });
    }
    while *at < end
        && let Some(chunk) = reply.chunk().await?
    {
        // Where the server sends more than was asked for, the rest is not read.
        let bytes = chunk.to_vec();
        let wanted = usize::try_from(end - *at).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(wanted)];
        *at += bytes.len() as u64;
        take(bytes);
    }
    Ok(())
}

/// What to say of a dictionary, of which nothing is kept.
fn unread(e: FetchError) -> Unread {
    Unread::Because(match e {
        FetchError::Missing { url, status } => DictionaryUnread::Missing { url, status }.said(),
        fault @ FetchError::Repository(_) => DictionaryUnread::Withheld { fault }.said(),
        FetchError::Busy { url, status, .. } => DictionaryUnread::Busy { url, status }.said(),
        FetchError::Interrupted { url, done, reason } => {
            DictionaryUnread::BrokenOff { url, done, reason }.said()
        }
        e => Stop(e).said(),
    })
}
