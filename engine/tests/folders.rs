//! Folders as the field has them: weights in shards, a vocabulary in two files, end
//! tokens and BOS of their own, heads of their own, and what is missing said by its name.
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common::Listener;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{Experiment, Report};
use patchbay_engine::model::folder::{
    ADDED_TOKENS, CONFIG, GENERATION, INDEX, MERGES, SPECIAL_TOKENS, TOKENIZER, TOKENIZER_CONFIG,
    VOCAB, WEIGHTS,
};
use patchbay_engine::model::{Files, Folder, Index, ModelError, WeightsError, combined_sha256};
use patchbay_engine::sentence::Listed;
use patchbay_engine::session::{Arriving, Session};
use pollster::block_on;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;

fn fields() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles/fields")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(fields().join(name)).unwrap()
}

/// A folder of its own for a test, with some of the files, by the names they get.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, from) in files {
        std::fs::write(folder.join(name), file(from)).unwrap();
    }
    folder
}

const SHARDS: [&str; 3] = [
    "model-00001-of-00003.safetensors",
    "model-00002-of-00003.safetensors",
    "model-00003-of-00003.safetensors",
];

const EXPERIMENT: &str = r#"{"version": 2, "clean": [7, 45, 290, 3, 120], "corrupted": [7, 46, 290, 3, 120],
    "metrics": [{"kind": "probability", "answer": 30}], "sweeps": []}"#;

/// Runs the command; its report, or what it says.
fn command(folder: &Path, experiment: &str) -> Result<(Value, String), String> {
    let file = folder.join("experiment.json");
    std::fs::write(&file, experiment).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_patchbay"))
        .arg("run")
        .arg(&file)
        .arg("--model")
        .arg(folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    match output.status.success() {
        true => Ok((serde_json::from_slice(&output.stdout).unwrap(), said)),
        false => Err(said),
    }
}

#[test]
fn the_command_reads_shards_and_a_vocabulary_in_two_files() {
    let plain = folder(
        "plain",
        &[(CONFIG, CONFIG), (TOKENIZER, TOKENIZER), (WEIGHTS, WEIGHTS)],
    );
    let (expected, _) = command(&plain, EXPERIMENT).unwrap();
    let mut files = vec![
        (CONFIG, CONFIG),
        (VOCAB, VOCAB),
        (MERGES, MERGES),
        (INDEX, INDEX),
    ];
    files.extend(SHARDS.map(|s| (s, s)));
    let sharded = folder("sharded", &files);
    let (found, _) = command(&sharded, EXPERIMENT).unwrap();
    assert_eq!(found["clean"], expected["clean"]);
    assert_eq!(found["reading"], expected["reading"]);
    // As `sha256sum model-*.safetensors | sha256sum` says.
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let line = |s: &&str| format!("{}  {s}\n", hex(&Sha256::digest(file(s))));
    let list: String = SHARDS.iter().map(line).collect();
    assert_eq!(found["model"]["sha256"], hex(&Sha256::digest(&list)));
    let own = hex(&Sha256::digest(file(WEIGHTS)));
    assert_eq!(expected["model"]["sha256"], own);
    assert_eq!(combined_sha256([(WEIGHTS, own.as_str())]).len(), 64);
}

#[test]
fn what_a_folder_lacks_is_named() {
    let (config, tokenizer) = ((CONFIG, CONFIG), (TOKENIZER, TOKENIZER));
    let shard = |i: usize| (SHARDS[i], SHARDS[i]);
    for (test, files, names) in [
        ("empty", vec![], vec![CONFIG]),
        (
            "no-tokenizer",
            vec![config, (WEIGHTS, WEIGHTS)],
            vec![TOKENIZER, VOCAB, MERGES],
        ),
        (
            "no-merges",
            vec![config, (VOCAB, VOCAB)],
            vec![TOKENIZER, VOCAB, MERGES],
        ),
        ("no-weights", vec![config, tokenizer], vec![WEIGHTS, INDEX]),
        (
            "no-shard",
            vec![config, tokenizer, (INDEX, INDEX), shard(0), shard(2)],
            vec![SHARDS[1], INDEX],
        ),
        (
            "head-missing",
            vec![config, tokenizer, (WEIGHTS, "both-equal.safetensors")],
            vec![],
        ),
    ] {
        let folder = folder(test, &files);
        match command(&folder, EXPERIMENT) {
            Ok((_, said)) => assert!(names.is_empty() && said.is_empty(), "{test}: {said}"),
            Err(said) => {
                assert!(!names.is_empty(), "{test}: {said}");
                for name in names {
                    assert!(said.contains(name), "{test}: {name}? {said}");
                }
            }
        }
    }
}

/// What becomes of shards that are changed on the way.
fn with_shards(
    index: &Value,
    change: impl Fn(usize, Vec<u8>) -> Vec<u8>,
) -> Result<(), ModelError> {
    let mut folder = Folder::of(&file(CONFIG), &file(TOKENIZER));
    folder.put(INDEX, index.to_string().into_bytes());
    let mut arriving = Arriving::expect("shards", &folder, Cpu)?;
    let mut i = 0;
    while let Some(name) = arriving.file().map(str::to_owned) {
        for piece in change(i, file(&name)).chunks(313) {
            arriving.push(piece)?;
        }
        arriving.end_file()?;
        i += 1;
    }
    arriving.finish().map(drop)
}

#[test]
fn shards_that_do_not_belong_together_are_refused_by_name() {
    let index: Value = serde_json::from_slice(&file(INDEX)).unwrap();
    let same = |_, bytes| bytes;
    with_shards(&index, same).unwrap();
    let cut = |i, mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() - usize::from(i == 1));
        bytes
    };
    let e = with_shards(&index, cut).unwrap_err().to_string();
    assert!(e.starts_with(SHARDS[1]) && e.contains("ended after"), "{e}");
    let swapped = |i, bytes| if i == 0 { file(SHARDS[1]) } else { bytes };
    let e = with_shards(&index, swapped).unwrap_err().to_string();
    assert!(
        e.contains(SHARDS[0]) && e.contains(SHARDS[1]) && e.contains("belong together"),
        "{e}"
    );
    // A tensor that the index has elsewhere, or nowhere, or that no file has.
    let tensor = "transformer.ln_f.bias";
    let mut moved = index.clone();
    let at = moved["weight_map"][tensor].clone();
    let other = SHARDS.iter().find(|s| at != **s).unwrap();
    moved["weight_map"][tensor] = json!(other);
    let e = with_shards(&moved, same).unwrap_err().to_string();
    assert!(e.contains(tensor), "{e}");
    let mut without = index.clone();
    without["weight_map"]
        .as_object_mut()
        .unwrap()
        .remove(tensor);
    let e = with_shards(&without, same).unwrap_err();
    let named = matches!(&e, ModelError::Weights(WeightsError::Missing { name }) if name == tensor);
    assert!(named, "{e}");
    let mut renamed = index;
    let map = renamed["weight_map"].as_object_mut().unwrap();
    map.insert("transformer.h.0.extra".into(), json!(SHARDS[0]));
    with_shards(&renamed, same).unwrap();
    assert!(Index::parse(b"{}").is_err());
}

