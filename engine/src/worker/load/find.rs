//! From a model's name to the folder its files come from, and what is known of them.

use super::error::Break;
use super::files::Files;
use super::http;
use super::remark::LoadRemark;
use super::shelf::{Manifest, Shard, Shelf};
use super::{FetchError, LoadError};
use crate::json;
use crate::model::folder::{CONFIG, INDEX, NAMES, Shelf as _, TOKENIZER};
use crate::model::{Config, FolderError, Index};
use crate::protocol::Offer;
use crate::sentence::{Said, Sentence};
use crate::source::{self, Named, Place, WEIGHTS};
use crate::worker::js::device;
use crate::worker::room;
use serde::Deserialize;
use web_sys::AbortSignal;

/// The files of a folder in which no other matters.
const PLAIN: [&str; 3] = [CONFIG, TOKENIZER, WEIGHTS];

/// Where a model's files come from.
pub struct Source {
    pub named: Named,
    /// The address that it is kept under: of a repository, that of the name.
    pub key: String,
    pub manifest: Manifest,
    /// Where it is kept; `None` where nothing is kept yet, or ever.
    pub shelf: Option<Shelf>,
    pub remarks: Vec<Said>,
}

/// A hub's answer about a repository.
#[derive(Deserialize)]
struct Listing {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default, rename = "cardData")]
    card: Option<Card>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
}

#[derive(Default, Deserialize)]
struct Card {
    #[serde(default)]
    license: serde_json::Value,
}

/// What is kept of a model, or else what its host says of it.
pub async fn source(model: &str, place: &Place, signal: &AbortSignal) -> Result<Source, LoadError> {
    let named = Named::parse(model)?;
    named.check(place)?;
    let key = named.folder(place);
    let mut remarks = Vec::new();
    let kept = match named {
        Named::Bundled(_) => None,
        _ => Shelf::find(&key).await,
    };
    let (shelf, manifest) = match kept {
        Some((shelf, mut manifest)) => {
            if manifest.files.is_empty() && manifest.sha256.is_some() {
                manifest.files = PLAIN.map(String::from).into();
                if named.published().is_none() {
                    remarks.push(LoadRemark::KeptEarlier.said());
                }
            }
            (Some(shelf), manifest)
        }
        None => {
            let mut manifest = Manifest {
                model: model.into(),
                folder: key.clone(),
                revision: None,
                licence: None,
                published: None,
                bytes: None,
                tag: None,
                sha256: None,
                files: Vec::new(),
                shards: Vec::new(),
            };
            if matches!(named, Named::Bundled(_)) || named.published().is_some() {
                manifest.files = PLAIN.map(String::from).into();
            }
            if let Named::Repository {
                repository,
                revision,
            } = &named
            {
                manifest.revision.clone_from(revision);
                match named.published() {
                    Some(known) => {
                        manifest.licence = Some(known.licence.into());
                        manifest.published = Some(known.sha256.into());
                        manifest.bytes = Some(known.bytes);
                    }
                    None => {
                        let asked = source::listing(place, repository, revision.as_deref());
                        match listing(&asked, signal).await {
                            Ok(found) => found.tell(place, repository, &mut manifest),
                            Err(
                                e @ (FetchError::Cancelled
                                | FetchError::Missing { .. }
                                | FetchError::Denied { .. }),
                            ) => return Err(e.into()),
                            Err(fault) => remarks.push(LoadRemark::NoListing { fault }.said()),
                        }
                    }
                }
            }
            (None, manifest)
        }
    };
    Ok(Source {
        named,
        key,
        manifest,
        shelf,
        remarks,
    })
}

async fn listing(url: &str, signal: &AbortSignal) -> Result<Listing, FetchError> {
    let bytes = http::all(url, signal).await?;
    json::read(&bytes).map_err(|e| FetchError::Unreachable {
        url: url.into(),
        reason: Break::NoList {
            reason: e.to_string(),
        },
    })
}

