//! Directions, probes, steered logits and the shaping of logits against repeng,
//! steering-vectors, scikit-learn, transformers and PyTorch hooks on the same
//! weights; `tests/oracles/steer.py` makes the values.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Listener, Oracle, close, ids, session};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Capture, Direction, Experiment, LayerVector, Method, Operator, Positions, Prompt, Report, Room,
    RunName, Sampling, Site, Source, Steer, Unit,
};
use patchbay_engine::numbers::{Contrast, Sampler, accuracy, contrast, cosine};
use patchbay_engine::session::Session;
use serde_json::Value;

fn run<B: Backend>(session: &mut Session<B>, experiment: &Experiment) -> Report {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn lines(value: &Value) -> Vec<String> {
    let lines = value.as_array().unwrap().iter();
    lines.map(|l| l.as_str().unwrap().into()).collect()
}

/// The activations that the tools read: each prompt's last token.
fn last_rows<B: Backend>(
    session: &mut Session<B>,
    texts: &[String],
    layer: usize,
) -> Vec<Vec<f32>> {
    let row = |text: &String| {
        let mut e = Experiment {
            bos: false,
            clean: Prompt::Text(text.clone()),
            corrupted: Prompt::Text(text.clone()),
            sweeps: Vec::new(),
            captures: vec![Capture {
                run: RunName::Clean,
                site: Site::ResidPost,
                layer: Some(layer),
                positions: None,
            }],
            ..Experiment::default()
        };
        e.metrics[0].wrong = None;
        let capture = run(session, &e).captures.remove(0);
        let width = capture.shape[1];
        capture.values[capture.values.len() - width..].to_vec()
    };
    texts.iter().map(row).collect()
}

#[test]
fn directions_and_probes_equal_the_tools() {
    let oracle = Oracle::of("steering");
    let (positive, negative) = (
        lines(&oracle.json["positive"]),
        lines(&oracle.json["negative"]),
    );
    let mut compared = 0;
    for case in oracle.json["models"].as_array().unwrap() {
        let model = case["model"].as_str().unwrap();
        let mut session = session(model, Cpu);
        for expected in case["directions"].as_array().unwrap() {
            let layer = expected["layer"].as_u64().unwrap() as usize;
            let positive = last_rows(&mut session, &positive, layer);
            let negative = last_rows(&mut session, &negative, layer);
            let of = Contrast {
                positive: &positive,
                negative: &negative,
            };
            for (method, name, least) in [
                (Method::MeanDifference, "mean_difference", 0.9999),
                (Method::PcaDiff, "pca_diff", 0.9999),
                (Method::PcaCenter, "pca_center", 0.9999),
                (Method::Logistic, "logistic", 0.999),
            ] {
                let found = contrast(of, method);
                let other = oracle.array(&expected[name]);
                let cosine = cosine(&found.vector, other);
                println!("{model} layer {layer} {name}: cosine {cosine:.6}");
                assert!(cosine >= least, "{model} layer {layer} {name}: {cosine}");
                close(
                    &format!("{model} {layer} {name}"),
                    &found.vector,
                    other,
                    1e-3,
                );
                if let Some(share) = expected[format!("{name}_explained")].as_f64() {
                    close(
                        "explained",
                        &[found.explained.unwrap()],
                        &[share as f32],
                        1e-3,
                    );
                }
                compared += 1;
            }
            let expected = expected["accuracy"].as_f64().unwrap() as f32;
            assert!(
                (accuracy(of).unwrap() - expected).abs() < 1e-6,
                "{model} {layer}: accuracy"
            );
        }
    }
    assert_eq!(compared, 4 * 8, "three models' layers but their last");
}

/// The same direction, given as numbers, in every operator: greedy texts token
/// for token, and the logits that they start from.
fn steered<B: Backend>(backend: impl Fn() -> B) {
    let oracle = Oracle::of("steering");
    for case in oracle.json["models"].as_array().unwrap() {
        let model = case["model"].as_str().unwrap();
        let layer = case["layer"].as_u64().unwrap() as usize;
        let mut session = session(model, backend());
        let directions = case["directions"].as_array().unwrap();
        let of_layer = directions
            .iter()
            .find(|d| d["layer"] == case["layer"])
            .unwrap();
        let vector = oracle.array(&of_layer["mean_difference"]).to_vec();
        for expected in case["steered"].as_array().unwrap() {
            let greedy = ids(&expected["greedy"]);
            let operator: Operator = serde_json::from_value(expected["operator"].clone()).unwrap();
            let experiment = Experiment {
                bos: false,
                room: Room::Steering,
                steer: Some(Steer {
                    prompt: Prompt::Tokens(ids(&case["tokens"])),
                    directions: vec![Direction {
                        name: "mean".into(),
                        source: Source::Vectors {
                            origin: "the oracle".into(),
                            vectors: vec![LayerVector {
                                layer,
                                values: vector.clone(),
                            }],
                        },
                        site: Site::ResidPost,
                        layers: vec![layer],
                        from: None,
                        positions: Positions::All,
                        operator,
                        coefficient: case["coefficient"].as_f64().unwrap() as f32,
                        unit: Unit::Absolute,
                    }],
                    sampling: Sampling {
                        tokens: greedy.len(),
                        temperature: 0.0,
                        ..Sampling::default()
                    },
                    words: Vec::new(),
                    map: None,
                    detector: None,
                }),
                ..Experiment::default()
            };
            let sample = run(&mut session, &experiment)
                .steer
                .unwrap()
                .samples
                .remove(0);
            let what = format!("{model} {operator:?}");
            let found: Vec<u32> = sample.steered.iter().map(|w| w.token.id).collect();
            // The random models may write the end of a text, where ours stops.
            assert_eq!(found, greedy[..found.len()], "{what}");
            assert!(found.len() >= 4, "{what}: too short to mean anything");
            let logits = oracle.array(&expected["logits"]);
            let top = &sample.steered[0].top;
            let found: Vec<f32> = top.iter().map(|t| t.logit).collect();
            let expected: Vec<f32> = top.iter().map(|t| logits[t.token.id as usize]).collect();
            close(&what, &found, &expected, 2e-4);
        }
    }
}

#[test]
fn cpu_steered_texts_equal_pytorch() {
    steered(|| Cpu);
}

#[cfg(feature = "webgpu")]
#[test]
fn webgpu_steered_texts_equal_pytorch() {
    if let Some(gpu) = crate::common::gpu(None) {
        steered(|| gpu.clone());
    }
}

#[test]
fn logits_are_shaped_as_transformers_shapes_them() {
    let oracle = Oracle::of("steering");
    for (i, case) in oracle.json["warpers"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        let number = |key: &str| case[key].as_f64().map(|x| x as f32);
        let sampler = Sampler::new(Sampling {
            temperature: number("temperature").unwrap(),
            repetition_penalty: number("repetition_penalty").unwrap(),
            top_k: case["top_k"].as_u64().map(|k| k as usize),
            top_p: number("top_p"),
            ..Sampling::default()
        });
        let tokens = ids(&case["tokens"]);
        let logits = oracle.array(&case["logits"]);
        let mut found = sampler
            .unwrap()
            .scores(logits, &tokens, tokens.len())
            .unwrap();
        found.sort_unstable_by_key(|f| f.0);
        let mut expected: Vec<(u32, f32)> = case["kept"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(id, score)| (id.parse().unwrap(), score.as_f64().unwrap() as f32))
            .collect();
        expected.sort_unstable_by_key(|e| e.0);
        let which = |scores: &[(u32, f32)]| scores.iter().map(|s| s.0).collect::<Vec<_>>();
        assert_eq!(which(&found), which(&expected), "case {i}");
        let scores = |scores: &[(u32, f32)]| scores.iter().map(|s| s.1).collect::<Vec<_>>();
        close(
            &format!("case {i}"),
            &scores(&found),
            &scores(&expected),
            1e-5,
        );
    }
}
