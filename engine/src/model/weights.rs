use safetensors::{Dtype, SafeTensors};

/// The tensors of a `model.safetensors`, by the checkpoint's names.
pub struct Weights<'a> {
    file: SafeTensors<'a>,
    /// `transformer.` where the file was written with it.
    prefix: &'static str,
}

/// Why a weight file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("model.safetensors is not readable: {0}")]
    File(#[from] safetensors::SafeTensorError),
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

impl<'a> Weights<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`WeightsError::File`] when it is not a safetensors file, or its header
    /// and length disagree.
    pub fn new(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(bytes)?;
        let prefix = if file.tensor("wte.weight").is_ok() {
            ""
        } else {
            "transformer."
        };
        Ok(Self { file, prefix })
    }

    /// The values of a tensor, row-major, as f32.
    ///
    /// # Errors
    /// When it is missing, or not of this shape, or not made of finite numbers.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        // The head is not part of the `transformer` module, so it has no prefix.
        let full = match name {
            "lm_head.weight" => name.to_owned(),
            _ => format!("{}{name}", self.prefix),
        };
        let view = self
            .file
            .tensor(&full)
            .map_err(|_| WeightsError::Missing { name: full.clone() })?;
        if view.shape() != shape {
            return Err(WeightsError::Shape {
                name: full,
                expected: shape.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        let data = view.data();
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => pieces(data).map(f32::from_le_bytes).collect(),
            Dtype::F16 => pieces(data)
                .map(|b| half::f16::from_le_bytes(b).to_f32())
                .collect(),
            Dtype::BF16 => pieces(data)
                .map(|b| half::bf16::from_le_bytes(b).to_f32())
                .collect(),
            found => return Err(WeightsError::Dtype { name: full, found }),
        };
        if values.iter().any(|v| !v.is_finite()) {
            return Err(WeightsError::NotFinite { name: full });
        }
        Ok(values)
    }
}

/// The bytes in groups of `N`; the data need not be aligned.
fn pieces<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    data.as_chunks::<N>().0.iter().copied()
}
