//! Where the tensors of `sae_weights.safetensors` are.

use super::Wish;
use crate::experiment::Field;
use crate::model::Header;
use crate::rows::Shape;
use crate::session::SessionError;
use safetensors::Dtype;
use std::ops::Range;

/// Byte offsets of the four tensors, by the file's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `W_dec [features, width]`
    w_dec: u64,
    /// `W_enc [width, features]`
    w_enc: u64,
    /// `b_enc [features]`
    b_enc: u64,
    /// `b_dec [width]`
    b_dec: u64,
    pub features: usize,
    pub width: usize,
}

/// A header of four tensors is some hundred bytes.
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
        let mut found = [None, None, None, None];
        let names = ["W_dec", "W_enc", "b_enc", "b_dec"];
        for entry in &header.entries {
            if let Some(place) = names.iter().position(|n| *n == entry.name) {
                if entry.dtype != Dtype::F32 {
                    return Err(format!(
                        "{} has numbers of the kind {:?}, but 32-bit ones were expected",
                        entry.name, entry.dtype
                    ));
                }
                found[place] = Some((at, entry.shape.as_slice()));
            }
            at += entry.bytes;
        }
        let of = |i: usize| found[i].ok_or_else(|| format!("it has no tensor {}", names[i]));
        let (w_dec, shape) = of(0)?;
        let &[features, width] = shape else {
            return Err(format!(
                "W_dec is {shape:?}, but has a row for each feature"
            ));
        };
        let expect = |i: usize, expected: &[usize]| {
            let (at, shape) = of(i)?;
            match shape == expected {
                true => Ok(at),
                false => Err(format!(
                    "{} is {shape:?}, but by W_dec it would be {expected:?}",
                    names[i]
                )),
            }
        };
        Ok(Self {
            w_dec,
            w_enc: expect(1, &[width, features])?,
            b_enc: expect(2, &[features])?,
            b_dec: expect(3, &[width])?,
            features,
            width,
        })
    }

    /// Whether it is of this model, and has the feature.
    pub(super) fn fits(
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
    pub fn column(&self, feature: usize) -> Range<u64> {
        let count = self.width.saturating_sub(1) * self.features + 1;
        self.numbers(self.w_enc, feature, count)
    }

    pub fn bias(&self, feature: usize) -> Range<u64> {
        self.numbers(self.b_enc, feature, 1)
    }

    pub fn b_dec(&self) -> Range<u64> {
        self.numbers(self.b_dec, 0, self.width)
    }

    fn numbers(&self, tensor: u64, first: usize, count: usize) -> Range<u64> {
        let start = tensor + 4 * first as u64;
        start..start + 4 * count as u64
    }
}
