//! What an experiment may hold: lists, texts and numbers beyond it are refused by
//! field, and what is named twice counts once.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Axes, Bring, Capture, Cell, Corruption, Experiment, Export, Metric, MetricKind, Mode, Noise,
    Pair, Part, Positions, Prompt, Report, Role, Room, RunName, Site, Source, Steer, Sweep,
    TokenRef, Tokens,
};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Session, SessionError};
use serde_json::{Value, json};

fn run(session: &mut Session<Cpu>, experiment: &Experiment) -> Result<Report, SessionError> {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
}

/// The field and the sentence with which an experiment is refused.
fn refused(session: &mut Session<Cpu>, experiment: &Experiment) -> (String, String) {
    match run(session, experiment) {
        Err(SessionError::Experiment {
            field,
            said: Said { message, .. },
        }) => (field.to_string(), message),
        other => panic!("it is not refused: {other:?}"),
    }
}

fn steering(change: impl FnOnce(&mut Steer)) -> Experiment {
    let mut steer = crate::common::love();
    steer.sampling.tokens = 2;
    steer.sampling.samples = 1;
    change(&mut steer);
    Experiment {
        room: Room::Steering,
        steer: Some(steer),
        ..Experiment::default()
    }
}

/// The experiment's JSON with one of its fields replaced.
fn with(experiment: &Experiment, path: &str, value: Value) -> String {
    let mut json: Value = serde_json::from_str(&experiment.to_json()).unwrap();
    let (parent, name) = path.rsplit_once('/').unwrap();
    match json.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
        object => object[name] = value,
    }
    json.to_string()
}

#[test]
fn a_list_or_a_text_beyond_its_limit_opens_no_link() {
    let session = &mut session("mini", Cpu);
    let sweep = json!({"site": "resid_pre", "mode": "denoising"});
    let capture = json!({"run": "clean", "site": "z", "layer": 0});
    let pair = json!({"clean": "a", "corrupted": "b"});
    let metric = json!({"kind": "probability", "answer": " Mary"});
    let part = json!({"site": "z", "layer": 0, "head": 0});
    let steer = steering(|_| ());
    let direction = serde_json::to_value(&steer.steer.as_ref().unwrap().directions[0]).unwrap();
    let own = Experiment::default();
    let cases = [
        (&own, "/sweeps", json!(vec![sweep; 3_000])),
        (&own, "/captures", json!(vec![capture; 20_000])),
        (&own, "/pairs", json!(vec![pair; 10_000])),
        (&own, "/metrics", json!(vec![metric; 17])),
        (&own, "/metrics/0/answer", json!("a".repeat(1_400_000))),
        (&own, "/metrics/0/answer", json!(vec![" a"; 5_000])),
        (&own, "/clean", json!("a".repeat(200_000))),
        (&own, "/clean", json!(vec![0; 200_000])),
        (&own, "/model", json!("m".repeat(5_000))),
        (&own, "/roles", json!(vec!["s1"; 50])),
        (&own, "/alignment", json!(vec![[0, 0]; 50_000])),
        (
            &own,
            "/sweeps/0/axes",
            json!({"parts": {"parts": vec![part; 5_000]}}),
        ),
        (
            &own,
            "/sweeps/0/axes",
            json!({"layer_head": {"positions": vec![0; 50_000]}}),
        ),
        (
            &own,
            "/corruption",
            json!({"noise": {"positions": vec![0; 50_000]}}),
        ),
        (&steer, "/steer/directions", json!(vec![direction; 500])),
        (
            &steer,
            "/steer/directions/0/layers",
            json!(vec![2; 100_000]),
        ),
        (
            &steer,
            "/steer/directions/0/positions",
            json!({"chosen": vec![2; 100_000]}),
        ),
        (&steer, "/steer/directions/0/name", json!("n".repeat(300))),
        (
            &steer,
            "/steer/directions/0/source/positive",
            json!(vec!["x"; 600]),
        ),
        (&steer, "/steer/words", json!(vec!["x"; 5_000])),
        (&steer, "/steer/words/0", json!("x".repeat(5_000))),
        (
            &steer,
            "/steer/directions/0/source",
            json!({"kind": "vectors", "origin": "o", "vectors": [{"layer": 0, "values": vec![0.5; 70_000]}]}),
        ),
        (
            &steer,
            "/steer/map",
            json!({"coefficients": vec![0.5; 2_000]}),
        ),
        (
            &steer,
            "/steer/map",
            json!({"coefficients": [], "prompts": vec!["x"; 300]}),
        ),
        (
            &steer,
            "/steer/detector",
            json!({"positive": vec!["x"; 600], "negative": ["y"]}),
        ),
    ];
    for (experiment, path, value) in cases {
        let text = with(experiment, path, value);
        let message = Experiment::from_json(&text).unwrap_err().to_string();
        let path = path[1..].replace('/', ".");
        assert!(
            message.starts_with(&path) && message.contains("at most"),
            "{path}: {message}"
        );
        // Whoever does not read it from JSON is told the same.
        let experiment: Experiment = serde_json::from_str(&text).unwrap();
        let (field, again) = refused(session, &experiment);
        let (place, rest) = message.split_once(" has ").unwrap();
        let steps = place.rsplit('.');
        let name = steps.clone().find(|s| s.parse::<usize>().is_err());
        assert_eq!(again, format!("“{}” has {rest}", name.unwrap()));
        assert!(path.starts_with(&field), "{path} is told of {field}");
        let export = Export::Array {
            site: Site::Z,
            run: RunName::Clean,
        };
        let export = pollster::block_on(session.export(&experiment, &export, &Listener::default()));
        assert_eq!(export.unwrap_err().to_string(), again);
    }
    // Many lists, each within its limit, are too much together.
    let long = json!(vec!["x".repeat(90_000); 500]);
    let text = with(&steer, "/steer/directions/0/source/positive", long);
    let message = Experiment::from_json(&text).unwrap_err().to_string();
    assert!(message.contains("larger than 16000000"), "{message}");
}