impl Listing {
    fn tell(self, place: &Place, repository: &str, manifest: &mut Manifest) {
        manifest.folder = source::resolved(place, repository, &self.sha);
        manifest.revision = Some(self.sha);
        let has = |name: &&str| self.siblings.iter().any(|s| s.rfilename == *name);
        manifest.files = NAMES
            .iter()
            .filter(|n| has(n))
            .map(ToString::to_string)
            .collect();
        let published = |lfs: Option<Lfs>| lfs.map(|lfs| lfs.sha256.to_lowercase());
        let whole = manifest.files.iter().any(|n| n == WEIGHTS);
        for file in self.siblings {
            if file.rfilename == WEIGHTS {
                manifest.bytes = file.size;
                manifest.published = published(file.lfs);
            } else if !whole && file.rfilename.ends_with(".safetensors") {
                // Which of them are the model's, its index says.
                manifest.shards.push(Shard {
                    name: file.rfilename,
                    bytes: file.size,
                    published: published(file.lfs),
                    tag: None,
                });
            }
        }
        manifest.licence = match self.card.unwrap_or_default().license {
            serde_json::Value::String(name) => Some(name),
            serde_json::Value::Array(names) => {
                let names: Vec<&str> = names.iter().filter_map(|n| n.as_str()).collect();
                Some(names.join(", "))
            }
            _ => None,
        };
    }
}

impl Source {
    /// Finds out how large the weights are, where that is not known.
    async fn size(&mut self, signal: &AbortSignal) -> Result<(), LoadError> {
        if matches!(self.named, Named::Bundled(_)) || self.manifest.sha256.is_some() {
            return Ok(());
        }
        let listed = Files::of(self, signal).has(WEIGHTS);
        // Of two that are not there, the one that most models have is told of.
        let absent: LoadError = if listed == Some(false) {
            FolderError::Weights.into()
        } else if self.manifest.bytes.is_some() {
            return Ok(());
        } else {
            let url = format!("{}{WEIGHTS}", self.manifest.folder);
            match http::size(&url, signal).await {
                Ok(bytes) => {
                    self.manifest.bytes = bytes;
                    return Ok(());
                }
                Err(e) if listed.is_none() && e.is_absence() => e.into(),
                Err(e) => return Err(e.into()),
            }
        };
        match self.read_index(signal).await? {
            true => Ok(()),
            false => Err(absent),
        }
    }

    /// Takes the sizes that the index gives; whether there is one.
    async fn read_index(&mut self, signal: &AbortSignal) -> Result<bool, LoadError> {
        let index = Files::of(self, signal).read(INDEX).await?;
        if let Some(index) = &index {
            self.manifest.take_index(&Index::parse(index)?);
        }
        Ok(index.is_some())
    }
}

/// What loading a model would take.
pub async fn offer(model: &str, place: &Place, signal: &AbortSignal) -> Result<Offer, LoadError> {
    let offer = ask(model, place, signal).await;
    offer.map_err(|e| e.of(model, place))
}

async fn ask(model: &str, place: &Place, signal: &AbortSignal) -> Result<Offer, LoadError> {
    let mut source = source(model, place, signal).await?;
    source.size(signal).await?;
    let mut offer = Offer {
        model: model.into(),
        folder: source.manifest.folder.clone(),
        host: source.named.host(place),
        complete: source.manifest.sha256.is_some(),
        licence: source.manifest.licence.clone(),
        revision: source.manifest.revision.clone(),
        bytes: source.manifest.bytes,
        sha256: source.manifest.published.clone(),
        remarks: source.remarks,
        ..Offer::default()
    };
    if let Some(shelf) = &source.shelf {
        offer.kept = shelf.bytes(&source.manifest).await;
    }
    if let Named::Bundled(_) = source.named {
        offer.complete = true;
        return Ok(offer);
    }
    offer.parameters = match (source.named.published(), &source.shelf) {
        (Some(known), _) => Some(known.parameters),
        (None, shelf) => {
            let kept = match shelf {
                Some(shelf) => shelf.file("config.json").await.map(|b| b.to_vec()),
                None => None,
            };
            let config = match kept {
                Some(kept) => kept,
                None => http::all(&format!("{}config.json", offer.folder), signal).await?,
            };
            let config = Config::from_json(&config)?;
            Some(config.parameters())
        }
    };
    offer.memory = offer.parameters.map(room::needed);
    let doubt = offer.memory.and_then(|bytes| device().doubt(bytes));
    offer.remarks.extend(doubt.map(|doubt| doubt.said()));
    Ok(offer)
}
