//! Sets of pairs and draws of noise: in groups that fit, with means and
//! intervals; and what cannot be run of them, told by field.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, close, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Axes, Bring, Corruption, Experiment, Metric, MetricKind, Mode, Noise, Pair, Part, Prompt,
    Receiver, Report, Role, Site, Sweep, Tokens, Update,
};
use patchbay_engine::model::{Cancelled, ModelError};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Cells, Crew, Host, Session, SessionError, Turn};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

const NAMES: [&str; 6] = ["Mary", "Alice", "Sarah", "Tom", "James", "Paul"];

fn pair(i: usize) -> Pair {
    let (a, b) = (NAMES[i % 6], NAMES[(i / 6 + i + 1) % 6]);
    let text = |giver: &str| {
        Prompt::Text(format!(
            "When {a} and {b} went to the store, {giver} gave a bottle to"
        ))
    };
    Pair {
        clean: text(b),
        corrupted: text(a),
        answer: Some(format!(" {a}").as_str().into()),
        wrong: Some(format!(" {b}").as_str().into()),
    }
}

/// A set of so many pairs.
fn set(count: usize) -> Experiment {
    let mut pairs = (0..count).map(pair);
    let first = pairs.next().unwrap();
    Experiment {
        clean: first.clean,
        corrupted: first.corrupted,
        metrics: vec![
            Metric {
                kind: MetricKind::LogitDifference,
                answer: first.answer.clone().unwrap(),
                wrong: first.wrong,
            },
            Metric {
                kind: MetricKind::Kl,
                answer: first.answer.unwrap(),
                wrong: None,
            },
        ],
        pairs: pairs.collect(),
        sweeps: vec![
            Sweep::of(Site::ResidPre, Mode::Denoising),
            Sweep::of(Site::Z, Mode::Noising),
        ],
        ..Experiment::default()
    }
}

fn run(session: &mut Session<Cpu>, e: &Experiment) -> Result<Report, SessionError> {
    pollster::block_on(session.run(e, false, &Listener::default()))
}

fn values(report: &Report, sweep: usize, metric: usize) -> Vec<f32> {
    let grid = report.sweeps[sweep].values[metric].iter().flatten();
    grid.map(|v| v.unwrap()).collect()
}

#[test]
fn a_set_in_groups_is_the_set_at_once_and_the_mean_of_its_pairs() {
    let e = set(5);
    let mut at_once = session("mini", Cpu);
    let whole = run(&mut at_once, &e).unwrap();
    let mut in_groups = session("mini", Cpu);
    in_groups.set_kept_bytes(1);
    let listener = Listener::default();
    let grouped = pollster::block_on(in_groups.run(&e, false, &listener)).unwrap();
    let told = listener.0.into_inner();
    let means = told.iter().filter(|u| matches!(u, Update::Metrics { .. }));
    assert_eq!(means.count(), 5, "once for each group of one");
    let mut alone = Vec::new();
    for i in 0..5 {
        let pair = pair(i);
        let mut single = Experiment {
            clean: pair.clean,
            corrupted: pair.corrupted,
            pairs: Vec::new(),
            ..e.clone()
        };
        for metric in &mut single.metrics {
            metric.answer = pair.answer.clone().unwrap();
            metric.wrong.clone_from(&pair.wrong);
        }
        alone.push(run(&mut at_once, &single).unwrap());
    }
    for sweep in 0..2 {
        for metric in 0..2 {
            let found = values(&whole, sweep, metric);
            close("in groups", &values(&grouped, sweep, metric), &found, 1e-5);
            let each: Vec<Vec<f32>> = alone.iter().map(|r| values(r, sweep, metric)).collect();
            let mean: Vec<f32> = (0..found.len())
                .map(|c| each.iter().map(|v| v[c]).sum::<f32>() / 5.0)
                .collect();
            close("mean of the pairs", &found, &mean, 1e-5);
            for (i, own) in each.iter().enumerate() {
                let of_pair = &whole.sweeps[sweep].pairs[i][metric];
                let of_pair: Vec<f32> = of_pair.iter().flatten().map(|v| v.unwrap()).collect();
                close("one of the pairs", &of_pair, own, 1e-5);
            }
        }
    }
    let clean: f32 = alone.iter().map(|r| r.metrics[0].clean).sum::<f32>() / 5.0;
    close("clean metric", &[grouped.metrics[0].clean], &[clean], 1e-5);
    // The mean lies in its interval, which has a width.
    let metric = &whole.metrics[0];
    for (row, cells) in whole.sweeps[0].values[0].iter().enumerate() {
        for (column, value) in cells.iter().enumerate() {
            let share = (value.unwrap() - metric.corrupted) / (metric.clean - metric.corrupted);
            let (low, high) = whole.sweeps[0].intervals[0][row][column].unwrap();
            assert!(
                low - 1e-4 <= share && share <= high + 1e-4,
                "{low} {share} {high}"
            );
        }
    }
    let widths = whole.sweeps[0].intervals[0].iter().flatten();
    assert!(
        widths
            .map(|i| i.unwrap())
            .any(|(low, high)| high - low > 1e-3)
    );
    in_groups.forget();
    assert_eq!(in_groups.slots().in_use(), 0);
}