#[test]
fn honest_experiments_are_far_from_the_limits() {
    let pair = Pair {
        clean: Prompt::Text("When Tom and Mary went to the store, ".repeat(30)),
        corrupted: Prompt::Text("When Tom and Mary went to the shop, ".repeat(30)),
        answer: Some(" Mary".into()),
        wrong: None,
    };
    let large = Experiment {
        pairs: vec![pair; 1_000],
        metrics: vec![Experiment::default().metrics[0].clone(); 16],
        sweeps: vec![Sweep::of(Site::Z, Mode::Noising); 64],
        ..Experiment::default()
    };
    large.check().unwrap();
    assert_eq!(Experiment::from_json(&large.to_json()).unwrap(), large);
}

#[test]
fn seeds_that_a_browser_cannot_hold_open_and_are_refused_beside_the_field() {
    let session = &mut session("mini", Cpu);
    let noisy = |seed| Experiment {
        corruption: Corruption::Noise(Noise {
            positions: vec![1],
            sigma: 3.0,
            seed,
            draws: 2,
        }),
        ..Experiment::default()
    };
    let resampled = |seed| {
        let mut e = Experiment::default();
        e.pairs = vec![Pair {
            clean: e.clean.clone(),
            corrupted: e.corrupted.clone(),
            answer: None,
            wrong: None,
        }];
        e.sweeps[0].bring = Bring::Resample { seed };
        e
    };
    let sampled = |seed| steering(|s| s.sampling.seed = seed);
    let random = |seed| steering(|s| s.directions[0].source = Source::Random { seed });
    let cases: [(&dyn Fn(u64) -> Experiment, &str); 4] = [
        (&noisy, "corruption.noise.seed"),
        (&resampled, "sweeps.0.bring.resample.seed"),
        (&sampled, "steer.sampling.seed"),
        (&random, "steer.directions.0.source.seed"),
    ];
    for (of, path) in cases {
        for seed in [1 << 53, u64::MAX] {
            let experiment = of(seed);
            let text = experiment.to_json();
            assert_eq!(Experiment::from_json(&text).unwrap(), experiment);
            let (field, message) = refused(session, &experiment);
            assert!(path.starts_with(&field), "{path} is told of {field}");
            assert!(
                message.starts_with("“seed” is") && message.contains("9007199254740991"),
                "{message}"
            );
        }
        run(session, &of((1 << 53) - 1)).unwrap();
    }
}

