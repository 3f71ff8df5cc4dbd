//! Where the tensors of `sae_weights.safetensors` are.

use super::Wish;
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
    pub features: usize,
    pub width: usize,
}

/// A header of a few tensors is some hundred bytes.
const LONGEST: u64 = 1 << 20;

impl Layout {
    /// Bytes of the length and the header, from the file's first bytes.
    pub fn stop(start: &[u8]) -> Result<u64, String> {
        let stop = Header::stop(start).map_err(|e| e.to_string())?;
        let stop = stop.ok_or("it has no header")? as u64;
        match stop <= LONGEST {
            true => Ok(stop),
            false => Err(format!("its header would have {stop} bytes")),
        }
    }

    /// Reads the file's first bytes, of which the header takes `stop`.
    pub fn parse(start: &[u8], stop: u64) -> Result<Self, String> {
        let header = usize::try_from(stop).ok().and_then(|s| start.get(..s));
        let header = Header::parse(header.ok_or("it ends within its header")?);
        let header = header.map_err(|e| e.to_string())?;
        let mut at = stop;
        let mut places = Vec::new();
        for entry in &header.entries {
            places.push((entry, at));
            at += entry.bytes;
        }
        let find = |name: &str| {
            let Some((entry, at)) = places.iter().find(|(e, _)| e.name == name) else {
                return Ok(None);
            };
            match entry.dtype {
                Dtype::F32 => Ok(Some((*at, entry.shape.as_slice()))),
                other => Err(format!(
                    "{name} has numbers of the kind {other:?}, but 32-bit ones were expected"
                )),
            }
        };
        let (w_dec, shape) = find("W_dec")?.ok_or_else(|| missing("W_dec"))?;
        let &[features, width] = shape else {
            return Err(format!(
                "W_dec is {shape:?}, but has a row for each feature"
            ));
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
                    return Err(format!(
                        "{name} is {shape:?}, but by W_dec it would be {expected:?}"
                    ));
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
        let wrong = |message: String| Err(SessionError::of(field, message));
        let Wish {
            dictionary,
            feature,
            ..
        } = wish;
        if self.width != shape.n_embd {
            return wrong(format!(
                "The dictionary {dictionary} is of a model that is {} wide, but this model is {} wide; take a dictionary of this model.",
                self.width, shape.n_embd
            ));
        }
        if *feature >= self.features {
            return wrong(format!(
                "There is no feature {feature}; the dictionary {dictionary} has features 0 to {} there.",
                self.features.saturating_sub(1)
            ));
        }
        Ok(())
    }

    /// The feature's row of the decoder.
    pub fn row(&self, feature: usize) -> Range<u64> {
        self.numbers(self.w_dec, feature * self.width, self.width)
    }

    /// From the first to the last number of the feature's column of the encoder.
    pub fn column(&self, feature: usize) -> Result<Range<u64>, String> {
        let count = self.width.saturating_sub(1) * self.features + 1;
        Ok(self.numbers(self.start(Tensor::WEnc)?, feature, count))
    }

    /// The feature's number of a tensor that has one for each.
    pub(crate) fn number(&self, tensor: Tensor, feature: usize) -> Result<Range<u64>, String> {
        Ok(self.numbers(self.start(tensor)?, feature, 1))
    }

    pub fn b_dec(&self) -> Result<Range<u64>, String> {
        Ok(self.numbers(self.start(Tensor::BDec)?, 0, self.width))
    }

    fn start(&self, tensor: Tensor) -> Result<u64, String> {
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

fn missing(name: &str) -> String {
    format!("it has no tensor {name}")
}