#[test]
fn a_hundred_pairs_run_with_progress_and_can_be_stopped() {
    let e = set(100);
    let mut session = session("mini", Cpu);
    session.set_kept_bytes(4 << 20);
    let listener = Listener::default();
    let report = pollster::block_on(session.run(&e, false, &listener)).unwrap();
    assert_eq!(report.reading.cases, Some(100));
    let told = listener.0.into_inner();
    let mut last = 0;
    for update in &told {
        if let Update::Progress(p) = update
            && p.stage == patchbay_engine::experiment::Stage::Sweep
        {
            assert!(p.done >= last && p.done <= p.total + p.total / 10, "{p:?}");
            last = p.done;
        }
    }
    assert!(last > 0);
    let groups = told
        .iter()
        .filter(|u| matches!(u, Update::Metrics { .. }))
        .count();
    assert!(groups > 2, "{groups} groups");

    /// Stops in the middle of the second group.
    struct Impatient(Cell<usize>);
    impl Host for Impatient {
        fn update(&self, update: Update) {
            self.0
                .set(self.0.get() + usize::from(matches!(update, Update::Metrics { .. })));
        }
        fn now(&self) -> f64 {
            0.0
        }
        async fn breathe(&self) -> Result<(), Cancelled> {
            match self.0.get() {
                0 | 1 => Ok(()),
                _ => Err(Cancelled),
            }
        }
    }
    let other = Experiment { bos: false, ..e };
    let stopped = pollster::block_on(session.run(&other, false, &Impatient(Cell::new(0))));
    assert!(matches!(
        stopped,
        Err(SessionError::Model(ModelError::Cancelled))
    ));
    session.forget();
    assert_eq!(session.slots().in_use(), 0);
}

/// Does all pieces itself, and notes which they were.
#[derive(Default)]
struct Owner {
    crew: Crew,
    pieces: RefCell<Vec<u64>>,
    /// What another engine found of each piece, where it does them all.
    found: HashMap<u64, Cells>,
}

impl Host for Owner {
    fn update(&self, _: Update) {}
    fn now(&self) -> f64 {
        0.0
    }
    async fn breathe(&self) -> Result<(), Cancelled> {
        Ok(())
    }
    fn crew(&self) -> Option<&Crew> {
        Some(&self.crew)
    }
    async fn turn(&self, crew: &Crew) -> Turn {
        if !self.found.is_empty()
            && let Some(piece) = crew.take(7)
        {
            crew.deliver(7, self.found[&piece].clone());
        }
        let turn = crew.turn().await;
        if let Turn::Do(piece) = turn {
            self.pieces.borrow_mut().push(piece);
        }
        turn
    }
}

/// Does pieces for another engine, and tells what it found.
struct Helper {
    pieces: RefCell<Vec<u64>>,
    at: Cell<u64>,
    found: RefCell<HashMap<u64, Cells>>,
}

impl Host for Helper {
    fn update(&self, update: Update) {
        if let Update::Piece { cells } = update {
            self.found.borrow_mut().insert(self.at.get(), cells);
        }
    }
    fn now(&self) -> f64 {
        0.0
    }
    async fn breathe(&self) -> Result<(), Cancelled> {
        Ok(())
    }
    fn shares(&self) -> bool {
        true
    }
    async fn turn(&self, _: &Crew) -> Turn {
        match self.pieces.borrow_mut().pop() {
            Some(piece) => {
                self.at.set(piece);
                Turn::Do(piece)
            }
            None => Turn::Over,
        }
    }
}

