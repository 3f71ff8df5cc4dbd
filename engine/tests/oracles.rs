//! The engine against transformers and TransformerLens on the same weights;
//! `tests/oracles/README.md` says what is compared and how the values are made.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, Oracle, close, experiment, ids, session, until_end};
use patchbay_engine::backend::Backend;
use patchbay_engine::experiment::{
    Capture, Experiment, Generate, Mode, Report, RunName, Site, Sweep,
};
use patchbay_engine::session::Session;

/// Tolerances of raw sweep metrics and of everything else.
#[derive(Clone, Copy)]
struct Tolerance {
    sweep: f32,
    logits: f32,
}

const CPU: Tolerance = Tolerance {
    sweep: 1e-3,
    logits: 2e-4,
};

fn run<B: Backend>(session: &mut Session<B>, experiment: &Experiment) -> Report {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn logits_and_continuation<B: Backend>(model: &str, backend: B, tolerance: Tolerance) {
    let oracle = Oracle::of(model);
    let mut session = session(model, backend);
    let mut longest = 0;
    for (i, case) in oracle.cases().iter().enumerate() {
        let positions: Vec<usize> = ids(&case["logits_positions"])
            .iter()
            .map(|p| *p as usize)
            .collect();
        let greedy = until_end(model, ids(&case["greedy"]));
        let capture = |run| Capture {
            run,
            site: Site::Logits,
            layer: None,
            positions: Some(positions.clone()),
        };
        let report = run(
            &mut session,
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
            let expected = oracle.array(&case["arrays"][format!("{name}.logits")]);
            let what = format!("{model} case {i} {name} logits");
            close(
                &what,
                &report.captures[j].values,
                expected,
                tolerance.logits,
            );
            let told = [&report.clean, &report.corrupted][j];
            let top = case[name]["top"].as_array().unwrap();
            let expected: Vec<u64> = top.iter().map(|t| t["id"].as_u64().unwrap()).collect();
            let found: Vec<u64> = told.top.iter().map(|t| u64::from(t.token.id)).collect();
            assert_eq!(found, expected, "{what}: top ten");
            let expected: Vec<f32> = top
                .iter()
                .map(|t| t["probability"].as_f64().unwrap() as f32)
                .collect();
            let found: Vec<f32> = told.top.iter().map(|t| t.probability).collect();
            close(
                &format!("{what}: probabilities"),
                &found,
                &expected,
                tolerance.logits,
            );
            let expected = case[name]["logit_difference"].as_f64().unwrap() as f32;
            close(
                &format!("{what}: metric"),
                &[told.metrics[0]],
                &[expected],
                tolerance.logits,
            );
        }
        let found: Vec<u32> = report.clean.continuation.iter().map(|t| t.id).collect();
        assert_eq!(found, greedy, "{model} case {i}: greedy continuation");
        longest = longest.max(greedy.len());
    }
    // The oracle's stops before a near tie: one prompt may meet it early, not all.
    assert!(longest >= 5, "{model}: too short to mean anything");
}

fn sweeps<B: Backend>(model: &str, backend: B, tolerance: Tolerance) {
    let oracle = Oracle::of(model);
    let mut session = session(model, backend);
    for (i, case) in oracle.cases().iter().enumerate() {
        for (mode, name) in [(Mode::Denoising, "denoising"), (Mode::Noising, "noising")] {
            for site in crate::common::SWEPT {
                let key = &case["arrays"][format!("{name}.{site}")];
                if key.is_null() {
                    assert!(site != Site::ResidPre, "no oracle for resid_pre");
                    continue;
                }
                let report = run(
                    &mut session,
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
                let what = format!("{model} case {i} {name} {site}");
                close(&what, &found, oracle.array(key), tolerance.sweep);
                assert!(
                    sweep.plan.multiplications <= sweep.plan.full_multiplications,
                    "{what}: planned more than plain passes"
                );
            }
        }
    }
    session.forget();
    assert_eq!(session.slots().in_use(), 0, "slots left behind");
}

#[cfg(feature = "webgpu")]
const WEBGPU: Tolerance = Tolerance {
    sweep: 2e-3,
    logits: 2e-4,
};

/// The random models and the mini.
fn models() -> impl Iterator<Item = &'static str> {
    crate::common::RANDOM_MODELS.into_iter().chain(["mini"])
}

#[test]
fn cpu_logits_and_continuations_equal_the_oracles() {
    for model in models() {
        logits_and_continuation(model, patchbay_engine::backend::cpu::Cpu, CPU);
    }
}

#[test]
fn cpu_sweeps_equal_the_oracles() {
    for model in models() {
        sweeps(model, patchbay_engine::backend::cpu::Cpu, CPU);
    }
}

#[cfg(feature = "webgpu")]
mod webgpu {
    use super::*;

    #[test]
    fn logits_and_continuations_equal_the_oracles() {
        if let Some(gpu) = crate::common::gpu(None) {
            for model in models() {
                logits_and_continuation(model, gpu.clone(), WEBGPU);
            }
        }
    }

    #[test]
    fn sweeps_equal_the_oracles() {
        if let Some(gpu) = crate::common::gpu(None) {
            for model in models() {
                sweeps(model, gpu.clone(), WEBGPU);
            }
        }
    }

    /// As where GPT-2's embedding is larger than what the device binds at once.
    #[test]
    fn a_split_embedding_changes_nothing() {
        // 30 x 4 bytes a row: pieces of 83 tokens.
        if let Some(gpu) = crate::common::gpu(Some(10_000)) {
            for model in ["bare", "untied"] {
                logits_and_continuation(model, gpu.clone(), WEBGPU);
            }
        }
    }
}
