//! From the bytes of the weights' files, as they come, to tensors on a device.
//!
//! Room for every weight is reserved before the first byte, so that a device
//! which is too small says so early, and each tensor is filled a few rows at a
//! time: beside the model itself no more than a megabyte is ever held.
//!
//! Weights are one file, or several that an [`Index`] lists and that come one after
//! the other. Which matrix the output has is known from the names of the tensors,
//! before any of their values: see [`head`](super::head).

use super::head::{Head, Twins};
use super::header::Header;
use super::incoming::Data;
use super::index::Index;
use super::mirrored::{Half, hex, is_mask};
use super::places::Place;
use super::{Config, Gpt2, ModelError, ModelRemark, WeightsError};
use crate::backend::Backend;
use crate::source::WEIGHTS;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Names of tensors without a use that are told.
const TOLD: usize = 3;

/// A model whose weights are on their way.
pub struct Loader<B: Backend> {
    model: Gpt2<B>,
    index: Option<Index>,
    /// Where the tensors go that have not come, once their names are known.
    places: Option<Vec<Place<B>>>,
    twins: Option<Twins>,
    /// The files that have come whole: their names and SHA-256s.
    done: Vec<(String, String)>,
    hash: Sha256,
    received: u64,
    state: State<B>,
    /// Tensors that the model has no use for: how many, and the first of them.
    unused: (usize, Vec<String>),
    remarks: Vec<ModelRemark>,
}

enum State<B: Backend> {
    /// What has come of the header.
    Header(Vec<u8>),
    Data(Data<B>),
}

impl<B: Backend> Loader<B> {
    /// Reserves room for every weight.
    ///
    /// # Errors
    /// When the device is full.
    pub fn reserve(b: &B, config: Config) -> Result<Self, ModelError> {
        Ok(Self {
            model: Gpt2::reserve(b, config)?,
            index: None,
            places: None,
            twins: None,
            done: Vec::new(),
            hash: Sha256::new(),
            received: 0,
            state: State::Header(Vec::new()),
            unused: (0, Vec::new()),
            remarks: Vec::new(),
        })
    }

    /// Expects the weights in several files, in the order of the index.
    ///
    /// # Errors
    /// When a tensor of the model is in none of them, or the device is full.
    pub fn expect_shards(&mut self, b: &B, index: Index) -> Result<(), ModelError> {
        self.lay_out(b, &|name| index.has(name))?;
        self.index = Some(index);
        Ok(())
    }