#[test]
fn another_engine_finds_the_same_in_any_group() {
    let mut e = set(4);
    e.sweeps.push(Sweep {
        axes: Some(Axes::Paths {
            receiver: Receiver::Logits,
            through_mlps: false,
        }),
        ..Sweep::of(Site::Z, Mode::Denoising)
    });
    let owner = Owner::default();
    let in_groups = || {
        let mut session = session("mini", Cpu);
        session.set_kept_bytes(1);
        session
    };
    let alone = pollster::block_on(in_groups().run(&e, false, &owner)).unwrap();
    let pieces = owner.pieces.into_inner();
    assert!(
        pieces.iter().any(|p| p >> 32 == 3),
        "{pieces:?}: four groups"
    );
    let helper = Helper {
        // The last group first: each is made when a piece of it is wanted.
        pieces: RefCell::new(pieces.clone()),
        at: Cell::new(0),
        found: RefCell::default(),
    };
    let report = pollster::block_on(in_groups().run(&e, false, &helper)).unwrap();
    assert!(report.sweeps.is_empty(), "whoever helps has only pieces");
    let owner = Owner {
        found: helper.found.into_inner(),
        ..Owner::default()
    };
    assert_eq!(owner.found.len(), pieces.len());
    let shared = pollster::block_on(in_groups().run(&e, false, &owner)).unwrap();
    assert!(
        owner.pieces.into_inner().is_empty(),
        "the other did them all"
    );
    assert_eq!(shared.sweeps[0].engines, 2);
    for (a, b) in shared.sweeps.iter().zip(&alone.sweeps) {
        assert_eq!(
            (&a.values, &a.pairs, &a.intervals),
            (&b.values, &b.pairs, &b.intervals)
        );
    }
}

/// The messages told of a field, none of whose sweeps then ran.
fn refused(session: &mut Session<Cpu>, e: &Experiment, field: &str) -> String {
    let report = match run(session, e) {
        // Beyond a limit: nothing of it is run.
        Err(SessionError::Experiment {
            field: of,
            said: Said { message, .. },
        }) if of == *field => return message,
        report => report.unwrap(),
    };
    assert!(report.sweeps.is_empty(), "{field}: it ran");
    let problems = report.reading.problems.iter();
    let messages: Vec<String> = problems
        .filter(|p| p.field == field && p.fatal)
        .map(|p| p.message.clone())
        .collect();
    assert!(
        !messages.is_empty(),
        "{field}: {:?}",
        report.reading.problems
    );
    messages.join(" ")
}

