//! Where the tensors of `sae_weights.safetensors` are.

use super::Wish;
use super::problem::{DictionaryFault, DictionaryProblem};
use crate::experiment::Field;
use crate::host::SessionError;
use crate::model::Header;
use crate::rows::Shape;
use safetensors::Dtype;
use std::ops::Range;

/// A tensor beside `W_dec`, and how it is shaped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tensor {
    /// `W_enc [width, features]`
    WEnc,
    /// `b_dec [width]`
    BDec,
    /// `b_enc [features]`
    BEnc,
    /// `threshold [features]`, of a jumprelu one
    Threshold,
    /// `b_gate [features]`, of a gated one, as the next two
    BGate,
    /// `b_mag [features]`
    BMag,
    /// `r_mag [features]`
    RMag,
}

impl Tensor {
    const ALL: [(Self, &str); 7] = [
        (Self::WEnc, "W_enc"),
        (Self::BDec, "b_dec"),
        (Self::BEnc, "b_enc"),
        (Self::Threshold, "threshold"),
        (Self::BGate, "b_gate"),
        (Self::BMag, "b_mag"),
        (Self::RMag, "r_mag"),
    ];
}

/// Byte offsets of the tensors, by the file's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `W_dec [features, width]`
    w_dec: u64,
    /// In the order of [`Tensor::ALL`].
    others: [Option<u64>; 7],
    /// Rows of `W_dec`.
    pub features: usize,
    /// Columns of `W_dec`: `n_embd` of the model that it was trained on.
    pub width: usize,
}

/// A header of a few tensors is some hundred bytes.
const LONGEST: u64 = 1 << 20;

impl Layout {
    /// Bytes of the length and the header, from the file's first bytes.
    pub fn stop(start: &[u8]) -> Result<u64, DictionaryFault> {
        let stop = Header::stop(start).map_err(|fault| DictionaryFault::Header { fault })?;
        let stop = stop.ok_or(DictionaryFault::NoHeader)? as u64;
        match stop <= LONGEST {
            true => Ok(stop),
            false => Err(DictionaryFault::LongHeader { found: stop }),
        }
    }

    /// Reads the file's first bytes, of which the header takes `stop`.
    pub fn parse(start: &[u8], stop: u64) -> Result<Self, DictionaryFault> {
        let header = usize::try_from(stop).ok().and_then(|s| start.get(..s));
        let header = Header::parse(header.ok_or(DictionaryFault::EndsInHeader)?);
        let header = header.map_err(|fault| DictionaryFault::Header { fault })?;
        let mut at = stop;
        let mut places = Vec::new();
        for entry in &header.entries {
            places.push((entry, at));
            at += entry.bytes;
        }
        let find = |name: &'static str| {
            let Some((entry, at)) = places.iter().find(|(e, _)| e.name == name) else {
                return Ok(None);
            };
            match entry.dtype {
                Dtype::F32 => Ok(Some((*at, entry.shape.as_slice()))),
                other => Err(DictionaryFault::Numbers {
                    name,
                    found: format!("{other:?}"),
                }),
            }
        };
        let (w_dec, shape) = find("W_dec")?.ok_or_else(|| missing("W_dec"))?;
        let &[features, width] = shape else {
            let shape = shape.to_vec();
            return Err(DictionaryFault::Decoder { shape });
        };
        let mut others = [None; 7];
        for ((tensor, name), place) in Tensor::ALL.iter().zip(&mut others) {
            let expected: &[usize] = match tensor {
                Tensor::WEnc => &[width, features],
                Tensor::BDec => &[width],
                _ => &[features],
            };
            match find(name)? {
                Some((_, shape)) if shape != expected => {
                    return Err(DictionaryFault::Shape {
                        name,
                        shape: shape.to_vec(),
                        expected: expected.to_vec(),
                    });
                }
                found => *place = found.map(|(at, _)| at),
            }
        }
        Ok(Self {
            w_dec,
            others,
            features,
            width,
        })
    }

    /// Whether it is of this model, and has the feature.
    pub(crate) fn fits(
        &self,
        field: Field,
        wish: &Wish,
        shape: &Shape,
    ) -> Result<(), SessionError> {
        let wrong = |problem: DictionaryProblem| Err(SessionError::of(field, problem));
        let Wish {
            dictionary,
            feature,
            ..
        } = wish;
        if self.width != shape.n_embd {
            return wrong(DictionaryProblem::Width {
                dictionary: (*dictionary).into(),
                width: self.width,
                n_embd: shape.n_embd,
            });
        }
        if *feature >= self.features {
            return wrong(DictionaryProblem::FeatureThere {
                feature: *feature,
                dictionary: (*dictionary).into(),
                last: self.features.saturating_sub(1),
            });
        }
        Ok(())
    }

    /// The feature's row of the decoder.
    pub fn row(&self, feature: usize) -> Range<u64> {
        self.numbers(self.w_dec, feature * self.width, self.width)
    }

    /// From the first to the last number of the feature's column of the encoder.
    pub fn column(&self, feature: usize) -> Result<Range<u64>, DictionaryFault> {
        let count = self.width.saturating_sub(1) * self.features + 1;
        Ok(self.numbers(self.start(Tensor::WEnc)?, feature, count))
    }

    /// The feature's number of a tensor that has one for each.
    pub(crate) fn number(
        &self,
        tensor: Tensor,
        feature: usize,
    ) -> Result<Range<u64>, DictionaryFault> {
        Ok(self.numbers(self.start(tensor)?, feature, 1))
    }

    /// The decoder's bias, `b_dec [width]`, which most encoders take off a row first.
    pub fn b_dec(&self) -> Result<Range<u64>, DictionaryFault> {
        Ok(self.numbers(self.start(Tensor::BDec)?, 0, self.width))
    }

    fn start(&self, tensor: Tensor) -> Result<u64, DictionaryFault> {
        let mut all = Tensor::ALL.iter().zip(&self.others);
        let found = all.find(|((t, _), _)| *t == tensor);
        let ((_, name), start) = found.ok_or_else(|| missing("that is wanted"))?;
        start.ok_or_else(|| missing(name))
    }

    fn numbers(&self, tensor: u64, first: usize, count: usize) -> Range<u64> {
        let start = tensor + 4 * first as u64;
        start..start + 4 * count as u64
    }
}

fn missing(name: &'static str) -> DictionaryFault {
    DictionaryFault::NoTensor { name }
}