fn session(folder: &str, config: &Value) -> Session<Cpu> {
    let files = Files {
        config: config.to_string().into_bytes(),
        tokenizer: file(TOKENIZER),
        weights: file(folder),
    };
    Session::load("folders", &files, Cpu).unwrap()
}

fn run(session: &mut Session<Cpu>, experiment: &Value) -> Report {
    let experiment = Experiment::from_json(&experiment.to_string()).unwrap();
    block_on(session.run(&experiment, false, &Listener::default())).unwrap()
}

#[test]
fn bos_that_the_model_lacks_is_off_and_said() {
    // A vocabulary without GPT-2's token, and an id that is in no table.
    let mut config: Value = serde_json::from_slice(&file(CONFIG)).unwrap();
    config["bos_token_id"] = json!(50256);
    let text = String::from_utf8(file(TOKENIZER)).unwrap();
    let files = Files {
        config: config.to_string().into_bytes(),
        tokenizer: text.replace("<|endoftext|>", "<other>").into_bytes(),
        weights: file(WEIGHTS),
    };
    let mut session = Session::load("folders", &files, Cpu).unwrap();
    let patching = json!({"version": 2, "clean": "the cat", "corrupted": "the dog", "sweeps": [],
        "metrics": [{"kind": "probability", "answer": [30]}]});
    let steering = json!({"version": 2, "clean": "", "corrupted": "", "metrics": [], "room": "steering",
        "steer": {"prompt": "the cat", "sampling": {"temperature": 0, "tokens": 3},
            "directions": [{"name": "d", "source": {"kind": "pair", "positive": "the cat", "negative": "the dog"}, "layers": [1], "coefficient": 1.0}]}});
    for experiment in [patching, steering] {
        let mut off = experiment.clone();
        off["bos"] = json!(false);
        let (on, off) = (run(&mut session, &experiment), run(&mut session, &off));
        assert!(!on.reading.bos && !off.reading.bos);
        let told = |r: &Report| {
            let top: Vec<u32> = r.clean.top.iter().map(|t| t.token.id).collect();
            let steer = r.steer.as_ref().map(|s| {
                let written = s.samples[0].steered.iter().map(|w| w.token.id);
                (s.prompt.clone(), written.collect::<Vec<_>>())
            });
            (r.reading.clean.clone(), top, steer)
        };
        assert_eq!(told(&on), told(&off));
        let said: Vec<_> = on
            .reading
            .problems
            .iter()
            .filter(|p| p.field == "bos")
            .collect();
        assert!(matches!(said.as_slice(), [p] if !p.fatal), "{said:?}");
        assert!(off.reading.problems.iter().all(|p| p.field != "bos"));
    }
    // With it nothing is said.
    let mut with = self::session(WEIGHTS, &serde_json::from_slice(&file(CONFIG)).unwrap());
    let found = run(
        &mut with,
        &json!({"version": 2, "clean": "a b", "corrupted": "b b", "sweeps": [], "metrics": []}),
    );
    assert!(found.reading.bos && found.reading.clean[0].id == 292);
    assert!(found.reading.problems.iter().all(|p| p.field != "bos"));
}