#[test]
fn what_cannot_be_run_is_told_by_field() {
    let session = &mut session("mini", Cpu);
    let with = |change: &dyn Fn(&mut Experiment)| {
        let mut e = set(3);
        change(&mut e);
        e
    };
    let axes = |site, axes| {
        with(&|e| {
            e.sweeps = vec![Sweep {
                axes: Some(Axes::clone(&axes)),
                ..Sweep::of(site, Mode::Denoising)
            }];
        })
    };
    let bring = |bring: Bring| {
        with(&|e| {
            e.sweeps = vec![Sweep {
                bring: bring.clone(),
                ..Sweep::of(Site::Z, Mode::Noising)
            }];
        })
    };
    let part = |site, layer, neurons: Option<Vec<usize>>| Part {
        site,
        layer,
        head: None,
        neurons,
        positions: None,
    };
    let parts = |parts, others| axes(Site::Z, Axes::Parts { parts, others });
    let noise = |positions: Vec<usize>, sigma, draws| {
        with(&|e| {
            e.corruption = Corruption::Noise(Noise {
                positions: positions.clone(),
                sigma,
                seed: 0,
                draws,
            });
        })
    };
    let short = Pair {
        clean: Prompt::Text("When Tom and Paul went, Tom gave a bottle to".into()),
        ..pair(1)
    };
    let uneven = Pair {
        corrupted: short.clean.clone(),
        ..short.clone()
    };
    let cases: Vec<(&str, &str, Experiment)> = vec![
        (
            "pairs",
            "at most 1000",
            with(&|e| e.pairs = vec![pair(1); 10_000]),
        ),
        (
            "pairs",
            "Pair 4: the clean prompt has",
            with(&|e| e.pairs.push(short.clone())),
        ),
        (
            "pairs",
            "Pair 2: the clean prompt is empty",
            with(&|e| {
                e.bos = false;
                e.pairs[0].clean = Prompt::Text(String::new());
            }),
        ),
        (
            "pairs",
            "one token",
            with(&|e| e.pairs[1].answer = Some(" two words".into())),
        ),
        (
            "sweep",
            "one length",
            with(&|e| e.pairs.push(uneven.clone())),
        ),
        (
            "metrics",
            "nothing to measure",
            with(&|e| e.metrics.clear()),
        ),
        (
            "metrics",
            "at most",
            with(&|e| e.metrics = vec![e.metrics[1].clone(); 17]),
        ),
        (
            "answer",
            "empty",
            with(&|e| e.metrics[1].answer = Tokens::Any(Vec::new())),
        ),
        (
            "alignment",
            "does not",
            with(&|e| e.alignment = Some(vec![(3, 3), (2, 4)])),
        ),
        (
            "alignment",
            "does not",
            with(&|e| e.alignment = Some(vec![(0, 99)])),
        ),
        (
            "alignment",
            "twice in the clean prompt; its names are “Mary”",
            with(&|e| {
                e.roles = Role::ALL.to_vec();
                e.clean = Prompt::Text("Then Mary went to".into());
            }),
        ),
        (
            "alignment",
            "choose one of the two",
            with(&|e| (e.roles, e.alignment) = (vec![Role::End], Some(vec![(1, 1)]))),
        ),
        (
            "pairs",
            "Pair 4: the clean prompt has the names “Mary”, “Alice”, “Alice” and the corrupted one “Mary”",
            with(&|e| {
                e.roles = Role::ALL.to_vec();
                let mut pair = pair(0);
                pair.corrupted = Prompt::Text("Then Mary went to".into());
                e.pairs.push(pair);
            }),
        ),
        (
            "sweep",
            "nor from some positions",
            with(&|e| (e.roles, e.sweeps[0].site) = (Role::ALL.to_vec(), Site::Pattern)),
        ),
        ("corruption", "Choose the tokens", noise(vec![], 3.0, 2)),
        ("corruption", "position 99", noise(vec![99], 3.0, 2)),
        ("corruption", "standard deviations", noise(vec![1], 1e7, 2)),
        ("corruption", "1 to 100", noise(vec![1], 3.0, 0)),
        (
            "sweep",
            "1 to 4 layers",
            axes(Site::ResidPre, Axes::LayerPosition { window: 9 }),
        ),
        ("sweep", "no heads", axes(Site::MlpOut, Axes::HeadPosition)),
        (
            "sweep",
            "Position 99",
            axes(
                Site::Z,
                Axes::LayerHead {
                    positions: Some(vec![99]),
                },
            ),
        ),
        (
            "sweep",
            "No position",
            axes(
                Site::Z,
                Axes::LayerHead {
                    positions: Some(vec![]),
                },
            ),
        ),
        (
            "sweep",
            "Only a pattern",
            axes(Site::Z, Axes::DestinationSource { layer: 0, head: 0 }),
        ),
        (
            "sweep",
            "Head 99",
            axes(
                Site::Pattern,
                Axes::DestinationSource { layer: 0, head: 99 },
            ),
        ),
        (
            "sweep",
            "no neurons",
            axes(
                Site::Z,
                Axes::Neurons {
                    layer: 0,
                    positions: None,
                },
            ),
        ),
        (
            "sweep",
            "Layer 99",
            axes(
                Site::MlpPost,
                Axes::Neurons {
                    layer: 99,
                    positions: None,
                },
            ),
        ),
        ("sweep", "No part", parts(vec![], false)),
        (
            "sweep",
            "Layer 99",
            parts(vec![part(Site::MlpOut, 99, None)], false),
        ),
        (
            "sweep",
            "no neurons",
            parts(vec![part(Site::Z, 0, Some(vec![1]))], false),
        ),
        (
            "sweep",
            "choose some of them",
            parts(vec![part(Site::MlpPost, 0, Some(vec![]))], false),
        ),
        (
            "sweep",
            "belongs to one head",
            parts(vec![part(Site::Pattern, 0, None)], false),
        ),
        (
            "sweep",
            "not mlp_post",
            parts(vec![part(Site::MlpPost, 0, None)], true),
        ),
        (
            "sweep",
            "layer 0 reads",
            axes(
                Site::Z,
                Axes::Paths {
                    receiver: Receiver::Q { layer: 0, head: 0 },
                    through_mlps: false,
                },
            ),
        ),
        (
            "sweep",
            "give it as many",
            bring(Bring::Prompt {
                prompt: Prompt::Text("Too short".into()),
            }),
        ),
    ];
    for (field, sentence, e) in cases {
        let told = refused(session, &e, field);
        assert!(
            told.contains(sentence),
            "{field}: {told:?} lacks {sentence:?}"
        );
    }
    // Alone, a pair has nobody to be resampled from.
    let mut alone = bring(Bring::Resample { seed: 0 });
    alone.pairs.clear();
    assert!(refused(session, &alone, "sweep").contains("add pairs"));
    // Of prompts of different lengths, the offer is told.
    let apart = with(&|e| {
        e.pairs.clear();
        e.corrupted = Prompt::Text("When Mary went to the store, Mary gave a bottle to".into());
    });
    assert!(refused(session, &apart, "sweep").contains("aligned"));
    let report = run(session, &apart).unwrap();
    let aligned = Experiment {
        alignment: Some(report.reading.alignment),
        ..apart
    };
    let report = run(session, &aligned).unwrap();
    let columns = report.sweeps[0].columns().len();
    assert_eq!(columns, aligned.alignment.unwrap().len());
    session.forget();
    assert_eq!(
        session.slots().in_use(),
        0,
        "nothing of all that is left behind"
    );
}

