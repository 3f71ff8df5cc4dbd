//! Heads chosen by probes and shifted (inference-time intervention) against
//! scikit-learn and PyTorch hooks on the same weights; `tests/oracles/heads.py`
//! makes the values.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Listener, Oracle, close, ids, session};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::directions::files;
use patchbay_engine::experiment::{
    Direction, Experiment, Export, Format, Method, Operator, Positions, Prompt, Report, Room,
    Sampling, Site, Source, Steer, SteerMap, Tried, Unit,
};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Session, SessionError};
use serde_json::Value;

fn run<B: Backend>(
    session: &mut Session<B>,
    experiment: &Experiment,
) -> Result<Report, SessionError> {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
}

fn strings(value: &Value) -> Vec<String> {
    let lines = value.as_array().unwrap().iter();
    lines.map(|l| l.as_str().unwrap().into()).collect()
}

fn numbers(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|n| n.as_f64().unwrap() as f32).collect()
}

fn source(oracle: &Oracle, case: &Value, method: Method) -> Source {
    Source::Heads {
        positive: strings(&oracle.json["positive"]),
        negative: strings(&oracle.json["negative"]),
        top: case["top"].as_u64().unwrap() as usize,
        method,
    }
}

fn experiment(case: &Value, source: Source, n_layer: usize, tokens: usize) -> Experiment {
    Experiment {
        bos: false,
        room: Room::Steering,
        steer: Some(Steer {
            prompt: Prompt::Tokens(ids(&case["tokens"])),
            directions: vec![Direction {
                name: "heads".into(),
                source,
                site: Site::Z,
                layers: (0..n_layer).collect(),
                from: None,
                positions: Positions::All,
                operator: Operator::Add,
                coefficient: case["alpha"].as_f64().unwrap() as f32,
                unit: Unit::Absolute,
            }],
            sampling: Sampling {
                tokens,
                temperature: 0.0,
                ..Sampling::default()
            },
            words: Vec::new(),
            map: None,
            detector: None,
        }),
        ..Experiment::default()
    }
}

