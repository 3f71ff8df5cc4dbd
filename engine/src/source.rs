//! Names of models, and the addresses that they lead to. No network here.

mod address;
mod withheld;

pub use address::{Address, Fault};
pub use withheld::Withheld;

use crate::sentence::{Says, Sentence};
use serde::{Deserialize, Serialize};

/// The hub that repositories are looked for on.
pub const HUB: &str = "https://huggingface.co";

/// The file with the weights.
pub const WEIGHTS: &str = "model.safetensors";

/// Where addresses start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Absolute address of the folder that has `models/`: Patchbay's own.
    pub home: String,
    /// A server with the Hugging Face hub's layout, in place of [`HUB`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
}

impl Place {
    /// The hub's host.
    #[must_use]
    pub fn hub_host(&self) -> String {
        let hub = hub(self);
        Address::parse(hub).map_or_else(|_| hub.into(), |address| address.host)
    }
}

/// What a person typed as the address of a hub's mirror; of a bare host, HTTPS is meant.
///
/// # Errors
/// [`NameError::Hub`], also where it is another computer without HTTPS.
pub fn mirror(typed: &str) -> Result<Address, NameError> {
    let found = match typed.contains("://") {
        true => typed.to_owned(),
        false => format!("https://{typed}"),
    };
    Address::safe(&found).map_err(|fault| NameError::Hub { found, fault })
}

/// An experiment's file on somebody's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// What is asked for, with its query; it has no fragment.
    pub url: String,
    /// Whom it is asked of, as [`Address::host`].
    pub host: String,
}

impl Remote {
    /// Reads the address of a file; it may have a query.
    ///
    /// # Errors
    /// [`NameError::File`], also where it is another computer without HTTPS.
    #[inline]
    pub fn parse(typed: &str) -> Result<Self, NameError> {
        let (path, query) = match typed.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (typed, None),
        };
        let unfit = |c: &char| !c.is_ascii_graphic() || *c == '#';
        let letter = query.and_then(|q| q.chars().find(unfit));
        let address = match (Address::safe(path), letter) {
            (Ok(_) | Err(Fault::Insecure), Some(letter)) => Err(Fault::Letter(letter)),
            // What is said of it is meant for folders.
            (Err(Fault::Query), _) => Err(Fault::Letter('#')),
            (address, _) => address,
        };
        let address = address.map_err(|fault| NameError::File {
            found: typed.into(),
            fault,
        })?;
        let mut url = address.text.trim_end_matches('/').to_owned();
        if let Some(query) = query {
            url = format!("{url}?{query}");
        }
        Ok(Self {
            url,
            host: address.host,
        })
    }
}

/// What a name in [`Experiment::model`](crate::experiment::Experiment::model) means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A model that comes with Patchbay: `mini`.
    Bundled(String),
    /// A repository of the hub: `owner/name` or `owner/name@revision`.
    Repository {
        /// `owner/name`
        repository: String,
        /// A commit, a branch or a tag; the hub's `main` where none is named.
        revision: Option<String>,
    },
    /// A folder with a model's files: the text of an [`Address`].
    Folder(String),
}

/// Facts about a file that were known before it was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Short name in experiments and links.
    pub name: &'static str,
    /// Where the hub has it, as `owner/name`.
    pub repository: &'static str,
    /// The commit that is loaded, whatever comes after it.
    pub revision: &'static str,
    /// Of `model.safetensors`.
    pub bytes: u64,
    /// Of `model.safetensors`.
    pub sha256: &'static str,
    /// Each counted once.
    pub parameters: u64,
    /// Its short name, as the repository states it.
    pub licence: &'static str,
}

