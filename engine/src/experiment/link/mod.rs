//! An experiment as the end of a link: the only place that knows its form.
//!
//! A link ends in `#v2=` and base64url without padding of what `deflate` makes of a
//! JSON object with the fields of [`Link`]. Links of before, `#v1=` and the
//! experiment's JSON alone in base64url, open for ever. The fragment never leaves the
//! browser: no server sees the prompts.

mod deflate;

use base64::engine::general_purpose::{self, GeneralPurpose, URL_SAFE_NO_PAD};
use base64::{Engine as _, alphabet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Digest, Experiment, Handed, ParseError, Show, Workshop, limits, tree};
use crate::json;
use crate::sentence::{Says, Sentence};
use deflate::Fault;

const PREFIX: &str = "v2=";
/// What is handed in begins with it: packed as a link is, and no link.
const HANDED: &str = "handed1=";

/// Characters of a link that are read at most.
pub const LONGEST: usize = 1_000_000;
/// Bytes of a link's JSON that are unpacked at most.
pub const LARGEST: usize = 4_000_000;

/// What a link holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
pub struct Link {
    /// Everything a person set up; in the present version, whichever the link was written
    /// in.
    pub experiment: Experiment,
    /// What came out of it, as whoever made the link says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How it is embedded, and what of it the people of a workshop see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show: Option<Show>,
    /// What is asked of whoever opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workshop: Option<Workshop>,
}

/// What of a link is not the experiment, which has versions of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    #[serde(default)]
    digest: Option<Digest>,
    #[serde(default)]
    show: Option<Show>,
}

impl From<Experiment> for Link {
    #[inline]
    fn from(experiment: Experiment) -> Self {
        Self {
            experiment,
            digest: None,
            show: None,
            workshop: None,
        }
    }
}

/// Why a fragment is not an experiment.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A link is of a form that a later version writes.
    #[error(
        "this link has the form {found:?}, but this page knows v1 and v2; open it with a newer Patchbay"
    )]
    Form {
        /// What stands before `=`: `v3`.
        found: String,
    },
    /// The body has a character that base64url has not, or an impossible length.
    #[error("this link is cut short or changed: {0}")]
    Base64(#[from] base64::DecodeError),
    /// What the body holds cannot be inflated, or goes on after its end.
    #[error("this link is cut short or changed: what it packs cannot be unpacked")]
    Packed,
    /// What was unpacked is no text.
    #[error("this link is cut short or changed: its text is not UTF-8")]
    Utf8,
    /// The body is longer than [`LONGEST`], so it was not decoded.
    #[error(
        "this link has {found} characters, but at most {LONGEST} are read; share the experiment as a file"
    )]
    TooLong {
        /// Its characters.
        found: usize,
    },
    /// What the body holds inflates to more than [`LARGEST`] bytes.
    #[error(
        "this link unpacks to more than {LARGEST} bytes, which is more than is read; share the experiment as a file"
    )]
    TooLarge,
    /// It was unpacked, and is no experiment.
    #[error(transparent)]
    Experiment(#[from] ParseError),
}

impl Sentence for LinkError {
    // By hand, as what the page says is: it is smaller so.
    #[inline]
    fn says(&self) -> Says {
        match self {
            Self::Form { found } => Says::new("link.form", [("found", found.as_str().into())]),
            Self::Base64(reason) => {
                let reason = reason.to_string().into();
                Says::new("link.base64", [("reason", reason)])
            }
            Self::Packed => Says::new("link.packed", []),
            Self::Utf8 => Says::new("link.utf8", []),
            Self::TooLong { found } => {
                let most = ("most", LONGEST.into());
                Says::new("link.too_long", [("found", (*found).into()), most])
            }
            Self::TooLarge => Says::new("link.too_large", [("most", LARGEST.into())]),
            Self::Experiment(e) => e.says(),
        }
    }
}

/// The fragment for an experiment, without `#`.
#[must_use]
// As `from_json`: compiled with whoever calls it.
#[inline]
pub fn encode(experiment: &Experiment) -> String {
    packed(&experiment.clone().into())
}

/// The fragment for an experiment and what is to be beside it, without `#`.
#[must_use]
#[inline]
pub fn packed(link: &Link) -> String {
    format!("{PREFIX}{}", text_of(&link.to_json()))
}

