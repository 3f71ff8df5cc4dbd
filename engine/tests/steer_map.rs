//! The layer x coefficient map on the mini: that its cells are the experiments
//! that they name, and that its controls decide.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss)]

use crate::common::{Listener, close, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Controls, Experiment, MapCell, MapNumbers, MapReport, Operator, Prompt, Report, Room, Source,
    Steer, SteerMap, SteerReport, SteerUpdate, TokenRef, Tried, Update,
};
use patchbay_engine::model::{Cancelled, ModelError};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Host, Session, SessionError};
use std::cell::{Cell, RefCell};

fn steering(steer: Steer) -> Experiment {
    Experiment {
        room: Room::Steering,
        steer: Some(steer),
        ..Experiment::default()
    }
}

fn run(session: &mut Session<Cpu>, steer: Steer, host: &impl Host) -> Result<Report, SessionError> {
    let found = pollster::block_on(session.run(&steering(steer), false, host));
    session.forget();
    assert_eq!(session.slots().in_use(), 0, "slots left behind");
    found
}

fn steered(session: &mut Session<Cpu>, steer: Steer) -> SteerReport {
    let found = run(session, steer, &Listener::default());
    found.unwrap().steer.unwrap()
}

fn mapped(session: &mut Session<Cpu>, map: SteerMap) -> MapReport {
    let steer = Steer {
        map: Some(map),
        ..crate::common::love()
    };
    steered(session, steer).map.unwrap()
}

/// Few cells, two prompts, three controls a layer.
fn small() -> SteerMap {
    SteerMap {
        layers: vec![1, 2],
        coefficients: vec![0.0, 0.8],
        prompts: PROMPTS.map(|p| Prompt::Text(p.into())).to_vec(),
        tokens: Some(8),
        targets: vec![TokenRef::Text(" I".into())],
        controls: Controls {
            random: 3,
            coefficient: Some(0.8),
            ..Controls::default()
        },
        ..SteerMap::default()
    }
}

const PROMPTS: [&str; 2] = ["I hate you because", "The party was"];

fn cell(report: &MapReport, of: Tried, layer: usize, coefficient: f32) -> &MapCell {
    let mut cells = report.cells.iter();
    cells
        .find(|c| (c.of, c.layer, c.coefficient) == (of, layer, coefficient))
        .unwrap()
}

/// All numbers of a cell in a row.
fn numbers(n: &MapNumbers) -> [f32; 5] {
    let m = n.measures;
    [
        n.target.unwrap_or(0.0),
        m.words.unwrap(),
        m.kl,
        m.perplexity,
        m.distinct_2,
    ]
}

#[test]
fn a_coefficient_of_zero_is_the_unsteered_run() {
    let session = &mut session("mini", Cpu);
    let report = mapped(session, small());
    for layer in [1, 2] {
        let zero = cell(&report, Tried::Direction, layer, 0.0);
        assert_eq!(zero.numbers, Some(report.unsteered));
        assert_eq!(zero.texts, report.unsteered_texts);
        let pushed = cell(&report, Tried::Direction, layer, 0.8);
        assert_ne!(pushed.texts, report.unsteered_texts);
        assert!(pushed.numbers.unwrap().measures.kl > 0.0);
    }
    assert_eq!(report.unsteered.measures.kl, 0.0);
    // Two prompts, three texts each.
    assert_eq!(report.unsteered_texts.len(), 6);
}

/// A cell over one prompt is the experiment that it names, run by itself; the
/// control with a seed is the random direction of that seed.
#[test]
fn a_cell_is_the_experiment_that_it_names() {
    let session = &mut session("mini", Cpu);
    for prompt in PROMPTS {
        let map = SteerMap {
            prompts: vec![Prompt::Text(prompt.into())],
            ..small()
        };
        let report = mapped(session, map);
        for (of, layer) in [
            (Tried::Direction, 1),
            (Tried::Direction, 2),
            (Tried::Random(2), 2),
        ] {
            let found = cell(&report, of, layer, 0.8);
            let mut steer = Steer {
                prompt: Prompt::Text(prompt.into()),
                ..crate::common::love()
            };
            steer.sampling.tokens = 8;
            steer.directions[0].layers = vec![layer];
            if let Tried::Random(seed) = of {
                steer.directions[0].source = Source::Random { seed };
            }
            let alone = steered(session, steer);
            let texts: Vec<String> = alone
                .samples
                .iter()
                .map(|s| s.steered.iter().map(|w| w.token.text.as_str()).collect())
                .collect();
            assert_eq!(found.texts, texts, "{of:?} at layer {layer}");
            let summary = alone.summary.unwrap();
            let target = alone.samples[0].steered[0].top.iter();
            let target = target
                .filter(|t| t.token.text == " I")
                .map(|t| t.probability);
            let alone = MapNumbers {
                // Among the ten likeliest or too small to matter here.
                target: target.clone().next().or(found.numbers.unwrap().target),
                reading: None,
                measures: summary.steered,
            };
            let what = format!("{prompt}, {of:?} at layer {layer}");
            close(
                &what,
                &numbers(&found.numbers.unwrap()),
                &numbers(&alone),
                1e-3,
            );
        }
    }
}