/// GPT-2 small as its makers published it.
/// Source: <https://huggingface.co/openai-community/gpt2>
pub const GPT2: Published = Published {
    name: "gpt2",
    repository: "openai-community/gpt2",
    revision: "607a30d783dfa663caf39e06633721c8d4cfcd7e",
    bytes: 548_105_171,
    sha256: "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
    parameters: 124_439_808,
    licence: "MIT",
};

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is no address, and not of the form of a name either.
    #[error(
        "{found:?} is not the name of a model; write mini, gpt2, a repository as owner/name, or the address of a folder (https://...)"
    )]
    Name {
        /// What was written.
        found: String,
    },
    /// It was meant for the address of a folder, by its `://`.
    #[error("{found:?} is not the address of a folder: {fault}")]
    Address {
        /// What was written.
        found: String,
        /// What keeps it from being one.
        fault: Fault,
    },
    /// What stands for the hub is no address, or not one that may be asked.
    #[error("{found:?} is not the address of a hub: {fault}")]
    Hub {
        /// What was written; `https://` is put before a bare host.
        found: String,
        /// What keeps it from being one.
        fault: Fault,
    },
    /// An experiment's file was to be fetched from there.
    #[error("{found:?} is not the address of a file: {fault}")]
    File {
        /// What was written.
        found: String,
        /// What keeps it from being one.
        fault: Fault,
    },
    /// It leads to a page for people.
    #[error(
        "{found:?} is a page of the hub about a repository, not a folder with its files; write the repository's name, {repository}"
    )]
    Page {
        /// What was written.
        found: String,
        /// The one that the page is about, as `owner/name`.
        repository: String,
    },
}

impl Sentence for NameError {
    // By hand, as what the page says is: it is smaller so.
    #[inline]
    fn says(&self) -> Says {
        match self {
            Self::Name { found } => Says::new("source.name", [("found", found.as_str().into())]),
            Self::Address { found, fault } => fault.says_of("source.address", found),
            Self::Hub { found, fault } => fault.says_of("source.hub", found),
            Self::File { found, fault } => fault.says_of("source.file", found),
            Self::Page { found, repository } => Says::new(
                "source.page",
                [
                    ("found", found.as_str().into()),
                    ("repository", repository.as_str().into()),
                ],
            ),
        }
    }
}

