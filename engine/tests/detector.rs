//! A direction as a detector against scikit-learn's curve on transformers'
//! activations, and a steered text read along one; `tests/oracles/detector.py`
//! makes the values.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Listener, close, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Controls, Detector, DetectorReport, Direction, Effect, Experiment, MapReading, Method,
    Operator, Prompt, Room, Sampling, Site, Source, Steer, SteerMap, SteerReport, Tried, Unit,
};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Session, SessionError};
use serde_json::Value;

fn oracle() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/oracles/values/detector.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn run(session: &mut Session<Cpu>, steer: Steer, bos: bool) -> Result<SteerReport, SessionError> {
    let experiment = Experiment {
        bos,
        room: Room::Steering,
        steer: Some(steer),
        ..Experiment::default()
    };
    let found = pollster::block_on(session.run(&experiment, false, &Listener::default()))?;
    session.forget();
    assert_eq!(session.slots().in_use(), 0, "slots left behind");
    Ok(found.steer.unwrap())
}

fn lines(value: &Value) -> Vec<String> {
    let lines = value.as_array().unwrap().iter();
    lines.map(|l| l.as_str().unwrap().into()).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    let list = value.as_array().unwrap().iter();
    list.map(|x| x.as_f64().unwrap() as f32).collect()
}

/// The oracle's two sides as a direction, which does nothing to the text.
fn steer(oracle: &Value, site: Site, layer: usize) -> Steer {
    Steer {
        prompt: Prompt::Text("I feel".into()),
        directions: vec![Direction {
            name: "kind".into(),
            source: Source::Contrast {
                positive: lines(&oracle["training"][0]),
                negative: lines(&oracle["training"][1]),
                method: Method::MeanDifference,
            },
            site,
            layers: vec![layer],
            coefficient: 0.0,
            unit: Unit::Absolute,
            ..crate::common::love().directions.remove(0)
        }],
        sampling: Sampling {
            tokens: 1,
            samples: 1,
            ..Sampling::default()
        },
        words: Vec::new(),
        detector: Some(Detector {
            positive: lines(&oracle["held_out"][0]),
            negative: lines(&oracle["held_out"][1]),
            ..Detector::default()
        }),
        map: None,
    }
}

#[test]
fn the_curve_equals_scikit_learn() {
    let oracle = oracle();
    for case in oracle["detectors"].as_array().unwrap() {
        let (model, layer) = (
            case["model"].as_str().unwrap(),
            case["layer"].as_u64().unwrap() as usize,
        );
        let site: Site = serde_json::from_value(case["site"].clone()).unwrap();
        let what = format!("{model} {site} {layer}");
        let report = run(&mut session(model, Cpu), steer(&oracle, site, layer), false);
        let found = report.unwrap().detector.unwrap();
        let sides = case["projections"].as_array().unwrap().iter();
        let expected: Vec<Vec<f32>> = sides
            .flat_map(|side| side.as_array().unwrap().iter().map(floats))
            .collect();
        assert_eq!(found.prompts.len(), expected.len());
        for (found, expected) in found.prompts.iter().zip(&expected) {
            assert_eq!(found.tokens.len(), found.projections.len());
            close(&what, &found.projections, expected, 2e-4);
        }
        let means = found.training.unwrap();
        let means = [means.positive, means.negative];
        close(&what, &means, &floats(&case["means"]), 2e-4);
        assert!((found.auc - case["auc"].as_f64().unwrap() as f32).abs() < 1e-6);
        let curve = |of: fn(&patchbay_engine::experiment::RocPoint) -> f32| {
            found.roc.iter().map(of).collect::<Vec<f32>>()
        };
        let of = |key: &str| floats(&case["roc"][key]);
        let close = |found: &[f32], key: &str| close(&what, found, &of(key), 1e-6);
        close(&curve(|p| p.rates.true_positive), "true");
        close(&curve(|p| p.rates.false_positive), "false");
        assert_eq!(found.roc[0].threshold, None);
        let thresholds: Vec<f32> = found.roc.iter().filter_map(|p| p.threshold).collect();
        crate::common::close(&what, &thresholds, &of("thresholds"), 2e-4);
        let rates = found.rates.unwrap();
        let wanted = |key: &str| case["rates"][key].as_f64().unwrap() as f32;
        assert!((rates.true_positive - wanted("true_positive")).abs() < 1e-6);
        assert!((rates.false_positive - wanted("false_positive")).abs() < 1e-6);
        assert_eq!(found.controls.random, 20);
        assert!(found.controls.best_random >= 0.5 && found.controls.shuffled.is_some());
    }
}

