//! The small files of a model's folder: as they are kept, or else from its host.

use super::find::Source;
use super::remark::LoadRemark;
use super::shelf::Shelf as Kept;
use super::{FetchError, LoadError, http};
use crate::model::FolderError;
use crate::model::folder::{CONFIG, INDEX, MERGES, Shelf, TOKENIZER, VOCAB};
use crate::sentence::{Said, Sentence};
use std::cell::RefCell;
use web_sys::AbortSignal;

/// Files without which there is no model.
const NEEDED: [&str; 5] = [CONFIG, TOKENIZER, VOCAB, MERGES, INDEX];

pub struct Files<'a> {
    /// Address of the folder.
    folder: &'a str,
    kept: Option<&'a Kept>,
    /// The files that the folder has; empty where that is not known.
    names: &'a [String],
    signal: &'a AbortSignal,
    /// What a person should know of files that could not be had.
    pub remarks: RefCell<Vec<Said>>,
}

impl<'a> Files<'a> {
    pub fn of(source: &'a Source, signal: &'a AbortSignal) -> Self {
        Self {
            folder: &source.manifest.folder,
            kept: source.shelf.as_ref(),
            names: &source.manifest.files,
            signal,
            remarks: RefCell::default(),
        }
    }

    /// A file: as it is kept, or else fetched and kept.
    async fn get(&self, name: &str) -> Result<Vec<u8>, FetchError> {
        if let Some(shelf) = self.kept
            && let Some(bytes) = shelf.file(name).await
        {
            return Ok(bytes.to_vec());
        }
        let url = format!("{}{name}", self.folder);
        let bytes = http::patiently(&url, self.signal).await?;
        if let Some(shelf) = self.kept {
            // Refused only where the weights will be, too; they say so.
            let _ = shelf.put_file(name, &bytes).await;
        }
        Ok(bytes)
    }
}

impl Shelf for Files<'_> {
    type Error = LoadError;

    fn has(&self, name: &str) -> Option<bool> {
        (!self.names.is_empty()).then(|| self.names.iter().any(|n| n == name))
    }

    async fn read(&self, name: &'static str) -> Result<Option<Vec<u8>>, LoadError> {
        let e = match self.get(name).await {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(e) => e,
        };
        // Of a folder whose files nobody lists, most lack some, and servers say so in
        // several ways.
        let may_lack = name != CONFIG && self.has(name).is_none();
        match e {
            e if may_lack && e.is_absence() => Ok(None),
            fault @ FetchError::Unreachable { .. } if may_lack && !NEEDED.contains(&name) => {
                let remark = LoadRemark::WithoutFile { file: name, fault };
                self.remarks.borrow_mut().push(remark.said());
                Ok(None)
            }
            e => Err(e.into()),
        }
    }
}

impl From<FolderError> for LoadError {
    fn from(e: FolderError) -> Self {
        Self::Model(e.into())
    }
}