    /// The file that comes now; `None` after the last one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match &self.index {
            Some(index) => index.shards().get(self.done.len()).map(String::as_str),
            None => self.done.is_empty().then_some(WEIGHTS),
        }
    }

    /// Decides where each tensor goes, by the names that there are.
    fn lay_out(&mut self, b: &B, has: &dyn Fn(&str) -> bool) -> Result<(), ModelError> {
        let head = Head::of(&self.model.config, has)?;
        self.twins = head.twins();
        self.remarks.extend(head.remark());
        let places = self.model.places_for(b, &head)?;
        if let Some(place) = places.iter().find(|p| !has(&p.name)) {
            let name = place.name.clone();
            return Err(WeightsError::Missing { name }.into());
        }
        self.places = Some(places);
        Ok(())
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// [`WeightsError`] as soon as the file turns out not to be this model's.
    pub fn push(&mut self, b: &B, bytes: &[u8]) -> Result<(), ModelError> {
        self.take(b, bytes).map_err(|e| self.named(e))
    }

    fn take(&mut self, b: &B, mut bytes: &[u8]) -> Result<(), ModelError> {
        self.hash.update(bytes);
        self.received += bytes.len() as u64;
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header(header) => {
                    let stop = Header::stop(header)?.unwrap_or(size_of::<u64>());
                    let more = (stop - header.len()).min(bytes.len());
                    header.extend_from_slice(&bytes[..more]);
                    bytes = &bytes[more..];
                    if Header::stop(header)? == Some(header.len()) {
                        let header = Header::parse(header)?;
                        self.begin(b, header)?;
                    }
                }
                State::Data(data) => bytes = data.take(b, bytes, &mut self.twins)?,
            }
        }
        Ok(())
    }

    /// A header has come: its tensors are next.
    fn begin(&mut self, b: &B, header: Header) -> Result<(), ModelError> {
        if self.places.is_none() {
            self.lay_out(b, &|name| header.entries.iter().any(|e| e.name == name))?;
        }
        if let (Some(index), Some(shard)) = (&self.index, self.file()) {
            let elsewhere = header.entries.iter().find_map(|entry| {
                let expected = index.shard_of(&entry.name).filter(|e| *e != shard)?;
                Some((entry.name.clone(), expected.to_owned()))
            });
            if let Some((name, expected)) = elsewhere {
                let found = shard.to_owned();
                return Err(WeightsError::Elsewhere {
                    name,
                    found,
                    expected,
                }
                .into());
            }
        }
        let data = Data::new(header, self.places.get_or_insert_default())?;
        for name in data.unplaced().filter(|name| !is_mask(name)) {
            self.unused.0 += 1;
            if self.unused.1.len() < TOLD {
                self.unused.1.push(name.clone());
            }
        }
        self.state = State::Data(data);
        Ok(())
    }

    /// Bytes of the whole of the file that comes now, once its header has come.
    #[must_use]
    pub fn file_bytes(&self) -> Option<u64> {
        match &self.state {
            State::Header(_) => None,
            State::Data(data) => Some(data.file_bytes),
        }
    }

    /// Ends a file, after which the next one comes; its SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// [`WeightsError::Short`] when the file is not all there.
    pub fn end_file(&mut self) -> Result<String, ModelError> {
        let found = self.received;
        match self.file_bytes() {
            Some(expected) if expected == found => {}
            Some(expected) => {
                return Err(self.named(WeightsError::Short { found, expected }.into()));
            }
            None => return Err(self.named(WeightsError::NoHeader { found }.into())),
        }
        let sha256 = hex(&std::mem::take(&mut self.hash).finalize());
        let name = self.file().unwrap_or(WEIGHTS).to_owned();
        self.model.config.mirrored.check(&name, &sha256)?;
        self.done.push((name, sha256.clone()));
        (self.received, self.state) = (0, State::Header(Vec::new()));
        Ok(sha256)
    }

    /// The model, and its weights' SHA-256 in hexadecimal: the file's or, where there
    /// are several, that of their list as `sha256sum` prints it, in the order of names.
    ///
    /// # Errors
    /// [`WeightsError`] when a file, or a tensor, is not there.
    pub fn finish(mut self) -> Result<Loaded<B>, ModelError> {
        while self.file().is_some() {
            self.end_file()?;
        }
        // In a shard whose header had not the tensors that the index says.
        if let Some(place) = self.places.iter().flatten().next() {
            let name = place.name.clone();
            return Err(WeightsError::Missing { name }.into());
        }
        if let Some(twins) = self.twins {
            self.remarks.extend(twins.settle(&mut self.model));
        }
        let half = self.model.config.mirrored.half;
        self.remarks
            .extend(half.map(|Half { off }| ModelRemark::Half { off }));
        let (count, names) = self.unused;
        if count > 0 {
            self.remarks
                .push(ModelRemark::UnusedTensors { count, names });
        }
        let sha256 = match (&self.index, self.done.as_slice()) {
            (None, [(_, sha256)]) => sha256.clone(),
            (_, several) => combined_sha256(several.iter().map(|(n, h)| (n.as_str(), h.as_str()))),
        };
        Ok(Loaded {
            model: self.model,
            sha256,
            remarks: self.remarks,
        })
    }

    /// Says in which of several files something is wrong.
    fn named(&self, error: ModelError) -> ModelError {
        match (error, &self.index, self.file()) {
            (ModelError::Weights(error), Some(_), Some(shard)) => WeightsError::Shard {
                shard: shard.into(),
                error: Box::new(error),
            }
            .into(),
            (error, ..) => error,
        }
    }
}

/// What came of the weights' files.
pub struct Loaded<B: Backend> {
    /// The model with all its weights.
    pub model: Gpt2<B>,
    /// In hexadecimal; see [`Loader::finish`].
    pub sha256: String,
    /// What a person should know of them.
    pub remarks: Vec<ModelRemark>,
}

/// One SHA-256 for several files: that of their list as `sha256sum` prints it.
pub fn combined_sha256<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut list = String::new();
    for (name, sha256) in files {
        // Writing to a String cannot fail.
        let _ = writeln!(list, "{sha256}  {name}");
    }
    hex(&Sha256::digest(list))
}