/// The likeliest steered text is PyTorch's, and so is how the unsteered model reads it.
#[test]
fn a_steered_text_is_read_as_pytorch_reads_it() {
    let oracle = oracle();
    let of = &oracle["reading"];
    let coefficient = of["coefficient"].as_f64().unwrap() as f32;
    let layer = of["layer"].as_u64().unwrap() as usize;
    let reading = MapReading {
        direction: 0,
        layer: Some(of["read_at"].as_u64().unwrap() as usize),
    };
    let steer = Steer {
        prompt: Prompt::Text(of["prompt"].as_str().unwrap().into()),
        sampling: Sampling {
            tokens: of["tokens"].as_u64().unwrap() as usize,
            temperature: 0.0,
            ..Sampling::default()
        },
        detector: None,
        map: Some(SteerMap {
            layers: vec![layer],
            coefficients: vec![0.0, coefficient],
            reading: Some(reading),
            controls: Controls {
                random: 2,
                ..Controls::default()
            },
            cap: 1e9,
            ..SteerMap::default()
        }),
        ..steer(&oracle, Site::ResidPre, layer)
    };
    let session = &mut session("mini", Cpu);
    let map = run(session, steer, false).unwrap().map.unwrap();
    assert_eq!(map.effect, Effect::Reading, "the only one there is");
    for (found, name) in [(0.0, "unsteered"), (coefficient, "steered")] {
        let cell = map.cells.iter().find(|c| c.coefficient == found).unwrap();
        let expected = of[name]["reading"].as_f64().unwrap() as f32;
        let found = cell.numbers.unwrap().reading.unwrap();
        close(name, &[found], &[expected], 1e-3);
    }
    assert_eq!(
        map.unsteered.reading,
        map.cells[0].numbers.unwrap().reading,
        "coefficient 0"
    );
    let controls = map.cells.iter().filter(|c| c.of != Tried::Direction);
    assert!(controls.clone().count() == 3);
    assert!(
        controls
            .clone()
            .all(|c| c.numbers.unwrap().reading.is_some())
    );
    let said = &map.verdicts.last().unwrap().said;
    assert!(said.contains("reading of the text"), "{said}");
}

fn detected(steer: Steer) -> Result<DetectorReport, SessionError> {
    let found = run(&mut session("mini", Cpu), steer, true)?;
    Ok(found.detector.unwrap())
}

#[test]
fn a_threshold_of_ones_own_only_moves_the_rates() {
    let oracle = oracle();
    let session = &mut session("mini", Cpu);
    let with = |threshold: Option<f32>| {
        let mut steer = steer(&oracle, Site::ResidPre, 2);
        steer.detector.as_mut().unwrap().threshold = threshold;
        steer
    };
    let own = run(session, with(None), true).unwrap().detector.unwrap();
    let middle = own.training.unwrap().middle();
    assert_eq!(own.threshold, Some(middle));
    for (threshold, everything) in [(-1e6, 1.0), (1e6, 0.0)] {
        let found = run(session, with(Some(threshold)), true).unwrap();
        let found = found.detector.unwrap();
        let rates = found.rates.unwrap();
        assert_eq!([rates.true_positive, rates.false_positive], [everything; 2]);
        let same = DetectorReport {
            threshold: own.threshold,
            rates: own.rates,
            ..found
        };
        assert_eq!(same, own);
    }
}