/// What a person hands in, as a text to paste.
#[must_use]
#[inline]
pub fn handed(handed: &Handed) -> String {
    // Strings, numbers and lists only: nothing in it can fail to serialise.
    let json = serde_json::to_string(handed).unwrap_or_default();
    format!("{HANDED}{}", text_of(&json))
}

/// Characters in front of what was handed in that are told of it.
const BEFORE: usize = 40;

/// All that was handed in within a text, each with what stands in front of it on its line:
/// names, quotation marks, commas of a table are passed over.
#[inline]
pub fn all_handed(text: &str) -> impl Iterator<Item = (String, Result<Handed, LinkError>)> {
    text.match_indices(HANDED).map(move |(at, _)| {
        let (line, is_whole) = line_before(text, at);
        let line = match line.rsplit_once(HANDED) {
            Some((_, rest)) => rest.trim_start_matches(is_packed),
            // What is longer may be the end of another one.
            None if !is_whole => line.trim_start_matches(is_packed),
            None => line,
        };
        let from = line
            .char_indices()
            .rev()
            .nth(BEFORE - 1)
            .map_or(0, |(at, _)| at);
        let before = line[from..].trim_matches(|c: char| !c.is_alphanumeric());
        let rest = &text[at + HANDED.len()..];
        let end = rest.find(|c| !is_packed(c)).unwrap_or(rest.len());
        let (first, after) = rest.split_at(end);
        let handed = one_handed(first).or_else(|fault| wrapped(first, after).ok_or(fault));
        (before.to_owned(), handed)
    })
}

/// The end of the line in front of a place in a text, and whether it is all of it: a line
/// may be as long as the text, and each that is handed in stands on it.
fn line_before(text: &str, at: usize) -> (&str, bool) {
    let near = (at.saturating_sub(10 * BEFORE)..=at).find(|from| text.is_char_boundary(*from));
    let near = &text[near.unwrap_or(at)..at];
    match near.rsplit_once('\n') {
        Some((_, line)) => (line, true),
        None => (near, near.len() == at),
    }
}

/// Whether packed text has this character.
fn is_packed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Lines of a mail that one text is spread over at most, and characters of them.
const LINES: usize = 400;
const MOST_WRAPPED: usize = 60_000;

/// What a mail program has cut into lines, quoted or not, by its first one and what stands
/// after that; `None` where it is not that. It is unpacked once: what is packed knows its
/// own end, and a word that follows looks like a part of it.
fn wrapped(first: &str, after: &str) -> Option<Handed> {
    let after = after.strip_prefix('=').unwrap_or(after);
    let after = after
        .strip_prefix('\r')
        .unwrap_or(after)
        .strip_prefix('\n')?;
    let mut whole = first.to_owned();
    for line in after.lines().take(LINES) {
        let line = line.trim_start_matches(['>', ' ', '\t']).trim_end();
        let end = line.find(|c| !is_packed(c)).unwrap_or(line.len());
        whole.push_str(&line[..end]);
        if end == 0 || end < line.len() || whole.len() > MOST_WRAPPED {
            break;
        }
    }
    if whole.len() % 4 == 1 {
        whole.pop();
    }
    let json = deflate::unpack_first(&LENIENT.decode(whole).ok()?, LARGEST).ok()?;
    read_handed(String::from_utf8(json).ok()?.as_str()).ok()
}

/// Bits that are left over are those of what follows.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    general_purpose::NO_PAD.with_decode_allow_trailing_bits(true),
);

fn one_handed(packed: &str) -> Result<Handed, LinkError> {
    read_handed(&unpacked(packed)?)
}

fn read_handed(json: &str) -> Result<Handed, LinkError> {
    let value = json::value(json).map_err(ParseError::from)?;
    Ok(Handed::from_value(value)?)
}

fn text_of(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(deflate::pack(json.as_bytes()))
}

