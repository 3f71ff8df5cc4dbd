//! The folder that `patchbay mirror` writes for a course: read as the page reads it.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::model_folder;
use half::f16;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::model::Files;
use patchbay_engine::session::Session;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize_to_file};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("mirror")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn patchbay(arguments: &[&str]) -> Output {
    let command = Command::new(env!("CARGO_BIN_EXE_patchbay"))
        .args(arguments)
        .output();
    command.unwrap()
}

/// Writes the mirror of a folder; what the command says.
fn mirror(model: &Path, to: &Path, more: &[&str]) -> String {
    let mut arguments = vec![
        "mirror",
        "--model",
        model.to_str().unwrap(),
        to.to_str().unwrap(),
    ];
    arguments.extend(more);
    let output = patchbay(&arguments);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn load(folder: &Path) -> Result<Session<Cpu>, String> {
    let files = Files {
        config: read(folder, "config.json"),
        tokenizer: read(folder, "tokenizer.json"),
        weights: read(folder, "model.safetensors"),
    };
    Session::load("mirrored", &files, Cpu).map_err(|e| e.to_string())
}

#[test]
fn the_weights_are_the_same_in_one_file_without_masks() {
    // `mini` is in half precision itself: that is no rounding. `bare` has masks; GPT-2 small's own file has them, too.
    for name in ["mini", "bare", "untied"] {
        let (from, to) = (model_folder(name), folder(name));
        let more: &[&str] = if name == "mini" { &["--f16"] } else { &[] };
        let said = mirror(&from, &to, more);
        let (before, after) = (
            read(&from, "model.safetensors"),
            read(&to, "model.safetensors"),
        );
        let before = SafeTensors::deserialize(&before).unwrap();
        let after = SafeTensors::deserialize(&after).unwrap();
        for (name, tensor) in before.tensors() {
            let mask = name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
            match after.tensor(&name) {
                Ok(_) if mask => panic!("{name} is written"),
                Err(e) => assert!(mask, "{name}: {e}"),
                Ok(written) => assert_eq!(written, tensor, "{name}"),
            }
        }
        let config: Value = serde_json::from_slice(&read(&to, "config.json")).unwrap();
        let hashes = config["patchbay_sha256"].as_object().unwrap();
        for (file, sha256) in hashes {
            assert!(
                said.contains(&format!("{}  ", sha256.as_str().unwrap())),
                "{said}"
            );
            assert!(said.contains(file), "{said}");
        }
        let session = load(&to).unwrap();
        assert_eq!(session.remarks().len(), 0, "{name}");
        assert_eq!(hashes["model.safetensors"], *session.model().sha256);
    }
}

/// The same model, its weights a little larger and in single precision.
fn widen(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in ["config.json", "tokenizer.json"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
    let bytes = read(from, "model.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let wide: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let (halves, _) = tensor.data().as_chunks::<2>();
            let values = halves
                .iter()
                .map(|b| f16::from_le_bytes(*b).to_f32() * 1.0003);
            (
                name,
                tensor.shape().to_vec(),
                values.flat_map(f32::to_le_bytes).collect(),
            )
        })
        .collect();
    let views = wide.iter().map(|(name, shape, bytes)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    serialize_to_file(views, None, &to.join("model.safetensors")).unwrap();
}

#[test]
fn in_half_precision_each_weight_is_rounded_and_it_says_how_far_off_that_is() {
    let (from, to) = (folder("wide"), folder("half"));
    widen(&model_folder("mini"), &from);
    let said = mirror(&from, &to, &["--f16"]);
    let (before, after) = (
        read(&from, "model.safetensors"),
        read(&to, "model.safetensors"),
    );
    assert!(after.len() < before.len() * 51 / 100 + 20_000);
    let before = SafeTensors::deserialize(&before).unwrap();
    let after = SafeTensors::deserialize(&after).unwrap();
    let mut rounded = 0;
    for (name, tensor) in before.tensors() {
        assert_eq!(tensor.dtype(), Dtype::F32);
        let written = after.tensor(&name).unwrap();
        assert_eq!(
            (written.dtype(), written.shape()),
            (Dtype::F16, tensor.shape())
        );
        let (wide, _) = tensor.data().as_chunks::<4>();
        let (narrow, _) = written.data().as_chunks::<2>();
        assert_eq!(wide.len(), narrow.len());
        for (a, b) in wide.iter().zip(narrow) {
            let (a, b) = (f32::from_le_bytes(*a), f16::from_le_bytes(*b).to_f32());
            // Half a unit in the last place; below the normal numbers that is a fixed step.
            let most = (a.abs() * 2.0f32.powi(-11)).max(2.0f32.powi(-25));
            assert!((a - b).abs() <= most, "{name}: {a} became {b}");
            rounded += usize::from(a.to_bits() != b.to_bits());
        }
    }
    assert!(rounded > 100_000);
    let config: Value = serde_json::from_slice(&read(&to, "config.json")).unwrap();
    let off = config["patchbay_half"].as_f64().unwrap();
    assert!(off > 0.0 && off < 0.1, "{off}");
    let session = load(&to).unwrap();
    let remarks: Vec<String> = session.remarks().iter().map(ToString::to_string).collect();
    assert!(
        remarks.len() == 1 && remarks[0].contains("half precision"),
        "{remarks:?}"
    );
    assert!(remarks[0].contains(&format!("{off:.1e}")) && said.contains(&format!("{off:.1e}")));
}

#[test]
fn a_file_that_does_not_belong_there_is_named() {
    let (from, to) = (model_folder("mini"), folder("changed"));
    mirror(&from, &to, &[]);
    for (file, at) in [("model.safetensors", 200_000), ("tokenizer.json", 40)] {
        let good = read(&to, file);
        let mut bad = good.clone();
        // Another value, or another letter: what is read is as well-formed as before.
        bad[at] ^= 1;
        std::fs::write(to.join(file), bad).unwrap();
        let e = load(&to).err().unwrap();
        assert!(
            e.contains(&format!("{file} has the SHA-256")) && e.contains("do not belong together"),
            "{e}"
        );
        std::fs::write(to.join(file), good).unwrap();
    }
    load(&to).unwrap();
    for (field, value) in [
        ("patchbay_sha256", "{\"model.safetensors\": \"00\"}"),
        ("patchbay_sha256", "3"),
        ("patchbay_half", "-1"),
    ] {
        let mut config: Value = serde_json::from_slice(&read(&to, "config.json")).unwrap();
        config[field] = serde_json::from_str(value).unwrap();
        let broken = folder("broken");
        std::fs::create_dir_all(&broken).unwrap();
        for file in ["model.safetensors", "tokenizer.json"] {
            std::fs::copy(to.join(file), broken.join(file)).unwrap();
        }
        std::fs::write(broken.join("config.json"), config.to_string()).unwrap();
        let e = load(&broken).err().unwrap();
        assert!(e.contains(field), "{e}");
    }
}

#[test]
fn what_cannot_be_written_says_why() {
    let mini = model_folder("mini");
    let own = patchbay(&[
        "mirror",
        "--model",
        mini.to_str().unwrap(),
        mini.to_str().unwrap(),
    ]);
    assert!(!own.status.success());
    assert!(String::from_utf8_lossy(&own.stderr).contains("model's own"));
    let said = |output: Output| String::from_utf8(output.stderr).unwrap();
    let to = folder("none");
    let none = patchbay(&["mirror", "--model", "/not/there", to.to_str().unwrap()]);
    assert!(!none.status.success() && !to.exists());
    // A good folder stays as it is where the next model is no good.
    let (good, bad) = (folder("good"), folder("bad"));
    mirror(&mini, &good, &[]);
    mirror(&mini, &bad, &[]);
    let mut weights = read(&bad, "model.safetensors");
    weights[200_000] ^= 1;
    std::fs::write(bad.join("model.safetensors"), weights).unwrap();
    let changed = patchbay(&[
        "mirror",
        "--model",
        bad.to_str().unwrap(),
        good.to_str().unwrap(),
    ]);
    let changed = said(changed);
    assert!(changed.contains("do not belong together"), "{changed}");
    load(&good).unwrap();
    // What another model left there would be read with this one.
    std::fs::write(good.join("generation_config.json"), "{}").unwrap();
    let mixed = said(patchbay(&[
        "mirror",
        "--model",
        mini.to_str().unwrap(),
        good.to_str().unwrap(),
    ]));
    assert!(mixed.contains("has a generation_config.json"), "{mixed}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name| good.join(name).metadata().unwrap().permissions().mode();
        assert_eq!(
            mode("model.safetensors"),
            mode("config.json"),
            "a web server reads both"
        );
    }
}
