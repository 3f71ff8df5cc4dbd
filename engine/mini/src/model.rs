//! GPT-2, differentiable, as the trainer needs it. The names are the
//! checkpoint's; B sentences of T tokens, C wide, H heads, V tokens known.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{D, DType, Device, Tensor, Var};
use rand_distr::{Distribution, Normal};
use safetensors::tensor::TensorView;

use crate::config::Config;
use crate::error::{MiniError, Result, read};
use crate::ops::{bias::AddBias, gelu::GeluNew, layer_norm::LayerNorm, softmax::CausalSoftmax};
use crate::start;
use crate::texts::Rng;

pub struct Model {
    pub config: Config,
    /// By checkpoint name, each F32.
    pub vars: BTreeMap<String, Var>,
}

/// Every tensor's name and shape; linear weights are [in, out].
pub fn shapes(config: &Config) -> Vec<(String, Vec<usize>)> {
    let c = config.n_embd;
    let mut shapes = vec![
        ("wte.weight".to_string(), vec![config.vocab_size, c]),
        ("wpe.weight".to_string(), vec![config.n_positions, c]),
    ];
    for layer in 0..config.n_layer {
        let block: [(&str, &[usize]); 12] = [
            ("ln_1.weight", &[c]),
            ("ln_1.bias", &[c]),
            ("attn.c_attn.weight", &[c, 3 * c]),
            ("attn.c_attn.bias", &[3 * c]),
            ("attn.c_proj.weight", &[c, c]),
            ("attn.c_proj.bias", &[c]),
            ("ln_2.weight", &[c]),
            ("ln_2.bias", &[c]),
            ("mlp.c_fc.weight", &[c, 4 * c]),
            ("mlp.c_fc.bias", &[4 * c]),
            ("mlp.c_proj.weight", &[4 * c, c]),
            ("mlp.c_proj.bias", &[c]),
        ];
        shapes.extend(block.map(|(name, shape)| (format!("h.{layer}.{name}"), shape.to_vec())));
    }
    shapes.push(("ln_f.weight".to_string(), vec![c]));
    shapes.push(("ln_f.bias".to_string(), vec![c]));
    shapes
}

impl Model {
    /// GPT-2's initialisation: normal weights, zero biases, and what writes to
    /// the residual stream smaller by the square root of its writers. Only the
    /// positions start as sinusoids, and two heads as a first guess at induction
    /// (`start.rs`); all of them are trained as the rest.
    pub fn new(config: Config, rng: &mut Rng) -> Result<Self> {
        let writers = (2.0 * config.n_layer as f64).sqrt();
        let mut values_of = HashMap::new();
        for (name, shape) in shapes(&config) {
            let n = shape.iter().product();
            let values: Vec<f32> = if name == "wpe.weight" {
                start::sinusoids(&config)
            } else if name.ends_with("bias") {
                vec![0.0; n]
            } else if name.contains("ln_") {
                vec![1.0; n]
            } else {
                let shrink = if name.ends_with("c_proj.weight") {
                    writers
                } else {
                    1.0
                };
                let deviation = (config.initializer_range / shrink) as f32;
                let normal = Normal::new(0.0, deviation)
                    .map_err(|error| MiniError::Usage(format!("initializer_range: {error}")))?;
                (0..n).map(|_| normal.sample(rng)).collect()
            };
            values_of.insert(name, values);
        }
        start::induction(&config, &mut values_of, rng)?;
        let mut vars = BTreeMap::new();
        for (name, shape) in shapes(&config) {
            let values = values_of.remove(&name).unwrap_or_default();
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
            vars.insert(name, Var::from_tensor(&tensor)?);
        }
        Ok(Self { config, vars })
    }

