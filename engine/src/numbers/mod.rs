//! The arithmetic of steering, on plain numbers: how tokens are drawn, and how
//! directions are found between activations. No tensor and no model is here.

mod contrast;
mod measure;
mod noise;
mod probe;
mod roc;
mod sample;
mod sides;

pub use contrast::{Found, contrast};
pub use measure::{cosine, deviation, distinct, kl, log_softmax, norm, projection, top};
pub use noise::{Noise, noise_at, normals, resamples, shuffle};
pub use probe::{accuracy, folds, told_right};
pub use roc::{auc, roc};
pub use sample::{Sampler, SamplingError};
pub use sides::Contrast;