#[test]
fn which_head_is_taken_is_said() {
    let config = |tied: bool| {
        let mut config: Value = serde_json::from_slice(&file(CONFIG)).unwrap();
        config["tie_word_embeddings"] = json!(tied);
        config
    };
    let tied = session(WEIGHTS, &config(true)).model().parameters;
    for (weights, remark, parameters) in [
        ("both-equal.safetensors", None, tied),
        (
            "both-differ.safetensors",
            Some("other values"),
            tied + 300 * 6,
        ),
        (
            "bare-both-differ.safetensors",
            Some("other values"),
            tied + 300 * 6,
        ),
        ("head-only.safetensors", Some("no wte.weight"), tied),
        ("bare-head-only.safetensors", Some("no wte.weight"), tied),
    ] {
        let session = session(weights, &config(true));
        let said = Listed(session.remarks()).to_string();
        match remark {
            Some(remark) => assert!(said.contains(remark), "{weights}: {said}"),
            None => assert_eq!(said, "", "{weights}"),
        }
        assert_eq!(session.model().parameters, parameters, "{weights}");
    }
    let files = Files {
        config: config(false).to_string().into_bytes(),
        tokenizer: file(TOKENIZER),
        weights: file(WEIGHTS),
    };
    let Err(e) = Session::load("folders", &files, Cpu) else {
        panic!("a head that is not there")
    };
    let e = e.to_string();
    assert!(
        e.contains("lm_head.weight") && !e.contains("GPT-2 model?"),
        "{e}"
    );
}

#[test]
fn tensors_without_a_use_are_named() {
    let mut config: Value = serde_json::from_slice(&file(CONFIG)).unwrap();
    config["n_layer"] = json!(1);
    let said = Listed(session(WEIGHTS, &config).remarks()).to_string();
    assert!(
        said.contains("12 tensors") && said.contains("transformer.h.1."),
        "{said}"
    );
}

/// What is said of a folder in which one file is another.
fn refused(name: &'static str, content: &str) -> String {
    let mut files = vec![CONFIG, INDEX];
    files.extend(match name {
        VOCAB | MERGES => vec![VOCAB, MERGES],
        _ => vec![TOKENIZER],
    });
    let mut folder = Folder::default();
    for name in files {
        folder.put(name, file(name));
    }
    folder.put(name, content.into());
    match Arriving::expect("folders", &folder, Cpu) {
        Err(e) => e.to_string(),
        Ok(_) => panic!("{name} is taken: {content}"),
    }
}

#[test]
fn a_key_that_stands_twice_in_a_file_is_refused_by_its_name() {
    let twice = r#"{"a key": 1, "a key": 1"#;
    for name in [CONFIG, INDEX, TOKENIZER, VOCAB] {
        let content = String::from_utf8(file(name)).unwrap();
        let rest = content.trim_start().strip_prefix('{').unwrap();
        let said = refused(name, &format!("{twice}, {rest}"));
        assert!(
            said.contains(name) && said.contains("“a key” stands there again"),
            "{said}"
        );
    }
    for name in [GENERATION, TOKENIZER_CONFIG, SPECIAL_TOKENS, ADDED_TOKENS] {
        let said = refused(name, &format!("{twice}}}"));
        assert!(
            said.contains(name) && said.contains("“a key” stands there again"),
            "{said}"
        );
    }
}

#[test]
fn a_character_that_is_not_seen_is_told_by_its_number() {
    for (name, content) in [
        (CONFIG, r#"{"model_type": "~"}"#),
        (CONFIG, r#"{"activation_function": "~"}"#),
        (CONFIG, r#"{"n_layer": "~"}"#),
        (CONFIG, r#"{"~": 1, "~": 1}"#),
        (CONFIG, r#"{"pruned_heads": {"~": 1}}"#),
        (GENERATION, r#"{"eos_token_id": "~"}"#),
        (TOKENIZER, r#"{"decoder": {"type": "~"}}"#),
        (TOKENIZER_CONFIG, r#"{"add_prefix_space": "~"}"#),
        (ADDED_TOKENS, r#"{"~": "x"}"#),
        (INDEX, r#"{"weight_map": {"a": "~.safetensors"}}"#),
        (MERGES, "a~b"),
    ] {
        let said = refused(name, &content.replace('~', "\u{202e}a\u{9b}"));
        assert!(said.contains(r"\u{202e}a\u{9b}"), "{said:?}");
        assert!(!said.contains(['\u{202e}', '\u{9b}']), "{said:?}");
    }
}