    /// Opens a folder with `config.json` and `model.safetensors`.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let config: Config = serde_json::from_slice(&read(path.clone())?)
            .map_err(|source| MiniError::Json { path, source })?;
        let tensors =
            candle_core::safetensors::load(folder.join("model.safetensors"), &Device::Cpu)?;
        let mut vars = BTreeMap::new();
        for (name, _) in shapes(&config) {
            let tensor = tensors
                .get(&name)
                .ok_or_else(|| MiniError::NoTensor { name: name.clone() })?;
            vars.insert(name, Var::from_tensor(&tensor.to_dtype(DType::F32)?)?);
        }
        Ok(Self { config, vars })
    }

    /// Writes every tensor as F16.
    pub fn save(&self, path: &Path) -> Result<()> {
        let tensors: HashMap<&str, Tensor> = self
            .vars
            .iter()
            .map(|(name, var)| Ok((name.as_str(), var.as_tensor().to_dtype(DType::F16)?)))
            .collect::<Result<_>>()?;
        Ok(candle_core::safetensors::save(&tensors, path)?)
    }

    /// The weights as a safetensors file in F32.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        for (name, var) in &self.vars {
            let values = var.flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            data.push((name, var.dims().to_vec(), bytes));
        }
        let views: Vec<_> = data
            .iter()
            .map(|(name, shape, bytes)| {
                let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)?;
                Ok((name.as_str(), view))
            })
            .collect::<std::result::Result<_, safetensors::SafeTensorError>>()
            .map_err(|e| MiniError::Usage(e.to_string()))?;
        safetensors::serialize(views, None).map_err(|e| MiniError::Usage(e.to_string()))
    }

    /// The model as its F16 file reads.
    pub fn rounded(&self) -> Result<Self> {
        self.map(|_, tensor| Ok(tensor.to_dtype(DType::F16)?.to_dtype(DType::F32)?))
    }

    /// The card's control: each tensor's entries in another order.
    pub fn shuffled(&self) -> Result<Self> {
        let mut values = HashMap::new();
        for (name, var) in &self.vars {
            values.insert(name.clone(), var.flatten_all()?.to_vec1::<f32>()?);
        }
        crate::card::shuffle(&mut values);
        self.map(|name, tensor| {
            let values = values.remove(name).unwrap_or_default();
            Ok(Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?)
        })
    }

    fn map(&self, mut change: impl FnMut(&str, &Tensor) -> Result<Tensor>) -> Result<Self> {
        let mut vars = BTreeMap::new();
        for (name, var) in &self.vars {
            vars.insert(name.clone(), Var::from_tensor(&change(name, var)?)?);
        }
        Ok(Self {
            config: self.config.clone(),
            vars,
        })
    }

    fn get(&self, name: &str) -> Result<&Tensor> {
        let var = self
            .vars
            .get(name)
            .ok_or_else(|| MiniError::NoTensor { name: name.into() })?;
        Ok(var.as_tensor())
    }

    /// The residual stream after the last LayerNorm.
    ///
    /// `ids` [B, T] of token ids, T at most `n_positions`; gives [B, T, C].
    pub fn hidden(&self, ids: &Tensor) -> Result<Tensor> {
        let (b, t) = ids.dims2()?;
        let c = self.config.n_embd;
        let wte = self
            .get("wte.weight")?
            .index_select(&ids.flatten_all()?, 0)?;
        let wpe = self.get("wpe.weight")?.narrow(0, 0, t)?;
        let mut x = wte.reshape((b, t, c))?.broadcast_add(&wpe)?; // [B, T, C]
        for layer in 0..self.config.n_layer {
            let h = format!("h.{layer}");
            let attn = self.attn(&self.layer_norm(&x, &format!("{h}.ln_1"))?, &h)?;
            x = (x + attn)?;
            let mlp = self.mlp(&self.layer_norm(&x, &format!("{h}.ln_2"))?, &h)?;
            x = (x + mlp)?;
        }
        self.layer_norm(&x, "ln_f")
    }

    /// [N, C] to the logits [N, V], by the transposed embedding.
    pub fn unembed(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.matmul(&self.get("wte.weight")?.t()?)?)
    }

    fn attn(&self, x: &Tensor, h: &str) -> Result<Tensor> {
        let (b, t, c) = x.dims3()?;
        let heads = self.config.n_head;
        let qkv = self.linear(x, &format!("{h}.attn.c_attn"))?; // [B, T, 3C]
        let split = |i: usize| -> Result<Tensor> {
            let part = qkv
                .narrow(D::Minus1, i * c, c)?
                .reshape((b, t, heads, c / heads))?;
            Ok(part.transpose(1, 2)?.contiguous()?) // [B, H, T, C/H]
        };
        let (q, k, v) = (split(0)?, split(1)?, split(2)?);
        let scores = q.matmul(&k.transpose(2, 3)?)?; // [B, H, T, T]
        let scale = 1.0 / ((c / heads) as f32).sqrt();
        let pattern = scores.apply_op1(CausalSoftmax {
            scale,
            positions: t,
        })?;
        let z = pattern.matmul(&v)?.transpose(1, 2)?.reshape((b, t, c))?;
        self.linear(&z, &format!("{h}.attn.c_proj"))
    }

    fn mlp(&self, x: &Tensor, h: &str) -> Result<Tensor> {
        let pre = self.linear(x, &format!("{h}.mlp.c_fc"))?; // [B, T, 4C]
        self.linear(&pre.apply_op1(GeluNew)?, &format!("{h}.mlp.c_proj"))
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let (b, t, c) = x.dims3()?;
        let weight = self.get(&format!("{name}.weight"))?;
        let y = x.reshape((b * t, c))?.matmul(weight)?;
        let y = y.apply_op2(self.get(&format!("{name}.bias"))?, AddBias)?;
        Ok(y.reshape((b, t, weight.dim(1)?))?)
    }

    fn layer_norm(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let norm = LayerNorm {
            epsilon: self.config.layer_norm_epsilon as f32,
        };
        let weight = self.get(&format!("{name}.weight"))?;
        Ok(x.apply_op3(weight, self.get(&format!("{name}.bias"))?, norm)?)
    }
}
