//! What can be wrong with `model.safetensors`.

use safetensors::Dtype;

/// Why a weight file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error(
        "model.safetensors begins with a header of {found} bytes, but 2 to 16777216 were expected; this is not a safetensors file, or it is damaged"
    )]
    HeaderLength { found: u64 },
    #[error("the header of model.safetensors is not readable: {0}; the file is damaged")]
    Header(serde_json::Error),
    #[error(
        "model.safetensors ended after {found} bytes, but its header needs {expected}; the file is cut short, fetch it again"
    )]
    Short { found: u64, expected: u64 },
    #[error("model.safetensors ended after {found} bytes, inside its header; fetch it again")]
    NoHeader { found: u64 },
    #[error(
        "model.safetensors goes on after the {expected} bytes that its header describes; it is not the file it claims to be"
    )]
    Long { expected: u64 },
    #[error("model.safetensors has no tensor {name}; is it a GPT-2 model?")]
    Missing { name: String },
    #[error("tensor {name}: expected shape {expected:?} from config.json, found {found:?}")]
    Shape {
        name: String,
        expected: Vec<usize>,
        found: Vec<usize>,
    },
    #[error("tensor {name}: expected F32, F16 or BF16, found {found:?}")]
    Dtype { name: String, found: Dtype },
    #[error("tensor {name} has a value that is not a finite number; the file is damaged")]
    NotFinite { name: String },
}