/// Pairs that differ in length and in the order of names are patched at the
/// same roles: as each pair alone is, aligned by hand.
#[test]
fn roles_are_found_in_each_pair() {
    let text = |t: &str| Prompt::Text(t.into());
    let prompts = [
        (
            "When Mary and John went to the store, John gave a bottle to",
            "When Mary and Bob went to the store, Tom gave a bottle to",
            [2, 4, 10],
            [2, 4, 10],
        ),
        (
            "When John and Mary went to the store, John gave a bottle to",
            "Then, when Bob and Mary went to the store, Tom gave a bottle to",
            [4, 2, 10],
            [6, 4, 12],
        ),
        (
            "The day was long. After John and Mary went to the park, John gave the ring to",
            "After Bob and Mary went to the park, Tom gave the ring to",
            [9, 7, 15],
            [4, 2, 10],
        ),
    ];
    let one = |i: usize| Experiment {
        clean: text(prompts[i].0),
        corrupted: text(prompts[i].1),
        sweeps: [Site::ResidPre, Site::Z, Site::Embed]
            .map(|s| Sweep::of(s, Mode::Denoising))
            .to_vec(),
        ..Experiment::default()
    };
    let set = Experiment {
        roles: vec![Role::Io, Role::S1, Role::S2, Role::End],
        pairs: (1..3)
            .map(|i| Pair {
                clean: one(i).clean,
                corrupted: one(i).corrupted,
                answer: None,
                wrong: None,
            })
            .collect(),
        ..one(0)
    };
    let session = &mut session("mini", Cpu);
    let report = run(session, &set).unwrap();
    assert_eq!(report.sweeps[0].columns(), ["IO", "S1", "S2", "END"]);
    for (i, (.., clean, corrupted)) in prompts.iter().enumerate() {
        let plain = run(
            session,
            &Experiment {
                sweeps: Vec::new(),
                ..one(i)
            },
        )
        .unwrap();
        let [clean_end, corrupted_end] =
            [&plain.reading.clean, &plain.reading.corrupted].map(|t| t.len() - 1);
        let mut places: Vec<(usize, usize)> = clean.iter().copied().zip(*corrupted).collect();
        places.push((clean_end, corrupted_end));
        if i == 0 {
            assert_eq!(report.reading.roles, places);
        }
        // By hand, positions ascend.
        let mut order: Vec<usize> = (0..4).collect();
        order.sort_by_key(|r| places[*r]);
        let alone = Experiment {
            alignment: Some(order.iter().map(|r| places[*r]).collect()),
            ..one(i)
        };
        let alone = run(session, &alone).unwrap();
        for sweep in 0..3 {
            for (row, cells) in report.sweeps[sweep].pairs[i][0].iter().enumerate() {
                let own = &alone.sweeps[sweep].values[0][row];
                let found: Vec<f32> = match sweep {
                    1 => cells.iter().map(|v| v.unwrap()).collect(),
                    _ => order.iter().map(|r| cells[*r].unwrap()).collect(),
                };
                let expected: Vec<f32> = own.iter().map(|v| v.unwrap()).collect();
                close("at the roles", &found, &expected, 1e-5);
            }
        }
    }
}

trait Columns {
    fn columns(&self) -> Vec<String>;
}

impl Columns for patchbay_engine::experiment::SweepReport {
    fn columns(&self) -> Vec<String> {
        self.frame.columns.labels()
    }
}
