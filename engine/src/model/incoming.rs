//! The tensors of one file of weights as their bytes come: from bytes to values, and a
//! few rows at a time to their places on the device.

use super::head::Twins;
use super::header::{Entry, Header};
use super::places::Place;
use super::{ModelError, WeightsError};
use crate::backend::Backend;
use safetensors::Dtype;

/// Values held before they are given to the device.
const STAGED: usize = 1 << 18;

/// The tensors still to come, and the values of the first of them.
pub(super) struct Data<B: Backend> {
    /// Of the whole file.
    pub file_bytes: u64,
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
    /// Takes out of `places` where this file's tensors go.
    pub fn new(header: Header, places: &mut Vec<Place<B>>) -> Result<Self, WeightsError> {
        let mut coming = Vec::with_capacity(header.entries.len());
        for entry in header.entries {
            let place = places.iter().position(|p| p.name == entry.name);
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

    /// The names of the tensors that the model has no place for.
    pub fn unplaced(&self) -> impl Iterator<Item = &String> {
        let without = self.coming.iter().filter(|c| c.place.is_none());
        without.map(|c| &c.name)
    }

    /// Takes bytes of the tensor that comes now; what is left of them.
    pub fn take<'a>(
        &mut self,
        b: &B,
        bytes: &'a [u8],
        twins: &mut Option<Twins>,
    ) -> Result<&'a [u8], ModelError> {
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
                    if let Some(twins) = twins {
                        twins.note(&now.name, &self.staged);
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
