//! Experiments on the mini: what is told of the fields, what is refused, and
//! that the formats stay what they are.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::link::Link;
use patchbay_engine::experiment::{
    Capture, Cell, Experiment, Generate, Metric, MetricKind, Mode, Prompt, Report, RunName, Site,
    Sweep, SweepReport, TokenRef, Tokens, Update,
};
use patchbay_engine::model::{Cancelled, ModelError};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Host, Session, SessionError};
use std::process::Command;

fn run(session: &mut Session<Cpu>, experiment: &Experiment) -> Result<Report, SessionError> {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
}

fn text(text: &str) -> Prompt {
    Prompt::Text(text.into())
}

fn one(text: &str) -> Tokens {
    text.into()
}

/// The messages told of a field.
fn told(report: &Report, field: &str) -> String {
    let problems = report.reading.problems.iter().filter(|p| p.field == field);
    problems
        .map(|p| p.message.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_first_screen_means_something() {
    let report = run(&mut session("mini", Cpu), &Experiment::default()).unwrap();
    assert_eq!(
        report.reading.problems,
        [],
        "nothing is wrong with the example"
    );
    assert_eq!(
        report.reading.differing,
        [2],
        "John or Bob, after BOS and When"
    );
    assert_eq!(report.clean.top[0].token.text, " Mary");
    assert_eq!(report.clean.top.len(), 10);
    let metric = report.metrics[0].clone();
    assert_eq!(metric.advice.as_ref(), None);
    assert!(metric.clean - metric.corrupted >= 2.0, "{metric:?}");
    // Patching where the prompts differ, before the first layer, is the clean run.
    let sweep = report.sweeps[0].clone();
    let restored = SweepReport::normalised(sweep.values[0][0][2].unwrap(), &metric).unwrap();
    assert!((restored - 1.0).abs() < 1e-3, "{restored}");
    // Before the first difference nothing can change, exactly.
    for row in &sweep.values[0] {
        assert_eq!(row[0], Some(metric.corrupted));
        assert_eq!(row[1], Some(metric.corrupted));
    }
}

#[test]
fn a_metric_that_hardly_moves_comes_with_a_better_one() {
    let mut e = Experiment::default();
    e.metrics[0].wrong = Some(one(" John"));
    let report = run(&mut session("mini", Cpu), &e).unwrap();
    let metric = report.metrics[0].clone();
    let advice = metric
        .advice
        .unwrap_or_else(|| panic!("{} {}", metric.clean, metric.corrupted));
    assert!(advice.message.contains("Mary") && advice.message.contains("John"));
    let bob = advice
        .offers
        .iter()
        .find(|o| o.metric.wrong == Some(one(" Bob")));
    let bob = bob.unwrap_or_else(|| panic!("{advice:?}"));
    assert!(bob.clean - bob.corrupted >= 2.0);
    // The offer tells the numbers that taking it gives.
    e.metrics = vec![bob.metric.clone()];
    let taken = run(&mut session("mini", Cpu), &e).unwrap().metrics[0].clone();
    assert!(
        (taken.clean - bob.clean).abs() < 1e-5 && (taken.corrupted - bob.corrupted).abs() < 1e-5
    );
}

#[test]
fn every_field_tells_what_is_wrong_with_it() {
    let session = &mut session("mini", Cpu);
    let with = |change: &dyn Fn(&mut Experiment)| {
        let mut e = Experiment::default();
        change(&mut e);
        e
    };
    let report = run(session, &with(&|e| e.metrics[0].answer = one("Mary"))).unwrap();
    assert!(
        told(&report, "answer").contains("“ Mary” likelier"),
        "{:?}",
        report.reading.problems
    );
    let suggested = |report: &Report| report.reading.answer.clone().unwrap().suggestion;
    // After a word an answer without a space is read with one.
    let report = run(session, &with(&|e| e.metrics[0].answer = one("Mary John"))).unwrap();
    assert_eq!(suggested(&report).as_deref(), Some(" Mary"));
    let report = run(session, &with(&|e| e.metrics[0].answer = one(" Mary John"))).unwrap();
    assert!(told(&report, "answer").contains("2 tokens"));
    assert_eq!(suggested(&report).as_deref(), Some(" Mary"));
    assert!(report.metrics.is_empty() && report.sweeps.is_empty());
    assert_eq!(
        report.clean.top.len(),
        10,
        "the runs are shown all the same"
    );
    let report = run(session, &with(&|e| e.metrics[0].answer = one(""))).unwrap();
    assert!(told(&report, "answer").contains("Choose the answer"));
    // What is shown of a token without a text of its own can be typed.
    let named = run(
        session,
        &with(&|e| e.metrics[0].answer = Tokens::One(TokenRef::Id(290))),
    )
    .unwrap();
    let typed = run(session, &with(&|e| e.metrics[0].answer = one("#290"))).unwrap();
    assert_eq!(typed.reading.answer, named.reading.answer);
    assert_eq!(typed.metrics, named.metrics);
    assert_eq!(typed.reading.problems, []);
    let report = run(session, &with(&|e| e.metrics[0].answer = one("#99999999"))).unwrap();
    assert!(told(&report, "answer").contains("token 99999999 is not in"));
    for text in ["#", "#01", "#+1", "#1 "] {
        let report = run(session, &with(&|e| e.metrics[0].answer = one(text))).unwrap();
        assert!(
            told(&report, "answer").contains("tokens here") || text == "#",
            "{text}"
        );
    }
    let report = run(session, &with(&|e| e.metrics[0].wrong = None)).unwrap();
    assert!(told(&report, "wrong").contains("second token"));
    let report = run(session, &with(&|e| e.metrics[0].wrong = Some(one(" Mary")))).unwrap();
    assert!(told(&report, "wrong").contains("same token"));
    let report = run(session, &with(&|e| e.corrupted = text("When Bob went"))).unwrap();
    assert!(
        told(&report, "sweep").contains("same number"),
        "{:?}",
        report.reading.problems
    );
    assert!(report.sweeps.is_empty() && !report.metrics.is_empty());
    let report = run(
        session,
        &with(&|e| e.clean = text("When John and Mary went to the store, John gave a bottle to ")),
    )
    .unwrap();
    assert!(told(&report, "clean").contains("ends with a space"));
    let report = run(session, &with(&|e| e.clean = text("Zyzzyva ☃ qwertz"))).unwrap();
    assert!(told(&report, "clean").contains("New to this small model"));
    let report = run(session, &with(&|e| e.corrupted = e.clean.clone())).unwrap();
    assert!(told(&report, "corrupted").contains("the same"));
    assert_eq!(report.metrics[0].clone().advice, None);
}

#[test]
fn what_cannot_be_run_is_refused_by_field() {
    let session = &mut session("mini", Cpu);
    let most = session.model().n_positions;
    let cases: Vec<(&str, Experiment)> = vec![
        (
            "clean",
            Experiment {
                clean: text(""),
                bos: false,
                ..Experiment::default()
            },
        ),
        (
            "corrupted",
            Experiment {
                corrupted: text(&" John".repeat(most + 1)),
                ..Experiment::default()
            },
        ),
        (
            "clean",
            Experiment {
                clean: Prompt::Tokens(vec![0, 4_000_000]),
                ..Experiment::default()
            },
        ),
        (
            "clean",
            Experiment {
                clean: text(&"a".repeat(200_000)),
                ..Experiment::default()
            },
        ),
        (
            "captures",
            Experiment {
                captures: vec![Capture {
                    run: RunName::Clean,
                    site: Site::ResidPre,
                    layer: None,
                    positions: None,
                }],
                ..Experiment::default()
            },
        ),
        (
            "generate",
            Experiment {
                generate: Some(Generate {
                    tokens: 2,
                    repetition_penalty: f32::NAN,
                }),
                ..Experiment::default()
            },
        ),
    ];
    for (expected, experiment) in cases {
        match run(session, &experiment) {
            Err(SessionError::Experiment {
                field,
                said: Said { message, .. },
            }) => {
                assert_eq!(field, expected, "{message}");
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    // Out of range, told by the planner.
    for (layer, positions) in [(99, None), (0, Some(vec![500]))] {
        let capture = Capture {
            run: RunName::Clean,
            site: Site::Z,
            layer: Some(layer),
            positions,
        };
        let e = Experiment {
            captures: vec![capture],
            ..Experiment::default()
        };
        assert!(matches!(
            run(session, &e),
            Err(SessionError::Model(ModelError::Plan(_)))
        ));
    }
    // And nothing of all that is left behind.
    session.forget();
    assert_eq!(session.slots().in_use(), 0);
    let report = run(session, &Experiment::default()).unwrap();
    assert_eq!(report.sweeps.len(), 1);
}

#[test]
fn a_cell_is_the_run_that_the_sweep_computed() {
    let session = &mut session("mini", Cpu);
    for mode in [Mode::Denoising, Mode::Noising] {
        for site in crate::common::SWEPT {
            let e = Experiment {
                sweeps: vec![Sweep::of(site, mode)],
                cell: Some(Cell {
                    sweep: 0,
                    row: 1,
                    column: 2,
                }),
                ..Experiment::default()
            };
            let report = run(session, &e).unwrap();
            let cell = report.cell.unwrap().run;
            let swept = report.sweeps[0].clone().values[0][1][2].unwrap();
            assert!((cell.metrics[0] - swept).abs() < 1e-4, "{site} {mode:?}");
            assert_eq!(cell.top.len(), 10);
        }
    }
}

/// Stops at the first cell.
struct Impatient(std::cell::Cell<bool>);

impl Host for Impatient {
    fn update(&self, update: Update) {
        if matches!(update, Update::Estimate(_)) {
            self.0.set(true);
        }
    }

    fn now(&self) -> f64 {
        0.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        if self.0.get() { Err(Cancelled) } else { Ok(()) }
    }
}

#[test]
fn a_stopped_sweep_leaves_nothing_behind() {
    let mut session = session("mini", Cpu);
    let stopped = pollster::block_on(session.run(
        &Experiment::default(),
        false,
        &Impatient(std::cell::Cell::new(false)),
    ));
    assert!(matches!(
        stopped,
        Err(SessionError::Model(ModelError::Cancelled))
    ));
    session.forget();
    assert_eq!(session.slots().in_use(), 0);
    assert!(run(&mut session, &Experiment::default()).is_ok());
}

#[test]
fn a_preview_estimates_the_sweep_and_does_not_run_it() {
    let mut session = session("mini", Cpu);
    let listener = Listener::default();
    let preview = pollster::block_on(session.run(&Experiment::default(), true, &listener)).unwrap();
    assert!(preview.sweeps.is_empty());
    let updates = listener.0.borrow();
    let estimate = updates.iter().find_map(|u| match u {
        Update::Estimate(e) => Some(*e),
        _ => None,
    });
    let estimate = estimate.unwrap();
    let report = run(&mut session, &Experiment::default()).unwrap();
    assert_eq!(
        estimate.plan,
        report.sweeps[0].clone().plan,
        "what was announced is what was done"
    );
    assert!(estimate.seconds > 0.0);
}

#[test]
fn experiments_of_other_versions_and_shapes_are_refused_with_a_reason() {
    let json = Experiment::default().to_json();
    assert_eq!(Experiment::from_json(&json).unwrap(), Experiment::default());
    let refused = |text: &str| Experiment::from_json(text).unwrap_err().to_string();
    let newer = json.replacen("\"version\":4", "\"version\":5", 1);
    assert!(refused(&newer).contains("newer Patchbay"));
    assert!(refused(&json.replacen("\"bos\"", "\"boss\"", 1)).contains("boss"));
    assert!(refused("").contains("JSON"));
    assert!(refused("[]").contains("JSON"));
    // Written by hand, with everything left out that has a default.
    let short =
        r#"{"version":1,"clean":"a","corrupted":[1,2],"metric":{"kind":"probability","answer":3}}"#;
    let short = Experiment::from_json(short).unwrap();
    assert_eq!(
        short.metrics,
        [Metric {
            kind: MetricKind::Probability,
            answer: Tokens::One(TokenRef::Id(3)),
            wrong: None
        }]
    );
    assert!(short.bos && short.model == "mini" && short.sweeps.is_empty());
}

#[test]
fn the_published_schema_is_the_one_of_this_code() {
    let printed = Command::new(env!("CARGO_BIN_EXE_patchbay"))
        .arg("schema")
        .output()
        .unwrap();
    assert!(printed.status.success());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/experiment.schema.json");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == String::from_utf8(printed.stdout).unwrap(),
        "the formats changed: run `make types`, and raise VERSION if an experiment has a new field (CHANGELOG.md)"
    );
}

#[test]
fn the_command_line_writes_links_and_runs_them() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/links/packed-show.json");
    let patchbay = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_patchbay"))
            .args(arguments)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        String::from_utf8(output.stdout).unwrap()
    };
    let end = patchbay(&["link", file]);
    assert!(end.starts_with("#v2="), "{end}");
    let address = patchbay(&["link", file, "--page", "https://a.example/x/#main"]);
    assert_eq!(address, format!("https://a.example/x/{end}"));
    let held = Link::from_file(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(
        Link::from_json(&patchbay(&["link", &address])).unwrap(),
        held
    );
    let report: Report =
        serde_json::from_str(&patchbay(&["run", address.trim(), "--model", "mini"])).unwrap();
    assert_eq!(report.experiment, held.experiment);
    let broken = Command::new(env!("CARGO_BIN_EXE_patchbay"))
        .args(["link", "#v9=a"])
        .output()
        .unwrap();
    assert!(!broken.status.success());
    assert!(String::from_utf8_lossy(&broken.stderr).contains("newer Patchbay"));
}

#[test]
fn the_command_line_runs_the_same_experiment() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/experiments/john-mary-bob.json"
    );
    let patchbay = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_patchbay"))
            .args(arguments)
            .output()
            .unwrap()
    };
    let output = patchbay(&["run", file, "--model", "mini"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let printed: Report = serde_json::from_slice(&output.stdout).unwrap();
    let here = run(&mut session("mini", Cpu), &printed.experiment).unwrap();
    assert_eq!(printed.sweeps[0].values, here.sweeps[0].values);
    assert_eq!(printed.model.sha256.len(), 64);
    for (arguments, reason) in [
        (
            &["run", "no-such-file.json", "--model", "mini"][..],
            "no-such-file.json",
        ),
        (&["run", file, "--model", "/no/such/folder"], "config.json"),
        (&["run", file], "--model"),
        (
            &["run", file, "--model", "mini", "--backend", "tpu"],
            "cpu, webgpu",
        ),
        (&["sweep"], "unrecognized subcommand"),
        (&["run", file, "--model"], "a value is required"),
        (&["random", "x", "--seed", "x"], "a whole number"),
        (&["run", file, "more", "--model", "mini"], "more"),
        (
            &["export", file, "--model", "mini", "--out", "x.npy"],
            "--direction",
        ),
        (
            &[
                "export", file, "--model", "mini", "--out", "x.npy", "--sites", "heads",
            ],
            "resid_pre",
        ),
        (
            &[
                "export", file, "--model", "mini", "--out", "x.npy", "--sites", "z,q",
            ],
            "one site with --run",
        ),
    ] {
        let output = patchbay(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && stderr.contains(reason),
            "{arguments:?}: {stderr}"
        );
    }
}
