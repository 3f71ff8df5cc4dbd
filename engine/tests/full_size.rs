//! The engine at GPT-2 small's size against transformers and TransformerLens: 768
//! dimensions, 12 layers, 50,257 tokens, and values near 3,000 at position 0. The
//! model is random, and `make random-gpt2` writes it; `tests/oracles/README.md`
//! says what is compared.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Listener, Oracle, close, experiment, ids, session, until_end};
use patchbay_engine::backend::Backend;
use patchbay_engine::experiment::{
    Capture, Experiment, Generate, Mode, Report, RunName, Site, Sweep, Token, TokenRef,
};
use patchbay_engine::model::Tokenizer;
use patchbay_engine::session::Session;
use serde_json::Value;

const MODEL: &str = "random-gpt2";
const TOLERANCE: f32 = 2e-3;

fn run<B: Backend>(session: &mut Session<B>, experiment: &Experiment) -> Report {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
        .unwrap_or_else(|e| panic!("{e}"))
}

/// Logits of both runs, the tokens they put first, and the greedy continuation.
fn logits<B: Backend>(session: &mut Session<B>, oracle: &Oracle, case: &Value) {
    let positions: Vec<usize> = ids(&case["logits_positions"])
        .iter()
        .map(|p| *p as usize)
        .collect();
    let stride = case["logits_stride"].as_u64().unwrap() as usize;
    let greedy = until_end("random-gpt2", ids(&case["greedy"]));
    let capture = |run| Capture {
        run,
        site: Site::Logits,
        layer: None,
        positions: Some(positions.clone()),
    };
    let report = run(
        session,
        &Experiment {
            captures: vec![capture(RunName::Clean), capture(RunName::Corrupted)],
            generate: Some(Generate {
                tokens: greedy.len(),
                repetition_penalty: 1.0,
            }),
            ..experiment(case)
        },
    );
    for (j, name) in ["clean", "corrupted"].into_iter().enumerate() {
        let told = [&report.clean, &report.corrupted][j];
        let what = format!("{} {name}", case["name"]);
        let found: Vec<f32> = report.captures[j]
            .values
            .chunks_exact(report.captures[j].shape[1])
            .flat_map(|row| row.iter().step_by(stride))
            .copied()
            .collect();
        let expected = oracle.array(&case["arrays"][format!("{name}.logits")]);
        close(&format!("{what} logits"), &found, expected, TOLERANCE);
        let clear = case[name]["top_clear"].as_u64().unwrap() as usize;
        let top = &case[name]["top"].as_array().unwrap()[..clear];
        let expected: Vec<u32> = top
            .iter()
            .map(|t| t["id"].as_u64().unwrap() as u32)
            .collect();
        let found: Vec<u32> = told.top.iter().take(clear).map(|t| t.token.id).collect();
        assert_eq!(found, expected, "{what}: first {clear} tokens");
        for key in ["logit", "probability"] {
            let expected: Vec<f32> = top
                .iter()
                .map(|t| t[key].as_f64().unwrap() as f32)
                .collect();
            let found = told.top.iter().take(clear).map(|t| match key {
                "logit" => t.logit,
                _ => t.probability,
            });
            let found: Vec<f32> = found.collect();
            close(&format!("{what} top {key}"), &found, &expected, TOLERANCE);
        }
        let expected = case[name]["logit_difference"].as_f64().unwrap() as f32;
        let found = [told.metrics[0]];
        close(&format!("{what} metric"), &found, &[expected], TOLERANCE);
    }
    let found: Vec<u32> = report.clean.continuation.iter().map(|t| t.id).collect();
    assert_eq!(found, greedy, "{}: greedy continuation", case["name"]);
}

/// Every sweep that the oracle has of a case; the number of them.
fn sweeps<B: Backend>(session: &mut Session<B>, oracle: &Oracle, case: &Value) -> usize {
    let mut compared = 0;
    for (mode, name) in [(Mode::Denoising, "denoising"), (Mode::Noising, "noising")] {
        for site in common::SWEPT {
            let key = &case["arrays"][format!("{name}.{site}")];
            if key.is_null() {
                continue;
            }
            let report = run(
                session,
                &Experiment {
                    sweeps: vec![Sweep::of(site, mode)],
                    ..experiment(case)
                },
            );
            let sweep = report.sweeps.first();
            let sweep = sweep.unwrap_or_else(|| panic!("{:?}", report.reading));
            let found: Vec<f32> = sweep.values[0]
                .iter()
                .flatten()
                .map(|v| v.unwrap())
                .collect();
            let what = format!("{} {name} {site}", case["name"]);
            close(&what, &found, oracle.array(key), TOLERANCE);
            compared += 1;
        }
    }
    compared
}

/// With `small` only what a GPU in software does in seconds.
fn compare<B: Backend>(backend: B, small: bool) {
    let folder = common::model_folder(MODEL);
    assert!(
        folder.join("model.safetensors").exists(),
        "{} has no model: run `make random-gpt2`",
        folder.display()
    );
    let oracle = Oracle::of(MODEL);
    let mut session = session(MODEL, backend);
    assert_eq!(
        session.model().sha256,
        oracle.json["weights_sha256"].as_str().unwrap(),
        "the values belong to other weights: run `make random-gpt2`"
    );
    let mut compared = 0;
    for case in oracle.cases() {
        if small && case["small"] == false {
            continue;
        }
        logits(&mut session, &oracle, case);
        compared += sweeps(&mut session, &oracle, case);
    }
    assert_eq!(compared, if small { 2 } else { 6 }, "sweeps");
    session.forget();
    assert_eq!(session.slots().in_use(), 0, "slots left behind");
}

#[test]
fn cpu_equals_the_oracles_at_full_size() {
    compare(patchbay_engine::backend::cpu::Cpu, false);
}

#[cfg(feature = "webgpu")]
#[test]
fn webgpu_equals_the_oracles_at_full_size() {
    if let Some(gpu) = common::gpu(None) {
        compare(gpu, true);
    }
}

/// Token 20543 is the character U+FFFD itself after a space, and the first piece of an emoji is
/// not.
#[test]
fn parts_of_characters_are_no_other_token_in_gpt2s_vocabulary() {
    let json = std::fs::read(common::model_folder(MODEL).join("tokenizer.json")).unwrap();
    let tokenizer = Tokenizer::from_json(&json, 50_257, Some(50_256), &[]).unwrap();
    let ids = tokenizer.encode(" 😀", false).unwrap();
    assert_eq!(ids, [30_325, 222]);
    let tokens = tokenizer.tokens(&ids);
    let texts: Vec<&str> = tokens.iter().map(|t| t.text.as_str()).collect();
    assert_eq!(texts, [" \\xF0\\x9F\\x98", "\\x80"]);
    assert!(tokens.iter().all(|t| t.bytes));
    assert_eq!(Token::joined(&tokens), " 😀");
    for id in ids {
        assert_eq!(tokenizer.reference(id), TokenRef::Id(id));
    }
    let replacement = tokenizer.token(20_543);
    assert_eq!(
        (replacement.text.as_str(), replacement.bytes),
        (" \u{fffd}", false)
    );
    assert_eq!(
        tokenizer.reference(20_543),
        TokenRef::Text(" \u{fffd}".into())
    );
}