/// The JSON that was packed.
fn unpacked(text: &str) -> Result<String, LinkError> {
    if text.len() > LONGEST {
        return Err(LinkError::TooLong { found: text.len() });
    }
    let bytes = deflate::unpack(&URL_SAFE_NO_PAD.decode(text)?, LARGEST);
    let bytes = bytes.map_err(|fault| match fault {
        Fault::Broken => LinkError::Packed,
        Fault::TooLarge => LinkError::TooLarge,
    })?;
    String::from_utf8(bytes).map_err(|_| LinkError::Utf8)
}

/// Reads a fragment, with or without `#`; `None` where it does not claim to be
/// an experiment (empty, or the id of an element).
///
/// # Errors
/// [`LinkError`] where it claims to be one and is not.
#[inline]
pub fn decode(fragment: &str) -> Result<Option<Experiment>, LinkError> {
    Ok(open(fragment)?.map(|link| link.experiment))
}

/// The address of a link whose experiment is a file on some server, `from=https://...`; `None`
/// where it is another kind of link. Nothing is to be asked there before a person agreed.
#[must_use]
#[inline]
pub fn behind(fragment: &str) -> Option<&str> {
    fragment.trim_start_matches('#').strip_prefix("from=")
}

/// As [`decode`], with what is beside the experiment.
///
/// # Errors
/// As [`decode`].
#[inline]
pub fn open(fragment: &str) -> Result<Option<Link>, LinkError> {
    let fragment = fragment.trim_start_matches('#');
    let Some((form, body)) = fragment.split_once('=') else {
        return Ok(None);
    };
    let is_version = form
        .strip_prefix('v')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if !is_version {
        return Ok(None);
    }
    if !matches!(form, "v1" | "v2") {
        return Err(LinkError::Form { found: form.into() });
    }
    if body.len() > LONGEST {
        return Err(LinkError::TooLong { found: body.len() });
    }
    // Mail and chat programs like to add a full stop or padding to a link.
    let body = body.trim_end_matches(['=', '.', ',', ')', '>']);
    if form == "v1" {
        let bytes = URL_SAFE_NO_PAD.decode(body)?;
        let json = String::from_utf8(bytes).map_err(|_| LinkError::Utf8)?;
        let experiment = Experiment::from_json(&json)?;
        return Ok(Some(experiment.into()));
    }
    Ok(Some(Link::from_json(&unpacked(body)?)?))
}

/// Reads what somebody pasted: the address of a link, or its end; `None` where it does
/// not claim to be one.
///
/// # Errors
/// As [`decode`].
#[inline]
pub fn find(text: &str) -> Result<Option<Link>, LinkError> {
    let text = text.trim();
    open(text.rsplit_once('#').map_or(text, |(_, end)| end))
}

impl Link {
    /// Reads a file: the JSON that a link packs, or that of an experiment alone.
    ///
    /// # Errors
    /// [`ParseError`] when it is neither of a known version.
    #[inline]
    pub fn from_file(text: &str) -> Result<Self, ParseError> {
        let whole = json::value(text)?;
        match whole.get("experiment") {
            Some(_) => Self::from_value(whole),
            None => Ok(Experiment::from_value(whole)?.into()),
        }
    }

    /// Reads the JSON that a link packs.
    ///
    /// # Errors
    /// [`ParseError`] when it is not JSON of a known version.
    #[inline]
    pub fn from_json(text: &str) -> Result<Self, ParseError> {
        Self::from_value(json::value(text)?)
    }

    #[inline]
    fn from_value(mut whole: Value) -> Result<Self, ParseError> {
        let fields = whole.as_object_mut();
        let experiment = fields.and_then(|fields| fields.remove("experiment"));
        let experiment = Experiment::from_value(experiment.unwrap_or(Value::Object(Map::new())))?;
        let fields = whole.as_object_mut();
        let workshop = fields.and_then(|fields| fields.remove("workshop"));
        let workshop = workshop.filter(|w| !w.is_null());
        let workshop = workshop.map(Workshop::from_value).transpose()?;
        workshop.as_ref().map_or(Ok(()), Workshop::check)?;
        limits::within_limits(&whole, limits::Stage::Opened)?;
        let Beside { digest, show } = tree::read(&whole)?;
        Ok(Self {
            experiment,
            digest,
            show,
            workshop,
        })
    }

    /// The JSON that a link packs.
    #[must_use]
    #[inline]
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists only: nothing in it can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
