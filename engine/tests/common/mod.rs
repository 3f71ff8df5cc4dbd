//! What the tests share: the oracle models and values of `tests/oracles`, and
//! sessions on them.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use patchbay_engine::backend::Backend;
use patchbay_engine::experiment::{
    Experiment, Metric, MetricKind, Prompt, Site, Steer, TokenRef, Tokens, Update,
};
use patchbay_engine::model::{Cancelled, Files};
use patchbay_engine::session::{Host, Session};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;

pub const RANDOM_MODELS: [&str; 7] = [
    "bare", "deep", "half", "thin", "untied", "inverse", "unscaled",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn model_folder(name: &str) -> PathBuf {
    match name {
        "mini" => root().join("www/models/mini"),
        "random-gpt2" => root().join("tests/out/random-gpt2"),
        _ => root().join("tests/oracles/models").join(name),
    }
}

/// The page's first steering: hate towards love, on the built-in model.
pub fn love() -> Steer {
    let path = root().join("www/experiments/hate-to-love.json");
    let experiment = Experiment::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
    Steer {
        map: None,
        detector: None,
        ..experiment.steer.unwrap()
    }
}

pub fn files(name: &str) -> Files {
    let folder = model_folder(name);
    let read = |file: &str| {
        let path = folder.join(file);
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    Files {
        config: read("config.json"),
        tokenizer: read("tokenizer.json"),
        weights: read("model.safetensors"),
    }
}

/// Oracle values of one model.
pub struct Oracle {
    pub json: Value,
    arrays: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Oracle {
    pub fn of(model: &str) -> Self {
        let folder = root().join("tests/oracles/values");
        let json = std::fs::read_to_string(folder.join(format!("{model}.json")))
            .unwrap_or_else(|e| panic!("oracle values of {model}: {e}"));
        let bytes = std::fs::read(folder.join(format!("{model}.safetensors"))).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let arrays = file
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                let values = view.data().as_chunks::<4>().0;
                let values = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
                (name, (view.shape().to_vec(), values))
            })
            .collect();
        Self {
            json: serde_json::from_str(&json).unwrap(),
            arrays,
        }
    }

    pub fn array(&self, key: &Value) -> &[f32] {
        let key = key.as_str().unwrap();
        &self.arrays.get(key).unwrap_or_else(|| panic!("no {key}")).1
    }

    pub fn cases(&self) -> &[Value] {
        self.json["cases"].as_array().unwrap()
    }
}

pub fn ids(value: &Value) -> Vec<u32> {
    let ids = value.as_array().unwrap();
    ids.iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// A text of the oracles up to the model's end token, at which the engine stops.
pub fn until_end(model: &str, mut text: Vec<u32>) -> Vec<u32> {
    let config: Value = serde_json::from_slice(&files(model).config).unwrap();
    let end = config["eos_token_id"].as_u64();
    if let Some(at) = text.iter().position(|id| Some(u64::from(*id)) == end) {
        text.truncate(at + 1);
    }
    text
}

/// The experiment of a case, by token ids, without a sweep.
pub fn experiment(case: &Value) -> Experiment {
    let id = |key: &str| Tokens::One(TokenRef::Id(case[key].as_u64().unwrap() as u32));
    Experiment {
        clean: Prompt::Tokens(ids(&case["clean"]["tokens"])),
        corrupted: Prompt::Tokens(ids(&case["corrupted"]["tokens"])),
        metrics: vec![Metric {
            kind: MetricKind::LogitDifference,
            answer: id("answer"),
            wrong: Some(id("wrong")),
        }],
        sweeps: Vec::new(),
        ..Experiment::default()
    }
}

/// Remembers what it hears, and never stops anything.
#[derive(Default)]
pub struct Listener(pub std::cell::RefCell<Vec<Update>>);

impl Host for Listener {
    fn update(&self, update: Update) {
        self.0.borrow_mut().push(update);
    }

    fn now(&self) -> f64 {
        std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() * 1000.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        Ok(())
    }
}

pub fn session<B: Backend>(model: &str, backend: B) -> Session<B> {
    Session::load(model, &files(model), backend).unwrap_or_else(|e| panic!("{model}: {e}"))
}

/// The largest |found - expected| / max(1, |expected|).
pub fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "number of values");
    assert!(!expected.is_empty(), "nothing to compare");
    found
        .iter()
        .zip(expected)
        .map(|(f, e)| (f - e).abs() / e.abs().max(1.0))
        // `max` would drop a NaN.
        .fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most })
}

/// Prints the largest difference, as every comparison here does, and holds it
/// to the tolerance.
#[track_caller]
pub fn close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    let difference = largest_difference(found, expected);
    println!("{what}: {difference:.1e} (tolerance {tolerance:.0e})");
    assert!(
        difference <= tolerance,
        "{what}: {difference:.2e} > {tolerance:.0e}"
    );
}

/// A GPU for the tests, in software where there is no other. `None`, said
/// aloud, where `PATCHBAY_NO_WEBGPU` is set; without it a missing adapter fails.
#[cfg(feature = "webgpu")]
pub fn gpu(max_tensor_bytes: Option<u64>) -> Option<patchbay_engine::backend::gpu::Gpu> {
    use patchbay_engine::backend::gpu::{Gpu, GpuOptions};
    if std::env::var_os("PATCHBAY_NO_WEBGPU").is_some() {
        println!("skipped: PATCHBAY_NO_WEBGPU is set");
        return None;
    }
    let gpu = pollster::block_on(Gpu::new(GpuOptions {
        max_tensor_bytes,
        ..GpuOptions::default()
    }));
    Some(gpu.unwrap_or_else(|e| {
        panic!("{e}. Install Vulkan (Debian: libvulkan1, and chromium for SwiftShader, with VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json), or set PATCHBAY_NO_WEBGPU=1")
    }))
}

/// The sites whose plain sweeps are compared.
pub const SWEPT: [Site; 9] = [
    Site::ResidPre,
    Site::AttnOut,
    Site::ResidMid,
    Site::MlpOut,
    Site::ResidPost,
    Site::Z,
    Site::Q,
    Site::K,
    Site::V,
];
