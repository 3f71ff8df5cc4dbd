//! How a feature reads a row of the residual stream.

use super::config::{Config, Normalised};

/// What a feature's activation is made of, with `x` the row, centred and
/// normalised where that belongs to it: `h = (x - b_dec) . w`, and what
/// [`Rule`] makes of `h`.
pub(crate) struct Encoder {
    /// The feature's column of `W_enc`.
    pub w: Vec<f32>,
    /// Zeros where the dictionary does not take it off.
    pub b_dec: Vec<f32>,
    pub rule: Rule,
    pub config: Config,
}

/// What an architecture makes of the product `h`.
pub(crate) enum Rule {
    /// `relu(h + bias)`
    Standard { bias: f32 },
    /// `relu(h + bias)` where `h + bias` is above the threshold, otherwise 0
    JumpRelu { bias: f32, threshold: f32 },
    /// `relu(h exp(r) + bias)` where `h + gate` is above 0, otherwise 0
    Gated { gate: f32, r: f32, bias: f32 },
}

impl Rule {
    fn of(&self, h: f64) -> f64 {
        match *self {
            Self::Standard { bias } => (h + f64::from(bias)).max(0.0),
            Self::JumpRelu { bias, threshold } => {
                let h = h + f64::from(bias);
                if h > f64::from(threshold) {
                    h.max(0.0)
                } else {
                    0.0
                }
            }
            Self::Gated { gate, r, bias } => {
                let open = h + f64::from(gate) > 0.0;
                let size = h * f64::from(r).exp() + f64::from(bias);
                if open { size.max(0.0) } else { 0.0 }
            }
        }
    }
}

impl Encoder {
    #[allow(clippy::cast_possible_truncation)] // f64 only carried the sums
    pub fn activation(&self, x: &[f32]) -> f32 {
        let mut x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        // Dictionaries that were trained on TransformerLens's processed weights,
        // whose writing weights are centred, know no other residual stream.
        if self.config.centred {
            centre(&mut x);
        }
        normalise(&mut x, self.config.normalised);
        let rows = x.iter().zip(&self.b_dec).zip(&self.w);
        let h = rows.map(|((x, b), w)| (x - f64::from(*b)) * f64::from(*w));
        self.rule.of(h.sum()) as f32
    }
}

#[allow(clippy::cast_precision_loss)] // a width
fn centre(x: &mut [f64]) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    x.iter_mut().for_each(|x| *x -= mean);
}

/// As `SAELens` does it, whose deviation is that of a sample. Zeros stay zeros.
#[allow(clippy::cast_precision_loss)] // a width
fn normalise(x: &mut [f64], how: Normalised) {
    let n = x.len() as f64;
    let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
    let by = match how {
        Normalised::Not => return,
        Normalised::ToLength => (squares(x) / n).sqrt(),
        Normalised::ByDeviation => {
            centre(x);
            (squares(x) / (n - 1.0)).sqrt() + 1e-5
        }
    };
    if by > 0.0 {
        x.iter_mut().for_each(|x| *x /= by);
    }
}
