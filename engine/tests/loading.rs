//! Weights that come in pieces of any size, and files that are not what they claim.
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common::{RANDOM_MODELS, files};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::model::{
    Config, Gpt2, Loader, ModelError, Patient, Store, Wanted, WeightsError,
};
use patchbay_engine::rows::{Plan, Run};
use pollster::block_on;
use sha2::{Digest, Sha256};

/// The logits after a few tokens, which every weight has a part in.
fn logits<B: Backend>(b: &B, model: &Gpt2<B>) -> Vec<f32> {
    let tokens: Vec<u32> = (1..7).collect();
    let run = Run {
        reads: vec![tokens.len() - 1],
        ..Run::of(tokens.into())
    };
    let shape = model.config.shape;
    let (plan, mut store) = (
        Plan::new(&shape, std::slice::from_ref(&run)).unwrap(),
        Store::new(shape),
    );
    let wanted = Wanted {
        all: true,
        ..Wanted::default()
    };
    let outcome = block_on(model.forward(b, &plan, &mut store, &Patient)).unwrap();
    let (reads, _) = block_on(model.read(b, &[run], &plan, &outcome, &wanted)).unwrap();
    reads[0][0].clone().unwrap().all
}

fn config(name: &str) -> Config {
    Config::from_json(&files(name).config).unwrap()
}

/// Loads in pieces of `step` bytes; the logits and the hash.
fn in_pieces<B: Backend>(b: &B, name: &str, step: usize) -> (Vec<f32>, String) {
    let mut loader = Loader::reserve(b, config(name)).unwrap();
    for piece in files(name).weights.chunks(step) {
        loader.push(b, piece).unwrap();
    }
    let loaded = loader.finish().unwrap();
    (logits(b, &loaded.model), loaded.sha256)
}

#[test]
fn pieces_of_any_size_make_the_same_model() {
    for name in RANDOM_MODELS {
        let bytes = files(name).weights;
        let whole = logits(&Cpu, &Gpt2::load(&Cpu, config(name), &bytes).unwrap());
        let expected = format!("{:x?}", Sha256::digest(&bytes).as_slice());
        let expected: String = expected
            .trim_matches(['[', ']'])
            .split(", ")
            .map(|b| format!("{b:0>2}"))
            .collect();
        // Values cut in the middle (F16 and BF16 too), rows cut in the middle.
        for step in [1, 3, 7, 4099, 1 << 20] {
            let (found, hash) = in_pieces(&Cpu, name, step);
            assert_eq!(found, whole, "{name} in steps of {step}");
            assert_eq!(hash, expected);
        }
    }
}

#[cfg(feature = "webgpu")]
#[test]
fn a_gpu_that_binds_little_gets_the_same_model() {
    use patchbay_engine::backend::gpu::{Gpu, GpuOptions};
    if std::env::var_os("PATCHBAY_NO_WEBGPU").is_some_and(|v| v == "1") {
        return;
    }
    for name in ["thin", "untied"] {
        let (whole, hash) = in_pieces(&Cpu, name, 1 << 20);
        let n = config(name).shape.n_embd as u64;
        // Embeddings in pieces of 7 rows: one value can be cut by the network, one
        // row by a chunk, one chunk by a piece.
        let options = GpuOptions {
            max_tensor_bytes: Some(4 * n * 7),
            ..GpuOptions::default()
        };
        let gpu = block_on(Gpu::new(options)).unwrap();
        let (found, same) = in_pieces(&gpu, name, 1013);
        assert_eq!(hash, same);
        for (a, b) in found.iter().zip(&whole) {
            assert!((a - b).abs() <= 2e-4 * b.abs().max(1.0), "{name}: {a}, {b}");
        }
    }
}

/// What a file does to a loader that expects the model `thin`.
fn refusal(bytes: &[u8]) -> WeightsError {
    let mut loader = Loader::reserve(&Cpu, config("thin")).unwrap();
    let pushed = bytes.chunks(1000).try_for_each(|p| loader.push(&Cpu, p));
    match pushed.and_then(|()| loader.finish().map(drop)) {
        Err(ModelError::Weights(e)) => e,
        other => panic!("{other:?}"),
    }
}

/// The file of `thin`, its header's text changed, with the length it then has.
fn with_header(change: impl Fn(&str) -> String) -> Vec<u8> {
    let bytes = files("thin").weights;
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    let changed = change(header);
    assert!(changed != header);
    let mut out = (changed.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(changed.as_bytes());
    out.extend_from_slice(&bytes[8 + length..]);
    out
}

#[test]
fn files_that_are_not_whole_are_refused() {
    let bytes = files("thin").weights;
    for found in [bytes.len() - 1, bytes.len() / 2] {
        let e = refusal(&bytes[..found]);
        let WeightsError::Short { found: f, expected } = e else {
            panic!("{e}");
        };
        assert_eq!((f, expected), (found as u64, bytes.len() as u64));
    }
    assert!(matches!(refusal(&[]), WeightsError::NoHeader { found: 0 }));
    assert!(matches!(
        refusal(&bytes[..20]),
        WeightsError::NoHeader { found: 20 }
    ));
    let long = [&bytes[..], &[0]].concat();
    assert!(matches!(refusal(&long), WeightsError::Long { .. }));
}

#[test]
fn files_of_another_kind_are_refused() {
    let html = b"<!doctype html><title>Please log in</title>".repeat(100);
    assert!(matches!(refusal(&html), WeightsError::HeaderLength { .. }));
    let renamed = with_header(|h| h.replace("ln_f.weight", "ln_x.weight"));
    let e = refusal(&renamed).to_string();
    assert!(e.contains("no tensor") && e.contains("ln_f.weight"), "{e}");
    let turned = with_header(|h| {
        let at = h.find("wpe.weight").unwrap();
        let (before, after) = h.split_at(at);
        let shape = after.find("\"shape\":[").unwrap() + 9;
        let end = shape + after[shape..].find(']').unwrap();
        let mut sizes: Vec<&str> = after[shape..end].split(',').collect();
        sizes.reverse();
        format!(
            "{before}{}{}{}",
            &after[..shape],
            sizes.join(","),
            &after[end..]
        )
    });
    let e = refusal(&turned);
    assert!(matches!(e, WeightsError::Shape { .. }), "{e}");
    assert!(e.to_string().contains("wpe.weight"), "{e}");
    let integers = with_header(|h| h.replace("BF16", "I16"));
    assert!(matches!(refusal(&integers), WeightsError::Dtype { .. }));
}

#[test]
fn values_that_are_not_numbers_are_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut bytes = files("thin").weights;
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&bad.to_le_bytes());
        let e = refusal(&bytes);
        assert!(matches!(e, WeightsError::NotFinite { .. }), "{e}");
    }
}

#[test]
fn parameters_are_counted_from_the_shape() {
    for name in RANDOM_MODELS {
        let config = config(name);
        let bytes = files(name).weights;
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let counted: usize = file
            .tensors()
            .iter()
            .filter(|(n, _)| !n.ends_with(".attn.bias") && !n.ends_with("masked_bias"))
            .filter(|(n, _)| !(config.tied_head && n == "lm_head.weight"))
            .map(|(_, t)| t.shape().iter().product::<usize>())
            .sum();
        assert_eq!(config.parameters(), counted as u64, "{name}");
    }
}
