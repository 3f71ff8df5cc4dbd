//! A model's folder on disk.

use crate::Failure;
use patchbay_engine::model::folder::{Shelf, WEIGHTS};
use patchbay_engine::model::{Folder, FolderError};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A folder with a model's files.
pub struct OnDisk(PathBuf);

/// Why its small files could not be gathered.
#[derive(Debug)]
pub enum Unread {
    Folder(FolderError),
    File(Failure),
}

impl From<FolderError> for Unread {
    fn from(e: FolderError) -> Self {
        Self::Folder(e)
    }
}

/// The small files of a folder, and the folder for its weights.
pub fn open(model: &str) -> Result<(Folder, OnDisk), Failure> {
    let from = OnDisk(Path::new(model).into());
    match pollster::block_on(Folder::gather(&from)) {
        Ok(folder) => Ok((folder, from)),
        Err(Unread::File(failure)) => Err(failure),
        Err(Unread::Folder(e)) => Err(format!(
            "model {model}: {e}; --model takes mini, or a folder with a model's files"
        )),
    }
}

impl OnDisk {
    /// A file of weights, opened.
    pub fn weights(&self, name: &str) -> Result<File, Failure> {
        File::open(self.0.join(name)).map_err(|e| match name {
            WEIGHTS => self.unreadable(name, &e),
            shard => format!(
                "{}; model.safetensors.index.json names it",
                self.unreadable(shard, &e)
            ),
        })
    }

    pub fn unreadable(&self, name: &str, error: &std::io::Error) -> Failure {
        format!("{}: {error}", self.0.join(name).display())
    }
}

impl Shelf for OnDisk {
    type Error = Unread;

    fn has(&self, name: &str) -> Option<bool> {
        Some(self.0.join(name).exists())
    }

    async fn read(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unread> {
        let bytes = std::fs::read(self.0.join(name));
        bytes
            .map(Some)
            .map_err(|e| Unread::File(self.unreadable(name, &e)))
    }
}
