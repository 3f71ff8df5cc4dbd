//! Edge scores, circuits and what they keep, against EAP-IG's and MIB's own code and a plain
//! PyTorch script. `tests/oracles/README.md` says what `values/edges` holds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Listener, Oracle, close, ids, session};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Circuit, CircuitReport, EdgeChoice, EdgeMethod, Experiment, Metric, MetricKind, Pair, Prompt,
    TokenRef, Tokens,
};
use serde_json::Value;
use std::collections::BTreeSet;

fn prompt(json: &Value) -> Prompt {
    Prompt::Tokens(ids(json))
}

fn token(json: &Value) -> Tokens {
    Tokens::One(TokenRef::Id(json.as_u64().unwrap() as u32))
}

/// The experiment of a model of the file.
fn experiment(of: &Value, circuit: Circuit) -> Experiment {
    let pairs = of["pairs"].as_array().unwrap();
    let further = pairs[1..].iter().map(|pair| Pair {
        clean: prompt(&pair["clean"]),
        corrupted: prompt(&pair["corrupted"]),
        answer: Some(token(&pair["answer"])),
        wrong: Some(token(&pair["wrong"])),
    });
    Experiment {
        model: of["model"].as_str().unwrap().into(),
        clean: prompt(&pairs[0]["clean"]),
        corrupted: prompt(&pairs[0]["corrupted"]),
        metrics: vec![Metric {
            kind: MetricKind::LogitDifference,
            answer: token(&pairs[0]["answer"]),
            wrong: Some(token(&pairs[0]["wrong"])),
        }],
        pairs: further.collect(),
        circuit: Some(circuit),
        sweeps: Vec::new(),
        ..Experiment::default()
    }
}

fn found<B: Backend>(of: &Value, b: B, circuit: Circuit) -> CircuitReport {
    let e = experiment(of, circuit);
    let mut session = session(of["model"].as_str().unwrap(), b);
    let report = pollster::block_on(session.run(&e, false, &Listener::default())).unwrap();
    report.circuit.unwrap()
}

/// Scores by every method, circuits by both choices, and their faithfulness.
pub fn are_eap_igs<B: Backend>(of: &Value, oracle: &Oracle, b: impl Fn() -> B, tolerance: f32) {
    let name = of["model"].as_str().unwrap();
    let points = oracle.json["steps"].as_u64().unwrap() as usize;
    let names: Vec<&str> = of["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e.as_str().unwrap())
        .collect();
    let methods = [
        ("EAP", EdgeMethod::Eap),
        ("EAP-relp", EdgeMethod::Relp),
        ("EAP-IG-inputs", EdgeMethod::EapIg { points }),
    ];
    for (key, method) in methods {
        let choice = EdgeChoice::Strongest;
        let edges = names.len();
        let report = found(
            of,
            b(),
            Circuit {
                method,
                choice,
                edges,
            },
        );
        let expected = oracle.array(&of["scores"][key]);
        close(
            &format!("{name}, {key}: edges"),
            &report.scores,
            expected,
            tolerance,
        );
        // All edges are the clean run.
        let all: Vec<&str> = report.edges.iter().map(|e| e.edge.as_str()).collect();
        assert_eq!(all, names, "{name}: the order of the edges");
        close(
            &format!("{name}: all edges keep all"),
            &[report.whole.faithfulness.unwrap()],
            &[1.0],
            1e-4,
        );
        if let (true, Some(areas)) = (
            key == "EAP-IG-inputs",
            of.get("areas").filter(|a| !a.is_null()),
        ) {
            let numbers = |key: &str| -> Vec<f32> {
                areas[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|x| x.as_f64().unwrap() as f32)
                    .collect()
            };
            let curve: Vec<f32> = report
                .curve
                .iter()
                .map(|kept| kept.faithfulness.unwrap())
                .collect();
            close(
                &format!("{name}: MIB's curve"),
                &curve,
                &numbers("faithfulness"),
                tolerance,
            );
            let sizes: Vec<f32> = report.curve.iter().map(|kept| kept.edges as f32).collect();
            assert_eq!(sizes, numbers("edges"), "{name}: sizes of MIB's circuits");
            let expected = [&areas["cpr"], &areas["cmd"]].map(|x| x.as_f64().unwrap() as f32);
            close(
                &format!("{name}: CPR and CMD"),
                &[report.cpr.unwrap(), report.cmd.unwrap()],
                &expected,
                tolerance,
            );
        }
    }
    let mut compared = 0;
    for circuit in of["circuits"].as_array().unwrap() {
        // Where two scores are as good as equal either edge may be in.
        if circuit["clear"] != true {
            continue;
        }
        let choice = match circuit["how"].as_str().unwrap() {
            "strongest" => EdgeChoice::Strongest,
            "greedy" => EdgeChoice::Greedy,
            other => panic!("unknown choice {other}"),
        };
        let edges = circuit["n"].as_u64().unwrap() as usize;
        let method = EdgeMethod::EapIg { points };
        let report = found(
            of,
            b(),
            Circuit {
                method,
                choice,
                edges,
            },
        );
        let expected: BTreeSet<&str> = ids(&circuit["edges"])
            .iter()
            .map(|i| names[*i as usize])
            .collect();
        let kept: BTreeSet<&str> = report.edges.iter().map(|e| e.edge.as_str()).collect();
        let what = format!("{name}, {} {edges}", circuit["how"]);
        assert_eq!(kept, expected, "{what}");
        let values = circuit["values"].as_array().unwrap();
        let mean = values.iter().map(|v| v.as_f64().unwrap()).sum::<f64>() / values.len() as f64;
        close(
            &format!("{what}: the metric"),
            &[report.whole.value],
            &[mean as f32],
            tolerance,
        );
        compared += 1;
    }
    assert!(compared >= 4, "{name}: {compared} circuits");
}

#[test]
fn edges_and_circuits_are_eap_igs() {
    let oracle = Oracle::of("edges");
    let models = oracle.json["models"].as_array().unwrap();
    assert_eq!(models.len(), 3);
    for of in models {
        are_eap_igs(of, &oracle, || Cpu, 1e-3);
    }
}

/// Each edge's exact effect: what the metric loses if that edge alone carries the
/// corrupted run's. A circuit of all other edges is the same.
#[test]
fn what_cannot_be_found_is_said() {
    let oracle = Oracle::of("edges");
    let of = &oracle.json["models"][0];
    let circuit = |method, edges| Circuit {
        method,
        choice: EdgeChoice::Strongest,
        edges,
    };
    let refused = |e: &Experiment| {
        let mut session = session(&e.model, Cpu);
        let error = pollster::block_on(session.run(e, false, &Listener::default())).unwrap_err();
        error.to_string()
    };
    for (edges, points) in [(0, 5), (152, 5), (10, 0), (10, 101)] {
        let said = refused(&experiment(
            of,
            circuit(EdgeMethod::EapIg { points }, edges),
        ));
        assert!(said.contains("not"), "{said}");
    }
    let mut uneven = experiment(of, circuit(EdgeMethod::Eap, 10));
    uneven.corrupted = match uneven.corrupted {
        Prompt::Tokens(mut ids) => {
            ids.push(5);
            Prompt::Tokens(ids)
        }
        text => text,
    };
    assert!(
        refused(&uneven).contains("same number"),
        "{}",
        refused(&uneven)
    );
    let mut rank = experiment(of, circuit(EdgeMethod::Eap, 10));
    rank.metrics[0].kind = MetricKind::Rank;
    assert!(refused(&rank).contains("derivative"), "{}", refused(&rank));
}
