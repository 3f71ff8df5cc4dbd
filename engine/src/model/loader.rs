//! From the bytes of `model.safetensors`, as they come, to tensors on a device.
//!
//! Room for every weight is reserved before the first byte, so that a device
//! which is too small says so early, and each tensor is filled a few rows at a
//! time: beside the model itself no more than a megabyte is ever held.

use super::header::{Entry, Header};
use super::places::Place;
use super::{Config, Gpt2, ModelError, WeightsError};
use crate::backend::Backend;
use safetensors::Dtype;
use sha2::{Digest, Sha256};

/// Values held before they are given to the device.
const STAGED: usize = 1 << 18;

/// A model whose weights are on their way.
pub struct Loader<B: Backend> {
    model: Gpt2<B>,
    hash: Sha256,
    received: u64,
    state: State<B>,
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
            hash: Sha256::new(),
            received: 0,
            state: State::Header(Vec::new()),
        })
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// [`WeightsError`] as soon as the file turns out not to be this model's.
    pub fn push(&mut self, b: &B, mut bytes: &[u8]) -> Result<(), ModelError> {
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
                        let places = self.model.places();
                        let data = Data::new(Header::parse(header)?, places)?;
                        self.state = State::Data(data);
                    }
                }
                State::Data(data) => bytes = data.take(b, bytes)?,
            }
        }
        Ok(())
    }

    /// Bytes of the whole file, once its header has come.
    #[must_use]
    pub fn file_bytes(&self) -> Option<u64> {
        match &self.state {
            State::Header(_) => None,
            State::Data(data) => Some(data.file_bytes),
        }
    }

    /// The model, and the SHA-256 of the file in hexadecimal.
    ///
    /// # Errors
    /// [`WeightsError::Short`] when the file is not all there.
    pub fn finish(self) -> Result<(Gpt2<B>, String), ModelError> {
        let found = self.received;
        match self.file_bytes() {
            Some(expected) if expected == found => {}
            Some(expected) => return Err(WeightsError::Short { found, expected }.into()),
            None => return Err(WeightsError::NoHeader { found }.into()),
        }
        let hash = self.hash.finalize();
        Ok((
            self.model,
            hash.iter().map(|b| format!("{b:02x}")).collect(),
        ))
    }
}

/// The tensors still to come, and the values of the first of them.
struct Data<B: Backend> {
    file_bytes: u64,
    /// The last one first.
    coming: Vec<Coming<B>>,
    staged: Vec<f32>,
    /// The bytes of a value that has not come whole.
    odd: Vec<u8>,
}

struct Coming<B: Backend> {
    name: String,
    dtype: Dtype,
    /// Bytes that have not come.
    left: u64,
    /// `None`: not part of the model (the masks of attention, `h.0.attn.bias`).
    place: Option<Place<B>>,
    /// Rows that the device has.
    row: usize,
}

impl<B: Backend> Data<B> {
    fn new(header: Header, mut places: Vec<Place<B>>) -> Result<Self, WeightsError> {
        let has = |name: &str| header.entries.iter().any(|e| e.name == name);
        // Files of the whole language model name their transformer.
        let prefix = match has("wte.weight") {
            true => "",
            false => "transformer.",
        };
        // The head is not part of the `transformer` module.
        let full = |place: &Place<B>| match place.name.as_str() {
            "lm_head.weight" => place.name.clone(),
            name => format!("{prefix}{name}"),
        };
        if let Some(place) = places.iter().find(|p| !has(&full(p))) {
            return Err(WeightsError::Missing { name: full(place) });
        }
        let mut coming = Vec::with_capacity(header.entries.len());
        for entry in header.entries {
            let place = places.iter().position(|p| full(p) == entry.name);
            let place = place.map(|i| places.swap_remove(i));
            if let Some(place) = &place {
                fits(&entry, &place.shape)?;
            }
            coming.push(Coming {
                name: entry.name,
                dtype: entry.dtype,
                left: entry.bytes,
                place,
                row: 0,
            });
        }
        coming.reverse();
        Ok(Self {
            file_bytes: header.file_bytes,
            coming,
            staged: Vec::new(),
            odd: Vec::new(),
        })
    }

    /// Takes bytes of the tensor that comes now; what is left of them.
    fn take<'a>(&mut self, b: &B, bytes: &'a [u8]) -> Result<&'a [u8], ModelError> {
        let Some(now) = self.coming.last_mut() else {
            let expected = self.file_bytes;
            return Err(WeightsError::Long { expected }.into());
        };
        let most = usize::try_from(now.left).unwrap_or(usize::MAX);
        let (mut some, rest) = bytes.split_at(bytes.len().min(most));
        now.left -= some.len() as u64;
        if let Some(place) = &now.place {
            let at_once = (STAGED / place.width).max(1) * place.width;
            let size = now.dtype.bitsize() / 8;
            while !some.is_empty() {
                let room = (at_once - self.staged.len()) * size - self.odd.len();
                let (now_in, later) = some.split_at(some.len().min(room));
                some = later;
                stage(now.dtype, now_in, &mut self.odd, &mut self.staged);
                let whole = now.left == 0 && some.is_empty();
                if self.staged.len() == at_once || whole {
                    if !self.staged.iter().all(|v| v.is_finite()) {
                        let name = now.name.clone();
                        return Err(WeightsError::NotFinite { name }.into());
                    }
                    place.fill(b, now.row, &self.staged)?;
                    now.row += self.staged.len() / place.width;
                    self.staged.clear();
                }
            }
        }
        while self.coming.last().is_some_and(|c| c.left == 0) {
            self.coming.pop();
        }
        Ok(rest)
    }
}

fn fits(entry: &Entry, shape: &[usize]) -> Result<(), WeightsError> {
    let name = || entry.name.clone();
    if entry.shape != shape {
        return Err(WeightsError::Shape {
            name: name(),
            expected: shape.to_vec(),
            found: entry.shape.clone(),
        });
    }
    match entry.dtype {
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => Ok(()),
        found => Err(WeightsError::Dtype {
            name: name(),
            found,
        }),
    }
}

/// Turns bytes into values; a value cut in two waits in `odd` for its end.
fn stage(dtype: Dtype, bytes: &[u8], odd: &mut Vec<u8>, values: &mut Vec<f32>) {
    match dtype {
        Dtype::F16 => convert(bytes, odd, values, |b| half::f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => convert(bytes, odd, values, |b| {
            half::bf16::from_le_bytes(b).to_f32()
        }),
        // `fits` let nothing else in.
        _ => convert(bytes, odd, values, f32::from_le_bytes),
    }
}

fn convert<const N: usize>(
    mut bytes: &[u8],
    odd: &mut Vec<u8>,
    values: &mut Vec<f32>,
    value: impl Fn([u8; N]) -> f32,
) {
    if !odd.is_empty() {
        let more = (N - odd.len()).min(bytes.len());
        odd.extend_from_slice(&bytes[..more]);
        bytes = &bytes[more..];
        if let Ok(whole) = <[u8; N]>::try_from(odd.as_slice()) {
            values.push(value(whole));
            odd.clear();
        }
    }
    let (whole, rest) = bytes.as_chunks::<N>();
    values.extend(whole.iter().map(|b| value(*b)));
    odd.extend_from_slice(rest);
}