#[test]
fn a_number_beyond_32_bits_is_refused_and_never_written_as_null() {
    let session = &mut session("mini", Cpu);
    let steer = steering(|_| ());
    let own = Experiment::default();
    let cases = [
        (&steer, "/steer/directions/0/coefficient", "1e39"),
        (&steer, "/steer/directions/0/coefficient", "-1e300"),
        (&steer, "/steer/sampling/temperature", "1e39"),
        (
            &steer,
            "/steer/detector",
            "{\"positive\": [\"a\"], \"negative\": [\"b\"], \"threshold\": 1e39}",
        ),
        (
            &own,
            "/corruption",
            "{\"noise\": {\"positions\": [1], \"sigma\": 1e39}}",
        ),
        (&own, "/generate", "{\"tokens\": 5000000000}"),
        (
            &own,
            "/cell",
            "{\"row\": 0, \"column\": 18446744073709551615}",
        ),
    ];
    for (experiment, path, value) in cases {
        let text = with(experiment, path, serde_json::from_str(value).unwrap());
        let message = Experiment::from_json(&text).unwrap_err().to_string();
        let path = path[1..].replace('/', ".");
        assert!(
            message.starts_with(&path) && message.contains("go up to"),
            "{path}: {message}"
        );
    }
    // What did not come from JSON.
    for coefficient in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let e = steering(|s| s.directions[0].coefficient = coefficient);
        let (field, message) = refused(session, &e);
        assert!("steer.directions.0.coefficient".starts_with(&field));
        assert!(
            message.starts_with("“coefficient” is not finite"),
            "{message}"
        );
    }
}

fn told<'a>(report: &'a Report, field: &str) -> Vec<&'a str> {
    let of = |p: &&patchbay_engine::experiment::Problem| p.field == *field && !p.fatal;
    let problems = report.reading.problems.iter().filter(of);
    problems.map(|p| p.message.as_str()).collect()
}

#[test]
fn what_is_named_twice_counts_once_and_is_said() {
    let session = &mut session("mini", Cpu);
    let written = |report: &Report| report.steer.clone().unwrap().samples;
    let steered = |layers: &[usize], positions: &[usize]| {
        steering(|s| {
            s.directions[0].layers = layers.to_vec();
            s.directions[0].positions = Positions::Chosen(positions.to_vec());
        })
    };
    let once = run(session, &steered(&[2], &[1, 2])).unwrap();
    assert_eq!(once.reading.problems, []);
    let twice = run(session, &steered(&[2, 2], &[1, 2, 2])).unwrap();
    assert_eq!(written(&once), written(&twice));
    assert_eq!(twice.reading.problems.len(), 2, "{:?}", twice.reading);
    assert!(twice.reading.problems.iter().all(|p| {
        !p.fatal
            && (p.message.starts_with("“layers” names 2 more than once")
                || p.message.starts_with("“chosen” names 2 more than once"))
            && p.message.contains("counts once")
    }));
    // The experiment comes back as it was asked.
    assert_eq!(twice.experiment, steered(&[2, 2], &[1, 2, 2]));
    let e = steering(|s| s.words = vec!["you".into(), "me".into(), "you".into()]);
    let report = run(session, &e).unwrap();
    assert_eq!(told(&report, "steer.words").len(), 1);

    let part = Part {
        site: Site::MlpPost,
        layer: 1,
        head: None,
        neurons: Some(vec![3, 3]),
        positions: None,
    };
    let patched = |parts: Vec<Part>, neurons: Vec<usize>| {
        let mut e = Experiment::default();
        let parts = parts.into_iter().map(|p| Part {
            neurons: Some(neurons.clone()),
            ..p
        });
        e.sweeps[0].axes = Some(Axes::Parts {
            parts: parts.collect(),
            others: false,
        });
        e
    };
    let once = run(session, &patched(vec![part.clone()], vec![3])).unwrap();
    let twice = run(session, &patched(vec![part.clone(), part], vec![3, 3])).unwrap();
    assert_eq!(once.sweeps[0].values, twice.sweeps[0].values);
    assert!(twice.reading.problems.len() >= 2, "{:?}", twice.reading);

    let capture = Capture {
        run: RunName::Clean,
        site: Site::ResidPre,
        layer: Some(1),
        positions: Some(vec![2, 2]),
    };
    let e = Experiment {
        captures: vec![capture.clone(), capture],
        roles: vec![Role::End, Role::End],
        sweeps: Vec::new(),
        ..Experiment::default()
    };
    let report = run(session, &e).unwrap();
    assert_eq!(report.captures.len(), 1);
    assert_eq!(report.captures[0].shape[0], 1);
    assert_eq!(report.reading.roles.len(), 1);
    assert_eq!(told(&report, "captures").len(), 3, "{:?}", report.reading);
    assert_eq!(told(&report, "roles").len(), 1);
}

