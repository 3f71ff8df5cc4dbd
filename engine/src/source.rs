//! Names of models, and the addresses that they lead to. No network here.

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

/// What a name in [`Experiment::model`](crate::experiment::Experiment::model) means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A model that comes with Patchbay: `mini`.
    Bundled(String),
    /// A repository of the hub: `owner/name` or `owner/name@revision`.
    Repository {
        repository: String,
        revision: Option<String>,
    },
    /// A folder with a model's files: an absolute address.
    Folder(String),
}

/// Facts about a file that were known before it was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Short name in experiments and links.
    pub name: &'static str,
    pub repository: &'static str,
    pub revision: &'static str,
    /// Of `model.safetensors`.
    pub bytes: u64,
    /// Of `model.safetensors`.
    pub sha256: &'static str,
    pub parameters: u64,
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
    #[error(
        "{found:?} is not the name of a model; write mini, gpt2, a repository as owner/name, or the address of a folder (https://...)"
    )]
    Name { found: String },
    #[error("{found:?} is not the address of a folder; it should begin with https:// or http://")]
    Address { found: String },
}

impl Named {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NameError`] when it is none of the three forms.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let name = name.trim();
        if name.contains("://") {
            return folder(name);
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

    /// The host that will be asked; `None` where it is the page's own.
    #[must_use]
    pub fn host(&self, place: &Place) -> Option<String> {
        let own = host(&place.home);
        let asked = match self {
            Self::Bundled(_) => return None,
            Self::Repository { .. } => host(hub(place)),
            Self::Folder(address) => host(address),
        };
        (asked != own).then(|| asked.to_owned())
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

fn folder(address: &str) -> Result<Named, NameError> {
    let rest = address
        .strip_prefix("https://")
        .or_else(|| address.strip_prefix("http://"));
    match rest {
        // A query or fragment would swallow the file names.
        Some(rest) if !rest.starts_with('/') && !rest.contains(['?', '#']) && !rest.is_empty() => {
            Ok(Named::Folder(with_slash(address)))
        }
        _ => Err(NameError::Address {
            found: address.into(),
        }),
    }
}

fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn with_slash(address: &str) -> String {
    format!("{}/", address.trim_end_matches('/'))
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
}