fn equal<B: Backend>(backend: impl Fn() -> B) {
    let oracle = Oracle::of("heads");
    let mut compared = 0;
    for case in oracle.json["models"].as_array().unwrap() {
        let model = case["model"].as_str().unwrap();
        let mut session = session(model, backend());
        let (n_layer, n_head) = (session.model().n_layer, session.model().n_head);
        let d_head = session.model().n_embd / n_head;
        for expected in case["methods"].as_array().unwrap() {
            let method: Method = serde_json::from_value(expected["method"].clone()).unwrap();
            let what = format!("{model} {method:?}");
            let greedy = ids(&expected["greedy"]);
            let experiment = experiment(
                case,
                source(&oracle, case, method),
                n_layer,
                greedy.len().max(1),
            );
            let steered = run(&mut session, &experiment).unwrap().steer.unwrap();

            // The heads, in order, with their accuracies.
            let report = &steered.directions[0];
            let accuracies: Vec<Vec<f32>> = case["accuracy"]
                .as_array()
                .unwrap()
                .iter()
                .map(numbers)
                .collect();
            let heads: Vec<Vec<u32>> = case["heads"].as_array().unwrap().iter().map(ids).collect();
            assert_eq!(report.probes.len(), heads.len(), "{what}");
            for (probe, head) in report.probes.iter().zip(&heads) {
                let [layer, head] = [head[0], head[1]].map(|x| x as usize);
                assert_eq!((probe.layer, probe.head), (layer, Some(head)), "{what}");
                let accuracy = accuracies[layer][head];
                assert!(
                    (probe.accuracy - accuracy).abs() < 1e-6,
                    "{what} {layer}.{head}"
                );
                assert!((0.0..=1.0).contains(&probe.shuffled), "{what}");
            }

            // The shifts, by way of a file of them.
            let export = Export::Direction {
                direction: 0,
                format: Format::Safetensors,
            };
            let listener = Listener::default();
            let file = pollster::block_on(session.export(&experiment, &export, &listener));
            let read = files::direction("heads", &file.unwrap().bytes, 0).unwrap();
            assert_eq!(read.site, Site::Z);
            let Source::Vectors { vectors, .. } = &read.source else {
                panic!("no vectors");
            };
            let shifts = oracle.array(&expected["shifts"]).chunks(d_head);
            let mut others = vectors.clone();
            for (shift, head) in shifts.zip(&heads) {
                let [layer, head] = [head[0], head[1]].map(|x| x as usize);
                let row = others.iter_mut().find(|v| v.layer == layer).unwrap();
                let own = &mut row.values[head * d_head..(head + 1) * d_head];
                close(&format!("{what} {layer}.{head}"), own, shift, 1e-3);
                own.fill(0.0);
            }
            assert!(
                others.iter().all(|v| v.values.iter().all(|x| *x == 0.0)),
                "{what}: other heads are left alone"
            );

            // What they write together raises these tokens.
            let promoted = oracle.array(&expected["promoted"]);
            let found: Vec<f32> = report.promoted.iter().map(|t| t.score).collect();
            let raised: Vec<f32> = report
                .promoted
                .iter()
                .map(|t| promoted[t.token.id as usize])
                .collect();
            close(&format!("{what} promoted"), &found, &raised, 1e-3);
            let highest = promoted.iter().copied().fold(f32::MIN, f32::max);
            assert!((found[0] - highest).abs() < 1e-3, "{what}");

            // The steered text, and the logits that it starts from.
            let sample = &steered.samples[0];
            let written: Vec<u32> = sample.steered.iter().map(|w| w.token.id).collect();
            if !greedy.is_empty() {
                assert_eq!(written, greedy[..written.len()], "{what}");
            }
            let logits = oracle.array(&expected["logits"]);
            let top = &sample.steered[0].top;
            let found: Vec<f32> = top.iter().map(|t| t.logit).collect();
            let expected: Vec<f32> = top.iter().map(|t| logits[t.token.id as usize]).collect();
            close(&what, &found, &expected, 1e-3);
            let before = &sample.unsteered[0].top[0];
            assert!(
                (before.logit - logits[before.token.id as usize]).abs() > 1e-2,
                "{what}: the push does something"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 6);
}

#[test]
fn cpu_heads_equal_scikit_learn_and_pytorch() {
    equal(|| Cpu);
}

#[cfg(feature = "webgpu")]
#[test]
fn webgpu_heads_equal_scikit_learn_and_pytorch() {
    if let Some(gpu) = crate::common::gpu(None) {
        equal(|| gpu.clone());
    }
}

/// Each head's projection is its own: set to 0 everywhere, no chosen head has any
/// left, and the other heads are as they were.
#[test]
fn projections_are_taken_out_head_by_head() {
    let oracle = Oracle::of("heads");
    let case = &oracle.json["models"][1];
    let mut session = session(case["model"].as_str().unwrap(), Cpu);
    let n_layer = session.model().n_layer;
    let source = source(&oracle, case, Method::MeanDifference);
    let mut with = experiment(case, source, n_layer, 3);
    let set = |e: &mut Experiment, operator, c| {
        let direction = &mut e.steer.as_mut().unwrap().directions[0];
        (direction.operator, direction.coefficient) = (operator, c);
    };
    let logits = |session: &mut Session<Cpu>, e: &Experiment| {
        let steered = run(session, e).unwrap().steer.unwrap();
        let top = &steered.samples[0].steered[0].top;
        top.iter().map(|t| t.logit).collect::<Vec<_>>()
    };
    set(&mut with, Operator::ProjectOut, 1.0);
    let out = logits(&mut session, &with);
    set(&mut with, Operator::SetProjection, 0.0);
    assert_eq!(out, logits(&mut session, &with));
    set(&mut with, Operator::Subtract, 0.0);
    assert_ne!(out, logits(&mut session, &with));
}

/// The map tries a layer's heads against random pushes of the same heads.
#[test]
fn a_map_of_heads_has_its_chosen_layers_and_controls() {
    let oracle = Oracle::of("heads");
    let case = &oracle.json["models"][1];
    let mut session = session(case["model"].as_str().unwrap(), Cpu);
    let n_layer = session.model().n_layer;
    let mut with = experiment(case, source(&oracle, case, Method::Logistic), n_layer, 3);
    let steer = with.steer.as_mut().unwrap();
    steer.words = vec!["e".into()];
    steer.map = Some(
        serde_json::from_value::<SteerMap>(serde_json::json!({ "coefficients": [4.0] })).unwrap(),
    );
    let map = run(&mut session, &with)
        .unwrap()
        .steer
        .unwrap()
        .map
        .unwrap();
    let heads: Vec<Vec<u32>> = case["heads"].as_array().unwrap().iter().map(ids).collect();
    let mut layers: Vec<usize> = heads.iter().map(|h| h[0] as usize).collect();
    layers.sort_unstable();
    layers.dedup();
    assert_eq!(map.layers, layers);
    let random = map
        .cells
        .iter()
        .filter(|c| matches!(c.of, Tried::Random(_)));
    assert!(random.count() > 0);
}

#[test]
fn what_cannot_be_done_with_heads_says_so() {
    let oracle = Oracle::of("heads");
    let case = &oracle.json["models"][0];
    let mut session = session("bare", Cpu);
    let n_layer = session.model().n_layer;
    let heads = n_layer * session.model().n_head;
    let ok = experiment(case, source(&oracle, case, Method::Logistic), n_layer, 2);
    let mut refused = |change: &dyn Fn(&mut Direction), reason: &str| {
        let mut e = ok.clone();
        change(&mut e.steer.as_mut().unwrap().directions[0]);
        match run(&mut session, &e) {
            Err(SessionError::Experiment {
                field,
                said: Said { message, .. },
            }) => {
                assert_eq!(field, "steer.directions.0");
                assert!(message.contains(reason), "{reason}: {message}");
            }
            other => panic!("{reason}: {other:?}"),
        }
    };
    refused(&|d| d.site = Site::ResidPre, "probed and shifted at z");
    refused(&|d| d.site = Site::Q, "take one of resid_pre");
    refused(&|d| d.from = Some(0), "leave from out");
    refused(
        &|d| {
            d.source = Source::Neuron {
                layer: 0,
                neuron: 0,
            }
        },
        "a vector of the residual stream",
    );
    let with = |top: usize, method: Method, sides: usize| {
        move |d: &mut Direction| {
            d.source = Source::Heads {
                positive: vec!["a".into(); sides],
                negative: vec!["b".into(); 2],
                top,
                method,
            };
        }
    };
    refused(&with(0, Method::Logistic, 2), &format!("from 1 to {heads}"));
    refused(
        &with(heads + 1, Method::Logistic, 2),
        &format!("from 1 to {heads}"),
    );
    refused(&with(1, Method::PcaDiff, 2), "take one of these methods");
    refused(&with(1, Method::Logistic, 1), "at least two prompts a side");
    refused(&with(1, Method::Logistic, 0), "no positive prompts");
    refused(&with(1, Method::Logistic, 65), "at most 64");
}
