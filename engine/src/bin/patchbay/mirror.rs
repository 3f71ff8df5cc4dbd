//! `patchbay mirror`: the folder that a course serves, from a model's own: one file of
//! weights without the attention masks, in half precision where that is asked for, and in
//! config.json the SHA-256 of each file, which the page checks.

use crate::folder::{self, OnDisk};
use crate::{Failure, Terminal, load, print};
use half::f16;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{Experiment, Report};
use patchbay_engine::json;
use patchbay_engine::model::Folder;
use patchbay_engine::model::folder::{CONFIG, INDEX, NAMES, WEIGHTS};
use patchbay_engine::model::mirrored::{HALF, Half, SHA256, hex, is_mask};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors, serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Options {
    /// The folder that is written
    #[arg(value_name = "DIR")]
    to: PathBuf,
    /// The model's own folder, as for `run`
    #[arg(long, value_name = "DIR")]
    model: String,
    /// Keep the weights in half precision (F16): half the bytes, and numbers that are a
    /// little off; by how much is measured on the first example and noted
    #[arg(long, verbatim_doc_comment)]
    f16: bool,
}

/// A tensor as it is written.
struct Tensor<'a> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl Options {
    pub fn write(&self) -> Result<(), Failure> {
        if self.model == "mini" {
            return Err("mini comes with the page; --model takes a model's folder here".into());
        }
        let (small, from) = folder::open(&self.model)?;
        let same = |a: &Path, b: &Path| a.canonicalize().ok() == b.canonicalize().ok();
        if self.to.exists() && same(&self.to, Path::new(&self.model)) {
            return Err("the folder to write is the model's own; name another one".into());
        }
        let own = |name: &str| name == WEIGHTS || (name != INDEX && small.get(name).is_some());
        let foreign = |name: &&&str| !own(name) && self.to.join(name).exists();
        if let Some(name) = NAMES.iter().find(foreign) {
            return Err(format!(
                "{} has a {name}, which would be read with this model and is not of it; take it away, or name another folder",
                self.to.display()
            ));
        }
        // Nothing is written of a model that is not whole.
        let as_it_was = self.example(&self.model)?;
        std::fs::create_dir_all(&self.to).map_err(|e| at(&self.to, e))?;
        let (file, rounded) = self.weights(&small, &from)?;
        let part = self.to.join(format!("{WEIGHTS}.part"));
        let weights = self.to.join(WEIGHTS);
        std::fs::write(&part, &file).map_err(|e| at(&part, e))?;
        std::fs::rename(&part, &weights).map_err(|e| at(&weights, e))?;
        let mut hashes = Map::new();
        let mut lines = String::new();
        let mut note = |name: &str, bytes: &[u8]| {
            let sha256 = hex(&Sha256::digest(bytes));
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{sha256}  {:>11}  {name}", bytes.len());
            hashes.insert(name.into(), sha256.into());
        };
        note(WEIGHTS, &file);
        drop(file);
        for name in small.names().filter(|n| *n != INDEX && *n != CONFIG) {
            let Some(bytes) = small.get(name) else {
                continue;
            };
            let path = self.to.join(name);
            std::fs::write(&path, bytes).map_err(|e| at(&path, e))?;
            note(name, bytes);
        }
        self.write_config(&small, &hashes, None)?;
        // The folder is read as the page reads it, before it is given out.
        let as_written = self.example(&self.to.display().to_string())?;
        if rounded {
            let off = as_it_was
                .zip(as_written)
                .and_then(|(a, b)| difference(&a, &b));
            self.write_config(&small, &hashes, Some(Half { off }))?;
            lines += "In half precision: ";
            lines += &off.map_or(
                "by how much numbers are off was not measured, as the first example does not fit this model".into(),
                |off| format!("no number of the first example's runs and map is off by more than {off:.1e}"),
            );
        }
        if self.f16 && !rounded {
            lines += "The weights were in half precision already: nothing was rounded.\n";
        }
        print(lines.trim_end(), None)
    }

    /// The bytes of one file with all the tensors but the masks, and whether any was rounded.
    fn weights(&self, small: &Folder, from: &OnDisk) -> Result<(Vec<u8>, bool), Failure> {
        let index = small.index().map_err(|e| e.to_string())?;
        let files = index.map_or_else(|| vec![WEIGHTS.into()], |i| i.shards().to_vec());
        let mut read = Vec::new();
        for name in files {
            let mut bytes = Vec::new();
            let mut file = from.weights(&name)?;
            file.read_to_end(&mut bytes)
                .map_err(|e| from.unreadable(&name, &e))?;
            read.push((name, bytes));
        }
        let mut tensors = Vec::new();
        for (name, bytes) in &read {
            let file = SafeTensors::deserialize(bytes).map_err(|e| format!("{name}: {e}"))?;
            for (name, tensor) in file.tensors() {
                if !is_mask(&name) {
                    tensors.push(self.tensor(name, &tensor)?);
                }
            }
        }
        let views = tensors.iter().map(|t| {
            let view = TensorView::new(t.dtype, t.shape.clone(), &t.bytes);
            view.map(|view| (t.name.as_str(), view))
        });
        let wrong = |e: SafeTensorError| format!("{WEIGHTS}: {e}");
        let views = views.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        // As transformers writes it, and expects it.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        // Into memory: the library's own file is one that a web server may not read.
        let file = serialize(views, Some(metadata)).map_err(wrong)?;
        Ok((
            file,
            tensors.iter().any(|t| matches!(t.bytes, Cow::Owned(_))),
        ))
    }

    fn tensor<'a>(&self, name: String, tensor: &TensorView<'a>) -> Result<Tensor<'a>, Failure> {
        let (bytes, shape) = (tensor.data(), tensor.shape().to_vec());
        let (dtype, bytes) = match tensor.dtype() {
            Dtype::F32 if self.f16 => {
                let (whole, _) = bytes.as_chunks::<4>();
                let values = whole.iter().map(|b| f32::from_le_bytes(*b));
                (Dtype::F16, Cow::Owned(halved(&name, values)?))
            }
            Dtype::BF16 if self.f16 => {
                let (whole, _) = bytes.as_chunks::<2>();
                let values = whole.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32());
                (Dtype::F16, Cow::Owned(halved(&name, values)?))
            }
            dtype => (dtype, Cow::Borrowed(bytes)),
        };
        Ok(Tensor {
            name,
            dtype,
            shape,
            bytes,
        })
    }

    /// config.json as it was, with what was found out here.
    fn write_config(
        &self,
        small: &Folder,
        hashes: &Map<String, Value>,
        half: Option<Half>,
    ) -> Result<(), Failure> {
        let path = self.to.join(CONFIG);
        let read = small.get(CONFIG).map(json::read::<Map<_, _>>);
        let mut config = read
            .transpose()
            .map_err(|e| at(&path, e))?
            .unwrap_or_default();
        config.insert(SHA256.into(), hashes.clone().into());
        if let Some(Half { off }) = half {
            config.insert(HALF.into(), off.into());
        }
        let text = serde_json::to_string_pretty(&config).map_err(|e| at(&path, e))?;
        std::fs::write(&path, text + "\n").map_err(|e| at(&path, e))
    }

    /// Loads the model of a folder. What the page opens with, computed with it: where that
    /// is to be compared, and fits the model.
    fn example(&self, model: &str) -> Result<Option<Report>, Failure> {
        let mut session = load(model, Cpu)?;
        if !self.f16 {
            return Ok(None);
        }
        let experiment = Experiment::default();
        let report = pollster::block_on(session.run(&experiment, false, &Terminal::new(None)));
        Ok(report.ok())
    }
}

/// The bytes of values in half precision.
fn halved(name: &str, values: impl Iterator<Item = f32>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(2 * values.size_hint().0);
    for value in values {
        let half = f16::from_f32(value);
        if !half.is_finite() {
            return Err(format!(
                "tensor {name} has the value {value}, and half precision ends at {}; leave --f16 out",
                f16::MAX
            ));
        }
        bytes.extend(half.to_le_bytes());
    }
    Ok(bytes)
}

/// The largest difference of a metric, of both runs and of each cell; `None` where there
/// are none.
fn difference(a: &Report, b: &Report) -> Option<f32> {
    let numbers = |report: &Report| -> Vec<f32> {
        let runs = report.metrics.iter().flat_map(|m| [m.clean, m.corrupted]);
        let cells = report.sweeps.iter().flat_map(|s| &s.values);
        let cells = cells.flatten().flatten().flatten().copied();
        runs.chain(cells).collect()
    };
    let (a, b) = (numbers(a), numbers(b));
    let pairs = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    let largest = pairs.fold(0.0, f32::max);
    (a.len() == b.len() && !a.is_empty()).then_some(largest)
}

fn at(path: &Path, e: impl std::fmt::Display) -> Failure {
    format!("{}: {e}", path.display())
}