impl Named {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError`] when it is none of the three forms.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let name = name.trim();
        if name.contains("://") {
            return match Address::parse(name) {
                Ok(address) => match repository_of(&address.text) {
                    Some(repository) => Err(NameError::Page {
                        found: name.into(),
                        repository,
                    }),
                    None => Ok(Self::Folder(address.text)),
                },
                Err(fault) => Err(NameError::Address {
                    found: name.into(),
                    fault,
                }),
            };
        }
        if name == GPT2.name {
            return Ok(Self::Repository {
                repository: GPT2.repository.into(),
                revision: Some(GPT2.revision.into()),
            });
        }
        let wrong = || NameError::Name { found: name.into() };
        let (path, revision) = match name.split_once('@') {
            Some((path, revision)) if plain(revision) => (path, Some(revision.to_owned())),
            Some(_) => return Err(wrong()),
            None => (name, None),
        };
        match path.split_once('/') {
            None if plain(path) && revision.is_none() => Ok(Self::Bundled(path.into())),
            Some((owner, name)) if plain(owner) && plain(name) => Ok(Self::Repository {
                repository: path.into(),
                revision,
            }),
            _ => Err(wrong()),
        }
    }

    /// What is known of it beforehand.
    #[must_use]
    pub fn published(&self) -> Option<&'static Published> {
        match self {
            Self::Repository {
                repository,
                revision,
            } if repository == GPT2.repository && revision.as_deref() == Some(GPT2.revision) => {
                Some(&GPT2)
            }
            _ => None,
        }
    }

    /// The folder's address, with a slash at its end. A repository's is that of
    /// its revision, or of `main`, which may change.
    #[must_use]
    pub fn folder(&self, place: &Place) -> String {
        match self {
            Self::Bundled(name) => format!("{}models/{name}/", with_slash(&place.home)),
            Self::Repository {
                repository,
                revision,
            } => resolved(place, repository, revision.as_deref().unwrap_or("main")),
            Self::Folder(address) => address.clone(),
        }
    }

    /// Whether the host that [`Named::host`] shows is the one that is asked.
    ///
    /// # Errors
    /// [`NameError::Hub`] where the hub's address hides its host.
    pub fn check(&self, place: &Place) -> Result<(), NameError> {
        let found = hub(place);
        match (self, Address::parse(found)) {
            (Self::Repository { .. }, Err(fault)) => Err(NameError::Hub {
                found: found.into(),
                fault,
            }),
            _ => Ok(()),
        }
    }

    /// The host that will be asked; `None` where it is the page's own.
    #[must_use]
    pub fn host(&self, place: &Place) -> Option<String> {
        let own = host(&place.home);
        let asked = match self {
            Self::Bundled(_) => return None,
            Self::Repository { .. } => place.hub_host(),
            Self::Folder(address) => host(address).into(),
        };
        (asked != own).then_some(asked)
    }
}

/// The folder of a repository's revision.
#[must_use]
pub fn resolved(place: &Place, repository: &str, revision: &str) -> String {
    format!("{}/{repository}/resolve/{revision}/", hub(place))
}

/// Where the hub says which files a repository has, with their sizes and hashes.
#[must_use]
pub fn listing(place: &Place, repository: &str, revision: Option<&str>) -> String {
    let revision = revision.unwrap_or("main");
    format!(
        "{}/api/models/{repository}/revision/{revision}?blobs=true",
        hub(place)
    )
}

fn hub(place: &Place) -> &str {
    place.hub.as_deref().unwrap_or(HUB).trim_end_matches('/')
}

fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn with_slash(address: &str) -> String {
    format!("{}/", address.trim_end_matches('/'))
}

/// The repository that a page of the hub is about, where an address is one's.
fn repository_of(address: &str) -> Option<String> {
    let path = address.strip_prefix(HUB)?.strip_prefix('/')?;
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let repository = format!("{}/{}", parts.next()?, parts.next()?);
    // The files themselves are under `resolve`.
    (parts.next() != Some("resolve")).then_some(repository)
}

/// Nothing that would lead an address astray.
fn plain(part: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !part.is_empty() && part.bytes().all(fits) && !part.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            home: "https://page.example/a".into(),
            hub: None,
        }
    }

    #[test]
    fn a_file_has_the_host_that_it_shows() {
        for (typed, url, host) in [
            (
                "https://X.example/a/b.json",
                "https://x.example/a/b.json",
                "x.example",
            ),
            (
                "https://x.example:443/b.json?a=b/c@d:e?f",
                "https://x.example/b.json?a=b/c@d:e?f",
                "x.example",
            ),
            // The query begins where the host ends.
            (
                "https://x.example?@y.example/",
                "https://x.example?@y.example/",
                "x.example",
            ),
            ("http://localhost:80/x", "http://localhost/x", "localhost"),
        ] {
            let (url, host) = (url.into(), host.into());
            assert_eq!(Remote::parse(typed), Ok(Remote { url, host }), "{typed}");
        }
        for (typed, fault) in [
            ("http://x.example/b.json", Fault::Insecure),
            ("https://x.example/b.json#c", Fault::Letter('#')),
            ("https://x.example/b.json?c#d", Fault::Letter('#')),
            ("https://x.example/b.json?c d", Fault::Letter(' ')),
            ("https://y.example@x.example/?", Fault::Credentials),
            ("https://x.example\\.y.example/?", Fault::Backslash),
            ("data:application/json,{}", Fault::Scheme),
        ] {
            let found = typed.into();
            let expected = Err(NameError::File { found, fault });
            assert_eq!(Remote::parse(typed), expected, "{typed}");
        }
    }

    #[test]
    fn names_lead_to_folders() {
        for (name, folder, host) in [
            ("mini", "https://page.example/a/models/mini/", None),
            (
                "gpt2",
                "https://huggingface.co/openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e/",
                Some("huggingface.co"),
            ),
            (
                "distilbert/distilgpt2",
                "https://huggingface.co/distilbert/distilgpt2/resolve/main/",
                Some("huggingface.co"),
            ),
            (
                "a/b@v1.0",
                "https://huggingface.co/a/b/resolve/v1.0/",
                Some("huggingface.co"),
            ),
            (
                "https://x.example/m",
                "https://x.example/m/",
                Some("x.example"),
            ),
            ("https://page.example/m/", "https://page.example/m/", None),
        ] {
            let named = Named::parse(name).unwrap();
            assert_eq!(named.folder(&place()), folder);
            assert_eq!(named.host(&place()).as_deref(), host, "{name}");
        }
    }

    #[test]
    fn a_page_of_the_hub_is_no_folder() {
        for page in ["", "/", "/tree/main", "/blob/main/config.json"] {
            let address = format!("{HUB}/openai-community/gpt2{page}");
            let e = Named::parse(&address).unwrap_err().to_string();
            assert!(
                e.ends_with("the repository's name, openai-community/gpt2"),
                "{e}"
            );
        }
        let files = format!("{HUB}/openai-community/gpt2/resolve/main/");
        assert_eq!(Named::parse(&files).unwrap(), Named::Folder(files));
    }

    #[test]
    fn only_the_pinned_revision_is_known() {
        let known = |name: &str| Named::parse(name).unwrap().published().is_some();
        assert!(known("gpt2"));
        assert!(known(&format!("{}@{}", GPT2.repository, GPT2.revision)));
        assert!(!known("openai-community/gpt2"));
    }

    #[test]
    fn what_is_not_a_name_says_so() {
        for name in [
            "", "a/b/c", "../x", "a/..", "a b", "a/b@", "mini@1", "a@b/c",
        ] {
            let e = Named::parse(name).unwrap_err();
            assert!(matches!(e, NameError::Name { .. }), "{name}: {e}");
        }
        for name in ["ftp://x/y", "https://", "https:///x", "https://x/y?z"] {
            let e = Named::parse(name).unwrap_err();
            assert!(matches!(e, NameError::Address { .. }), "{name}: {e}");
        }
    }

    #[test]
    fn a_mirror_is_a_host_with_https_or_this_computer() {
        let text = |typed| mirror(typed).map(|a| a.text);
        for (typed, address) in [
            ("hf.example", "https://hf.example/"),
            ("https://hf.example/hub", "https://hf.example/hub/"),
            ("http://localhost:8090", "http://localhost:8090/"),
        ] {
            assert_eq!(text(typed).as_deref(), Ok(address));
        }
        for (typed, fault) in [
            ("http://hf.example", Fault::Insecure),
            ("https://me:secret@hf.example", Fault::Credentials),
            ("me@hf.example", Fault::Credentials),
            ("hf.example?x", Fault::Query),
            ("ftp://hf.example", Fault::Scheme),
            ("", Fault::Host),
        ] {
            let e = mirror(typed).unwrap_err();
            assert!(
                matches!(&e, NameError::Hub { fault: f, .. } if *f == fault),
                "{e}"
            );
        }
    }

    #[test]
    fn the_hubs_host_is_the_one_that_is_asked() {
        let at = |hub: &str| Place {
            hub: Some(hub.into()),
            ..place()
        };
        let of = |hub| Named::parse("a/b").unwrap().host(&at(hub));
        assert_eq!(of("https://HF.example:443/").as_deref(), Some("hf.example"));
        assert_eq!(of("https://page.example/hub"), None);
        let check = |name, hub| Named::parse(name).unwrap().check(&at(hub));
        assert_eq!(check("a/b", "http://lan.example/"), Ok(()));
        for hub in [
            "https://huggingface.co@evil.example",
            "https://evil.example\\.huggingface.co",
        ] {
            let e = check("a/b", hub).unwrap_err();
            assert!(matches!(e, NameError::Hub { .. }), "{hub}: {e}");
            assert_eq!(check("mini", hub), Ok(()), "mini asks no hub");
        }
    }
}