/// Over more prompts than one: words and targets are means over them, and the
/// texts are those of each prompt's own map.
#[test]
fn prompts_are_added_up() {
    let session = &mut session("mini", Cpu);
    let both = mapped(session, small());
    let of = |session: &mut Session<Cpu>, prompt: &str| {
        let map = SteerMap {
            prompts: vec![Prompt::Text(prompt.into())],
            ..small()
        };
        mapped(session, map)
    };
    let [a, b] = PROMPTS.map(|p| of(session, p));
    for layer in [1, 2] {
        let [both, a, b] = [&both, &a, &b].map(|r| cell(r, Tried::Direction, layer, 0.8));
        assert_eq!(both.texts, [a.texts.clone(), b.texts.clone()].concat());
        let [n, a, b] = [both, a, b].map(|c| c.numbers.unwrap());
        let mean = |f: fn(&MapNumbers) -> f32| f32::midpoint(f(&a), f(&b));
        close(
            "means over prompts",
            &[n.target.unwrap(), n.measures.words.unwrap()],
            &[
                mean(|n| n.target.unwrap()),
                mean(|n| n.measures.words.unwrap()),
            ],
            1e-4,
        );
    }
}

/// The bar: the direction does better than the best of twenty random
/// ones of the same length, within a stated cap on perplexity; and a direction
/// that is itself random does not.
#[test]
fn love_beats_twenty_random_directions_and_a_random_one_does_not() {
    let session = &mut session("mini", Cpu);
    let map = SteerMap {
        layers: vec![2, 3],
        coefficients: vec![0.2, 0.4, 0.8, 1.2],
        samples: Some(16),
        ..SteerMap::default()
    };
    let report = mapped(session, map.clone());
    for c in report.cells.iter().filter(|c| c.of == Tried::Direction) {
        println!("{} {} {:?}", c.layer, c.coefficient, c.numbers.unwrap());
    }
    for verdict in &report.verdicts {
        println!("{} {:?}", verdict.said, verdict.shuffled);
    }
    let [.., overall] = report.verdicts.as_slice() else {
        panic!("no verdict")
    };
    assert!(overall.overall && overall.better, "{overall:?}");
    assert_eq!((overall.tried, overall.beaten), (40, 40));
    let at = cell(
        &report,
        Tried::Direction,
        overall.layer,
        overall.coefficient.unwrap(),
    );
    let cost = at.numbers.unwrap().measures.perplexity / report.unsteered.measures.perplexity;
    assert!(cost <= 4.0, "{cost}");
    for control in report.cells.iter().filter(|c| c.of != Tried::Direction) {
        assert!(control.cosine.abs() < 0.9);
    }
    let mut steer = Steer {
        map: Some(SteerMap {
            layers: vec![2],
            ..map
        }),
        ..crate::common::love()
    };
    steer.directions[0].source = Source::Random { seed: 1_000 };
    let report = steered(session, steer).map.unwrap();
    let overall = report.verdicts.last().unwrap();
    println!("{}", overall.said);
    assert!(!overall.better && overall.said.contains("no better than"));
    let shuffled = |c: &MapCell| c.of == Tried::Shuffled;
    assert!(!report.cells.iter().any(shuffled), "it has no labels");
}

/// Stops as soon as it has heard of so many cells.
struct Patient {
    cells: Cell<usize>,
    heard: RefCell<Vec<MapCell>>,
    estimated: Cell<u64>,
}

impl Patient {
    fn new(cells: usize) -> Self {
        Self {
            cells: Cell::new(cells),
            heard: RefCell::default(),
            estimated: Cell::new(0),
        }
    }
}

impl Host for Patient {
    fn update(&self, update: Update) {
        match update {
            Update::Steer(SteerUpdate::MapCells { cells }) => {
                self.heard.borrow_mut().extend(cells);
            }
            Update::Estimate(estimate) => self.estimated.set(estimate.plan.runs),
            _ => {}
        }
    }

    fn now(&self) -> f64 {
        0.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        match self.heard.borrow().len() < self.cells.get() {
            true => Ok(()),
            false => Err(Cancelled),
        }
    }
}