#[test]
fn an_answer_named_twice_counts_once() {
    let session = &mut session("mini", Cpu);
    let of = |answer: Vec<TokenRef>| Experiment {
        metrics: [
            MetricKind::Probability,
            MetricKind::LogProbability,
            MetricKind::LogitDifference,
        ]
        .map(|kind| Metric {
            kind,
            answer: Tokens::Any(answer.clone()),
            wrong: Some(" Bob".into()),
        })
        .to_vec(),
        ..Experiment::default()
    };
    let text = |text: &str| TokenRef::Text(text.into());
    let once = run(session, &of(vec![text(" Mary"), text(" Anna")])).unwrap();
    let mary = once.reading.answer.as_ref().unwrap().pieces[0].id;
    let several = vec![
        text(" Mary"),
        TokenRef::Id(mary),
        text(" Anna"),
        text(" Mary"),
    ];
    let twice = run(session, &of(several)).unwrap();
    assert_eq!(once.metrics, twice.metrics);
    assert!(twice.metrics[0].clean <= 1.0);
    assert_eq!(once.reading.problems, []);
    let said = told(&twice, "answer");
    assert!(
        said.len() == 1 && said[0].contains("“ Mary” is named more than once"),
        "{said:?}"
    );
}

#[test]
fn pairs_that_cannot_be_run_are_named_and_the_rest_can_be() {
    let session = &mut session("mini", Cpu);
    let own = Experiment::default();
    let pair = |clean: &str| Pair {
        clean: Prompt::Text(clean.into()),
        corrupted: own.corrupted.clone(),
        answer: None,
        wrong: None,
    };
    let whole = "When Tom and Mary went to the store, Tom gave a bottle to";
    let mut e = Experiment {
        pairs: (0..9).map(|_| pair(whole)).collect(),
        ..own.clone()
    };
    for bad in [1, 2, 4, 5, 6, 8] {
        e.pairs[bad] = pair("Too short");
    }
    let report = run(session, &e).unwrap();
    assert_eq!(report.reading.bad_pairs, [1, 2, 4, 5, 6, 8]);
    let problems = report.reading.problems.iter();
    let messages: Vec<&str> = problems.map(|p| p.message.as_str()).collect();
    assert!(
        messages
            .iter()
            .any(|m| m.starts_with("Pair 3: the clean prompt has"))
    );
    let sum = messages.last().unwrap();
    assert!(
        sum.starts_with("6 of 10 pairs cannot be run: 3, 4, 6, 7, 8, 10."),
        "{messages:?}"
    );
    assert!(report.sweeps.is_empty());
    // Without them it runs.
    let mut at = 0;
    e.pairs.retain(|_| {
        at += 1;
        !report.reading.bad_pairs.contains(&(at - 1))
    });
    let report = run(session, &e).unwrap();
    assert_eq!((report.sweeps.len(), report.reading.cases), (1, Some(4)));
    assert_eq!(report.reading.bad_pairs, [0; 0]);
}

#[test]
fn a_cell_outside_its_grid_is_let_go_and_the_run_goes_on() {
    let session = &mut session("mini", Cpu);
    for (sweep, row, column) in [(0, 99, 0), (0, 0, 99), (7, 0, 0)] {
        let e = Experiment {
            cell: Some(Cell { sweep, row, column }),
            ..Experiment::default()
        };
        let report = run(session, &e).unwrap();
        assert_eq!((report.sweeps.len(), &report.cell), (1, &None));
        let said = told(&report, "cell");
        assert!(
            said.len() == 1 && said[0].contains("no cell is looked at"),
            "{said:?}"
        );
    }
}

#[test]
fn what_captures_hand_back_is_bounded_in_all() {
    let session = &mut session("mini", Cpu);
    let capture = |layer, positions: usize| Capture {
        run: RunName::Clean,
        site: Site::Logits,
        layer,
        positions: Some((0..positions).collect()),
    };
    let n_vocab = session.model().n_vocab;
    let len = 16_000_000 / n_vocab / 128 + 1;
    let e = Experiment {
        clean: Prompt::Tokens(vec![40; 128]),
        corrupted: Prompt::Tokens(vec![40; 128]),
        captures: (0..len)
            .map(|i| Capture {
                positions: Some((0..128).rev().map(|p| (p + i) % 128).collect()),
                ..capture(None, 0)
            })
            .collect(),
        ..Experiment::default()
    };
    let (field, message) = refused(session, &e);
    assert_eq!(field, "captures");
    assert!(message.contains("at most 16000000"), "{message}");
}