#[test]
fn what_makes_the_numbers_too_good_is_said() {
    let oracle = oracle();
    let mut of = steer(&oracle, Site::ResidPre, 2);
    let plain = detected(of.clone()).unwrap();
    assert_eq!(plain.warnings, Vec::<String>::new());
    let detector = of.detector.as_mut().unwrap();
    detector.positive.push("You are so sweet ".into());
    detector.negative = vec!["She cried".into(), "She smiled".into()];
    let warned = detected(of.clone()).unwrap().warnings.join(" ");
    for part in [
        "1 of the held-out prompts, such as “You are so sweet ”",
        "“She smiled” stands on both sides",
        "smaller side has 2",
    ] {
        assert!(warned.contains(part), "{part}: {warned}");
    }
    of.directions[0].source = Source::Random { seed: 3 };
    let found = detected(of).unwrap();
    assert_eq!((found.threshold, found.rates), (None, None));
    assert!(
        found
            .warnings
            .last()
            .unwrap()
            .contains("no prompts of its own")
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let oracle = oracle();
    type Change = fn(&mut Steer, &mut Detector);
    let cases: [(Change, &str); 7] = [
        (|_, d| d.positive.clear(), "no positive held-out prompts"),
        (|_, d| d.negative.clear(), "no negative held-out prompts"),
        (|_, d| d.negative[0] = "so ".repeat(500), "at most 128"),
        (|_, d| d.layer = Some(9), "layers 0 to 3"),
        (
            |_, d| d.direction = 2,
            "direction 2, but the experiment has 1",
        ),
        (|_, d| d.threshold = Some(f32::NAN), "not finite"),
        (|_, d| d.positive = vec!["x".into(); 600], "at most 512"),
    ];
    for (change, reason) in cases {
        let mut steer = steer(&oracle, Site::ResidPre, 2);
        let mut detector = steer.detector.take().unwrap();
        change(&mut steer, &mut detector);
        steer.detector = Some(detector);
        match detected(steer) {
            Err(SessionError::Experiment {
                field,
                said: Said { message, .. },
            }) => {
                assert_eq!(field, "steer.detector");
                assert!(message.contains(reason), "{reason}: {message}");
            }
            Err(e) => panic!("{reason}: {e}"),
            Ok(_) => panic!("{reason}: was run"),
        }
    }
    type MapChange = fn(&mut Steer, &mut SteerMap);
    let cases: [(MapChange, &str); 5] = [
        (|_, m| m.effect = Some(Effect::Target), "target tokens, but"),
        (|_, m| m.effect = Some(Effect::Words), "words to count, but"),
        (
            |_, m| m.reading.as_mut().unwrap().direction = 1,
            "direction 1, but the experiment has 1",
        ),
        (
            |_, m| m.reading.as_mut().unwrap().layer = Some(4),
            "layers 0 to 3",
        ),
        (
            |s, _| s.directions[0].source = Source::Random { seed: 0 },
            "between no prompts",
        ),
    ];
    for (change, reason) in cases {
        let mut steer = steer(&oracle, Site::ResidPre, 2);
        let mut map = SteerMap {
            reading: Some(MapReading {
                direction: 0,
                layer: None,
            }),
            ..SteerMap::default()
        };
        steer.detector = None;
        change(&mut steer, &mut map);
        steer.map = Some(map);
        match run(&mut session("mini", Cpu), steer, true) {
            Err(SessionError::Experiment {
                field,
                said: Said { message, .. },
            }) => {
                assert_eq!(field, "steer.map");
                assert!(message.contains(reason), "{reason}: {message}");
            }
            Err(e) => panic!("{reason}: {e}"),
            Ok(_) => panic!("{reason}: was run"),
        }
    }
}

#[test]
fn operators_other_than_adding_do_not_matter_to_reading() {
    let oracle = oracle();
    let mut of = steer(&oracle, Site::ResidPre, 2);
    let added = detected(of.clone()).unwrap();
    of.directions[0].operator = Operator::ProjectOut;
    assert_eq!(detected(of).unwrap(), added);
}