#[test]
fn what_was_stopped_goes_on_and_ends_the_same() {
    let map = SteerMap {
        // Enough texts that they are not all in flight at once.
        samples: Some(16),
        ..small()
    };
    let steer = || Steer {
        map: Some(map.clone()),
        ..crate::common::love()
    };
    let whole = mapped(&mut session("mini", Cpu), map.clone());
    let session = &mut session("mini", Cpu);
    // Three cells: two of coefficient 0, and one that is computed.
    let first = Patient::new(3);
    assert!(matches!(
        run(session, steer(), &first),
        Err(SessionError::Model(ModelError::Cancelled))
    ));
    let stopped_at = first.heard.borrow().len();
    assert!(stopped_at >= 3 && stopped_at < whole.cells.len());
    let second = Patient::new(usize::MAX);
    let found = run(session, steer(), &second).unwrap();
    let found = found.steer.unwrap().map.unwrap();
    assert_eq!(found.cells.len(), whole.cells.len());
    // The same texts; other texts in flight beside them may round otherwise.
    for (f, w) in found.cells.iter().zip(&whole.cells) {
        assert_eq!(
            (f.of, f.layer, f.coefficient, &f.texts),
            (w.of, w.layer, w.coefficient, &w.texts)
        );
        let [f, w] = [f, w].map(|c| numbers(&c.numbers.unwrap()));
        close("a cell", &f, &w, 1e-4);
    }
    assert_eq!(
        found.verdicts.last().unwrap().said,
        whole.verdicts.last().unwrap().said
    );
    assert!(second.estimated.get() < first.estimated.get());
    // A third time there is nothing left, and even a preview has it all.
    let third = Patient::new(usize::MAX);
    let preview = pollster::block_on(session.run(&steering(steer()), true, &third));
    assert_eq!(third.estimated.get(), 0);
    assert_eq!(preview.unwrap().steer.unwrap().map.unwrap(), found);
}

#[test]
fn a_preview_says_how_long_and_computes_no_cell() {
    let session = &mut session("mini", Cpu);
    let steer = Steer {
        map: Some(small()),
        ..crate::common::love()
    };
    let listener = Listener::default();
    let found = pollster::block_on(session.run(&steering(steer), true, &listener));
    assert_eq!(found.unwrap().steer.unwrap().map, None);
    let heard = listener.0.borrow();
    let estimate = heard.iter().find_map(|u| match u {
        Update::Estimate(e) => Some(*e),
        _ => None,
    });
    let estimate = estimate.unwrap();
    // Two pushed cells and two times three random and one shuffled control,
    // each of two prompts with three texts.
    assert_eq!(estimate.plan.runs, (2 + 2 * 4) * 6);
    assert!(estimate.seconds > 0.0);
}

/// A push beyond all measure writes nonsense; that is a cell outside the band,
/// and not the end of the map.
#[test]
fn nonsense_is_outside_the_coherent_band() {
    let session = &mut session("mini", Cpu);
    let map = SteerMap {
        coefficients: vec![0.2, 1e9],
        controls: Controls {
            coefficient: None,
            ..small().controls
        },
        ..small()
    };
    let report = mapped(session, map);
    let beyond = cell(&report, Tried::Direction, 2, 1e9).numbers;
    let most = 4.0 * report.unsteered.measures.perplexity;
    assert!(beyond.is_none_or(|n| n.measures.perplexity > most));
    assert!(cell(&report, Tried::Direction, 2, 0.2).numbers.is_some());
    assert_eq!(report.verdicts.last().unwrap().coefficient, Some(0.2));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let session = &mut session("mini", Cpu);
    type Change = fn(&mut Steer, &mut SteerMap);
    let cases: [(Change, &str); 13] = [
        (
            |_, m| m.direction = 3,
            "direction 3, but the experiment has 1",
        ),
        (|_, m| m.layers = vec![4], "layers 0 to 3"),
        (|_, m| m.coefficients = vec![], "0 cells"),
        (|_, m| m.coefficients = vec![f32::NAN], "not finite"),
        (|_, m| m.coefficients = vec![0.2, 1e30], "too large"),
        (|_, m| m.coefficients = vec![1.0; 5000], "at most 1000"),
        (|_, m| m.samples = Some(99), "99 texts"),
        (|_, m| m.tokens = Some(0), "0 new tokens"),
        (|_, m| m.cap = 0.5, "at least 1"),
        (
            |_, m| m.controls.coefficient = Some(3.0),
            "none of the map's",
        ),
        (|_, m| m.controls.random = 1_000, "at most 200"),
        (
            |_, m| m.targets = vec![TokenRef::Text(" love hate".into())],
            "2 tokens",
        ),
        (
            |s, _| s.directions[0].operator = Operator::ProjectOut,
            "no coefficient to vary",
        ),
    ];
    for (change, reason) in cases {
        let (mut steer, mut map) = (crate::common::love(), small());
        map.controls.coefficient = None;
        change(&mut steer, &mut map);
        steer.map = Some(map);
        match run(session, steer, &Listener::default()) {
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
    let steer = Steer {
        words: Vec::new(),
        map: Some(SteerMap {
            targets: Vec::new(),
            ..small()
        }),
        ..crate::common::love()
    };
    let refused = run(session, steer, &Listener::default());
    assert!(matches!(refused, Err(e) if e.to_string().contains("no effect to show")));
}
