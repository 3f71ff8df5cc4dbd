//! What a hub means when it does not give something out.

use super::{Named, Place, WEIGHTS};
use crate::sentence::{Says, Sentence};
use serde::Serialize;
use std::fmt;

/// A repository's file, or its list of files, that the hub refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// The hub's host, which refused it.
    pub host: String,
    /// As `owner/name`.
    pub repository: String,
    /// As it was named.
    pub revision: Option<String>,
    /// `None`: the list of files.
    pub file: Option<String>,
    /// 401, 403, 404 or 410.
    pub status: u16,
}

impl Named {
    /// What the hub refused at that address; `None` where it is no repository's.
    #[must_use]
    pub fn withheld(&self, place: &Place, url: &str, status: u16) -> Option<Withheld> {
        let Self::Repository {
            repository,
            revision,
        } = self
        else {
            return None;
        };
        let inside = url.split_once("/resolve/").and_then(|(_, rest)| {
            // After the revision.
            rest.split_once('/')
        });
        Some(Withheld {
            host: place.hub_host(),
            repository: repository.clone(),
            revision: revision.clone(),
            file: inside.map(|(_, file)| file.into()),
            status,
        })
    }
}

impl Sentence for Withheld {
    fn says(&self) -> Says {
        Says::of("source", &self.as_variant())
    }
}

/// The sentences that a refusal is told in.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Variant<'a> {
    NotGivenOut(&'a Withheld),
    NotThere(&'a Withheld),
}

impl Withheld {
    fn as_variant(&self) -> Variant<'_> {
        match self.status {
            401 | 403 => Variant::NotGivenOut(self),
            _ => Variant::NotThere(self),
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            repository,
            status,
            ..
        } = self;
        let what = self.file.as_deref().unwrap_or("the list of files");
        if let Variant::NotGivenOut(_) = self.as_variant() {
            // The hub answers 401 for a name that nobody has, so as not to tell
            // which private ones there are.
            return write!(
                f,
                "{host} does not give out {what} of {repository} (status {status}): there may be no repository of that name, or it is private or gated. Check the name (owner/name, in capital and small letters as there); a private or gated one may not be fetched without an account, so choose a public one, or put its files on a server of your own and give the address of that folder"
            );
        }
        write!(
            f,
            "{what} of {repository} at {host} is not there (status {status}): "
        )?;
        match (&self.file, &self.revision) {
            (None, Some(revision)) => write!(
                f,
                "there is no repository of that name, or it has no revision {revision}; check both"
            ),
            (None, None) => f.write_str("there is no repository of that name; check it"),
            (Some(file), _) => {
                f.write_str("the repository has no such file, or there is none of that name; ")?;
                if ["config.json", "tokenizer.json", WEIGHTS].contains(&file.as_str()) {
                    f.write_str("a model's must have config.json, tokenizer.json (or vocab.json and merges.txt) and model.safetensors (or its shards), so ")?;
                }
                f.write_str("check the name or address")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{listing, resolved};

    fn said(name: &str, file: Option<&str>, status: u16) -> String {
        let place = Place {
            home: "https://page.example/".into(),
            hub: None,
        };
        let url = match file {
            None => listing(&place, "a/b", None),
            Some(file) => resolved(&place, "a/b", "main") + file,
        };
        let named = Named::parse(name).unwrap();
        let withheld = named.withheld(&place, &url, status).unwrap();
        assert_eq!(withheld.file.as_deref(), file);
        withheld.to_string()
    }

    #[test]
    fn a_refusal_names_the_repository_and_says_that_it_may_not_exist() {
        for status in [401, 403] {
            for file in [None, Some("config.json"), Some("model.safetensors")] {
                let said = said("a/b", file, status);
                for part in [
                    "huggingface.co",
                    "a/b",
                    file.unwrap_or("list of files"),
                    &format!("status {status}"),
                    "may be no repository of that name",
                    "private or gated",
                    "Check the name",
                ] {
                    assert!(said.contains(part), "{part}: {said}");
                }
            }
        }
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        assert!(said("a/b", None, 404).contains("there is no repository of that name; check it"));
        assert!(said("a/b@v9", None, 404).contains("it has no revision v9"));
        let file = said("a/b", Some("blocks.0/cfg.json"), 404);
        assert!(
            file.starts_with(
                "blocks.0/cfg.json of a/b at huggingface.co is not there (status 404)"
            )
        );
    }

    #[test]
    fn a_folder_is_no_repository() {
        let place = Place {
            home: String::new(),
            hub: None,
        };
        let named = Named::parse("https://x.example/m/").unwrap();
        assert_eq!(
            named.withheld(&place, "https://x.example/m/config.json", 401),
            None
        );
    }
}
