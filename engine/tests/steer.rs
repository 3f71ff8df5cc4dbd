//! Steering on the mini and on random models: that it does what it says, and
//! refuses what makes no sense.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Listener, largest_difference, session};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Capture, Direction, Experiment, LayerVector, Matrix, Method, Operator, Positions, Prompt, Room,
    RunName, Sample, Sampling, Site, Source, Steer, SteerMap, SteerReport, SteerUpdate, TokenRef,
    Unit, Update, Written,
};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Session, SessionError};

fn steering(steer: Steer) -> Experiment {
    Experiment {
        room: Room::Steering,
        steer: Some(steer),
        ..Experiment::default()
    }
}

fn run<B: Backend>(session: &mut Session<B>, steer: Steer) -> Result<SteerReport, SessionError> {
    let found = pollster::block_on(session.run(&steering(steer), false, &Listener::default()))?;
    session.forget();
    assert_eq!(session.slots().in_use(), 0, "slots left behind");
    Ok(found.steer.unwrap())
}

fn ids(written: &[Written]) -> Vec<u32> {
    written.iter().map(|w| w.token.id).collect()
}

fn texts(samples: &[Sample], side: impl Fn(&Sample) -> &Vec<Written>) -> Vec<Vec<u32>> {
    samples.iter().map(|s| ids(side(s))).collect()
}

#[test]
fn the_example_turns_hate_into_love() {
    let report = run(&mut session("mini", Cpu), crate::common::love()).unwrap();
    let summary = report.summary.unwrap();
    assert_eq!(report.samples.len(), 3);
    assert!(
        summary.steered.words.unwrap() > summary.unsteered.words.unwrap(),
        "{summary:?}"
    );
    let direction = &report.directions[0];
    // Which words they are depends on the weights.
    assert!(!direction.promoted.is_empty());
    for t in &direction.promoted {
        let id = t.token.id;
        assert!(direction.suppressed.iter().all(|s| s.token.id != id));
    }
    assert!(direction.norm > 1.0 && direction.mean_norms.len() == 4);
    assert!((direction.cosines[0] - 1.0).abs() < 1e-6);
    assert_eq!(direction.projections.len(), 4);
    assert_eq!(direction.projections[2].len(), report.prompt.len());
}

/// The bar: more continuations change class than under the best of
/// twenty random directions of the same norm, within a cap on perplexity.
#[test]
fn the_direction_beats_twenty_random_ones() {
    const CAP: f32 = 4.0;
    let session = &mut session("mini", Cpu);
    let mut steer = crate::common::love();
    steer.sampling.samples = 16;
    let of = |report: &SteerReport| {
        let s = report.summary.unwrap();
        (
            s.steered.words.unwrap(),
            s.steered.perplexity / s.unsteered.perplexity,
            s.unsteered.words.unwrap(),
        )
    };
    let (found, cost, before) = of(&run(session, steer.clone()).unwrap());
    println!("love: {before} to {found} at {cost:.2} times the perplexity");
    assert!(cost <= CAP, "{cost}");
    let mut best: f32 = 0.0;
    for seed in 0..20 {
        steer.directions[0].source = Source::Random { seed };
        let (share, ..) = of(&run(session, steer.clone()).unwrap());
        best = best.max(share);
    }
    println!("best of twenty random directions: {best}");
    assert!(found > best, "{found} and {best}");
}

#[test]
fn a_coefficient_of_zero_is_the_unsteered_run() {
    let session = &mut session("mini", Cpu);
    let mut steer = crate::common::love();
    for operator in [Operator::Add, Operator::Subtract] {
        steer.directions[0].operator = operator;
        steer.directions[0].coefficient = 0.0;
        for sample in run(session, steer.clone()).unwrap().samples {
            assert_eq!(ids(&sample.steered), ids(&sample.unsteered));
            for (s, u) in sample.steered.iter().zip(&sample.unsteered) {
                assert_eq!((s.probability, &s.top), (u.probability, &u.top));
                assert_eq!(s.unsteered.as_ref().unwrap().kl, 0.0);
            }
        }
    }
}

/// Token by token with edits over a cache gives the distribution of one plain
/// pass over the same text: the unsteered reader's against captured logits.
#[test]
fn the_reader_sees_what_a_plain_pass_sees() {
    let session = &mut session("mini", Cpu);
    let report = run(session, crate::common::love()).unwrap();
    let sample = &report.samples[1];
    let mut tokens: Vec<u32> = report.prompt.iter().map(|t| t.id).collect();
    let first = tokens.len() - 1;
    tokens.extend(ids(&sample.steered));
    let plain = Experiment {
        clean: Prompt::Tokens(tokens.clone()),
        corrupted: Prompt::Tokens(tokens),
        sweeps: Vec::new(),
        captures: vec![Capture {
            run: RunName::Clean,
            site: Site::Logits,
            layer: None,
            positions: Some((first..first + sample.steered.len()).collect()),
        }],
        ..Experiment::default()
    };
    let plain = pollster::block_on(session.run(&plain, false, &Listener::default())).unwrap();
    let logits = &plain.captures[0];
    for (i, written) in sample.steered.iter().enumerate() {
        let row = &logits.values[i * logits.shape[1]..(i + 1) * logits.shape[1]];
        let view = written.unsteered.as_ref().unwrap();
        for top in &view.top {
            let expected = row[top.token.id as usize];
            assert!(
                (top.logit - expected).abs() < 2e-4,
                "{i}: {} {expected}",
                top.logit
            );
        }
    }
}

#[test]
fn the_same_seed_writes_the_same_and_another_does_not() {
    let mut steer = crate::common::love();
    let write = |steer: &Steer| {
        run(&mut session("mini", Cpu), steer.clone())
            .unwrap()
            .samples
    };
    let first = write(&steer);
    assert_eq!(first, write(&steer));
    // More of them leave those there were as they are, but for rounding.
    steer.sampling.samples = 5;
    let more = write(&steer);
    assert_eq!(
        texts(&more, |s| &s.steered)[..3],
        texts(&first, |s| &s.steered)
    );
    // Going on leaves what was written as it is.
    steer.sampling.samples = 3;
    steer.sampling.tokens = 30;
    for (longer, shorter) in write(&steer).iter().zip(&first) {
        assert!(ids(&longer.steered).starts_with(&ids(&shorter.steered)));
    }
    steer.sampling.seed = 1;
    assert_ne!(
        texts(&write(&steer), |s| &s.unsteered),
        texts(&first, |s| &s.unsteered)
    );
}

#[test]
fn what_was_found_before_is_not_found_again() {
    let session = &mut session("mini", Cpu);
    let mut steer = crate::common::love();
    let first = run(session, steer.clone()).unwrap();
    steer.directions[0].coefficient = 0.4;
    run(session, steer.clone()).unwrap();
    steer.directions[0].coefficient = 0.8;
    let again = run(session, steer).unwrap();
    assert_eq!(
        texts(&first.samples, |s| &s.steered),
        texts(&again.samples, |s| &s.steered)
    );
    assert_eq!(first.directions, again.directions);
}

#[test]
fn text_is_streamed_as_it_is_written() {
    let listener = Listener::default();
    let mut session = session("mini", Cpu);
    let report =
        pollster::block_on(session.run(&steering(crate::common::love()), false, &listener));
    let samples = report.unwrap().steer.unwrap().samples;
    let mut heard = vec![Sample::default(); samples.len()];
    for update in listener.0.borrow().iter() {
        if let Update::Steer(SteerUpdate::Written {
            sample,
            steered,
            from,
            tokens,
        }) = update
        {
            let side = match steered {
                true => &mut heard[*sample].steered,
                false => &mut heard[*sample].unsteered,
            };
            assert_eq!(side.len(), *from, "in order");
            side.extend(tokens.clone());
        }
    }
    assert_eq!(heard, samples);
}

/// Every operator and position predicate through generation, against what
/// they promise about projections at the site.
#[test]
fn operators_do_what_they_say() {
    let session = &mut session("mini", Cpu);
    let greedy = |d: Direction| Steer {
        directions: vec![d],
        sampling: Sampling {
            tokens: 6,
            temperature: 0.0,
            ..Sampling::default()
        },
        words: Vec::new(),
        ..crate::common::love()
    };
    let example = crate::common::love().directions.remove(0);
    let with = |operator, positions, coefficient| Direction {
        operator,
        positions,
        coefficient,
        unit: Unit::Absolute,
        ..example.clone()
    };
    let written =
        |session: &mut Session<Cpu>, d| run(session, greedy(d)).unwrap().samples.remove(0);
    // The first run writes the unsteered text, too, which the others remember: of
    // another number of rows a product may be rounded otherwise.
    written(session, with(Operator::Add, Positions::All, 1.0));
    // Adding and subtracting the opposite are one thing.
    let add = written(session, with(Operator::Add, Positions::All, 2.0));
    let subtract = written(session, with(Operator::Subtract, Positions::All, -2.0));
    assert_eq!(add, subtract);
    assert_ne!(ids(&add.steered), ids(&add.unsteered));
    // Taking out is setting to nothing, and a cap that nothing reaches does nothing.
    let out = written(session, with(Operator::ProjectOut, Positions::All, 9.0));
    let zero = written(session, with(Operator::SetProjection, Positions::All, 0.0));
    assert_eq!(out, zero);
    let high = written(session, with(Operator::Cap, Positions::All, 1e6));
    for w in &high.steered {
        assert!(w.unsteered.as_ref().unwrap().kl < 1e-6);
    }
    let low = written(session, with(Operator::Cap, Positions::All, -1e3));
    let set = written(session, with(Operator::SetProjection, Positions::All, -1e3));
    assert_eq!(ids(&low.steered), ids(&set.steered), "all lie above it");
    // The prompt and what follows make up everything; the last token and what
    // follows make the first token steered.
    let generated = written(session, with(Operator::Add, Positions::Generated, 2.0));
    assert_eq!(generated.steered[0].unsteered.as_ref().unwrap().kl, 0.0);
    let last = written(session, with(Operator::Add, Positions::Last, 2.0));
    assert!(last.steered[0].unsteered.as_ref().unwrap().kl > 0.0);
    let first = written(session, with(Operator::Add, Positions::First(100), 2.0));
    assert_eq!(ids(&first.steered), ids(&add.steered));
    let none = run(
        session,
        greedy(with(Operator::Add, Positions::Chosen(vec![]), 2.0)),
    );
    assert!(none.unwrap_err().to_string().contains("no position"));
    let prompt = written(session, with(Operator::Add, Positions::Prompt, 2.0));
    let chosen = written(
        session,
        with(Operator::Add, Positions::Chosen((0..5).collect()), 2.0),
    );
    assert_eq!(prompt, chosen, "BOS and four words");
}

/// Activation addition: the rows of a pair on the prompt's own rows. At layer 0
/// adding " love" less " hate" where " hate" stands makes the prompt's rows those of love.
#[test]
fn an_aligned_pair_replaces_a_word() {
    let session = &mut session("mini", Cpu);
    let greedy = |prompt: &str, directions| Steer {
        prompt: Prompt::Text(prompt.into()),
        directions,
        sampling: Sampling {
            tokens: 5,
            temperature: 0.0,
            ..Sampling::default()
        },
        words: Vec::new(),
        map: None,
        detector: None,
    };
    let pair = |positive: &str, negative: &str, positions| Direction {
        source: Source::Pair {
            positive: positive.into(),
            negative: negative.into(),
        },
        layers: vec![0],
        positions,
        coefficient: 1.0,
        unit: Unit::Absolute,
        ..crate::common::love().directions.remove(0)
    };
    let loved = run(session, greedy("I love you because", vec![])).unwrap();
    for (positions, positive, negative) in [
        (Positions::AlignedFront, "I love", "I hate"),
        (
            Positions::AlignedBack,
            "I love you because",
            "I hate you because",
        ),
    ] {
        let made = greedy(
            "I hate you because",
            vec![pair(positive, negative, positions)],
        );
        let made = run(session, made).unwrap();
        assert_eq!(
            ids(&made.samples[0].steered),
            ids(&loved.samples[0].unsteered)
        );
    }
}

/// A file has no prompts that could be alike: its zeros do nothing, and that is
/// told; the other layers act.
#[test]
fn zeros_of_a_file_do_nothing_and_say_so() {
    let session = &mut session("mini", Cpu);
    let of = |layers: &[usize]| {
        let values = |layer: usize| match layer {
            2 => vec![0.0; 128],
            _ => (0..128u8).map(|i| f32::from(i % 7) - 3.0).collect(),
        };
        let direction = Direction {
            source: Source::Vectors {
                origin: "The file love.gguf".into(),
                vectors: [1, 2, 3]
                    .map(|layer| LayerVector {
                        layer,
                        values: values(layer),
                    })
                    .into(),
            },
            site: Site::ResidPost,
            layers: layers.to_vec(),
            coefficient: 1.0,
            ..crate::common::love().directions.remove(0)
        };
        let sampling = Sampling {
            temperature: 0.0,
            tokens: 3,
            ..Sampling::default()
        };
        Steer {
            directions: vec![direction],
            sampling,
            ..crate::common::love()
        }
    };
    for unit in [Unit::Absolute, Unit::MeanNorm] {
        for operator in [Operator::Add, Operator::ProjectOut, Operator::Cap] {
            let mut steer = of(&[2]);
            (steer.directions[0].unit, steer.directions[0].operator) = (unit, operator);
            let report = run(session, steer).unwrap();
            for sample in &report.samples {
                assert_eq!(ids(&sample.steered), ids(&sample.unsteered));
            }
            let direction = &report.directions[0];
            assert_eq!(
                direction.origin,
                "The file love.gguf; its vector for layer 2 is all zeros and does nothing"
            );
            assert_eq!((direction.layer, direction.norm), (2, 0.0));
            assert!(direction.promoted.is_empty() && direction.suppressed.is_empty());
        }
    }
    let both = run(session, of(&[2, 3])).unwrap();
    let alone = run(session, of(&[3])).unwrap();
    assert_eq!(both.samples, alone.samples);
    assert_eq!(both.directions[0].layer, 3);
    // In a map a layer that does nothing is left out, or refused by name.
    let map = |layers: Vec<usize>| {
        let map = SteerMap {
            layers,
            coefficients: vec![1.0],
            targets: vec![TokenRef::Text(" love".into())],
            ..SteerMap::default()
        };
        Steer {
            map: Some(map),
            ..of(&[3])
        }
    };
    let found = run(session, map(Vec::new())).unwrap().map.unwrap();
    assert_eq!(found.layers, [1, 3]);
    let refused = run(session, map(vec![1, 2])).unwrap_err().to_string();
    assert!(refused.contains("The map names layer 2"), "{refused}");
    let mut steer = of(&[3]);
    if let Source::Vectors { vectors, .. } = &mut steer.directions[0].source {
        vectors[1].layer = 1;
    }
    let error = run(session, steer).unwrap_err().to_string();
    assert!(
        error.contains("more than one vector for layer 1"),
        "{error}"
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let session = &mut session("mini", Cpu);
    let example = crate::common::love().directions.remove(0);
    let source = |source| Direction {
        source,
        ..example.clone()
    };
    let vectors = |layer, values: Vec<f32>| {
        source(Source::Vectors {
            origin: "a file".into(),
            vectors: vec![LayerVector { layer, values }],
        })
    };
    let contrast = |positive: &[&str], negative: &[&str], method| {
        let lines = |l: &[&str]| l.iter().map(ToString::to_string).collect();
        source(Source::Contrast {
            positive: lines(positive),
            negative: lines(negative),
            method,
        })
    };
    let token = |text: &str| {
        source(Source::Token {
            token: TokenRef::Text(text.into()),
            minus: None,
            matrix: Matrix::Unembedding,
        })
    };
    let acting = |positions| Direction {
        positions,
        ..example.clone()
    };
    let directions = [
        (vectors(2, vec![1.0; 127]), "127 numbers"),
        (vectors(7, vec![1.0; 128]), "another model"),
        (vectors(2, vec![f32::NAN; 128]), "finite"),
        (vectors(1, vec![1.0; 128]), "no vector for layer 2"),
        (contrast(&[], &["a"], Method::MeanDifference), "no positive"),
        (contrast(&["a"], &[], Method::Logistic), "no negative"),
        (contrast(&["a", "b"], &["c"], Method::PcaDiff), "as many"),
        (contrast(&["a"], &["c"], Method::PcaCenter), "two pairs"),
        (
            contrast(&["a"], &["a"], Method::MeanDifference),
            "points nowhere",
        ),
        (token(" love hate"), "2 tokens"),
        (token(""), "Choose a token"),
        (
            source(Source::Neuron {
                layer: 0,
                neuron: 9_999,
            }),
            "no neuron 9999",
        ),
        (
            Direction {
                layers: vec![4],
                ..example.clone()
            },
            "no layer 4",
        ),
        (
            Direction {
                layers: vec![],
                ..example.clone()
            },
            "no layer",
        ),
        (
            Direction {
                site: Site::Q,
                ..example.clone()
            },
            "vector of the residual stream",
        ),
        (
            acting(Positions::First(129)),
            "no position 128; this model reads positions 0 to 127",
        ),
        (acting(Positions::First(0)), "no position; choose"),
        (acting(Positions::Chosen(vec![127, 200])), "no position 200"),
        (acting(Positions::Chosen(vec![])), "no position; choose"),
        (
            Direction {
                coefficient: f32::NAN,
                ..example.clone()
            },
            "not finite",
        ),
        (
            Direction {
                coefficient: 1e38,
                ..example.clone()
            },
            "too large",
        ),
    ];
    for (direction, reason) in directions {
        let steer = Steer {
            directions: vec![direction],
            ..crate::common::love()
        };
        match run(session, steer) {
            Err(SessionError::Experiment {
                field,
                said: Said { message, .. },
            }) => {
                assert!(
                    field.to_string().starts_with("steer.directions.0"),
                    "{field}"
                );
                assert!(message.contains(reason), "{reason}: {message}");
            }
            other => panic!("{reason}: {other:?}"),
        }
    }
    let sampling = |change: &dyn Fn(&mut Sampling)| {
        let mut steer = crate::common::love();
        change(&mut steer.sampling);
        steer
    };
    let settings = [
        sampling(&|s| s.temperature = -1.0),
        sampling(&|s| s.temperature = f32::NAN),
        sampling(&|s| s.top_p = Some(0.0)),
        sampling(&|s| s.top_k = Some(0)),
        sampling(&|s| s.repetition_penalty = 0.0),
        sampling(&|s| s.frequency_penalty = f32::INFINITY),
        sampling(&|s| s.samples = 0),
        sampling(&|s| s.samples = 1_000),
    ];
    for steer in settings {
        match run(session, steer) {
            Err(SessionError::Experiment { field, .. }) => assert_eq!(field, "steer.sampling"),
            other => panic!("{other:?}"),
        }
    }
    // Far too strong is nonsense, but not an error.
    let mut steer = crate::common::love();
    steer.directions[0].coefficient = 1e9;
    let report = run(session, steer.clone()).unwrap();
    assert!(report.summary.unwrap().steered.perplexity > 100.0);
    steer.prompt = Prompt::Text(" I".repeat(127));
    assert!(matches!(
        run(session, steer),
        Err(SessionError::Experiment { .. })
    ));
}

#[cfg(feature = "webgpu")]
#[test]
fn both_backends_draw_the_same_tokens() {
    let Some(gpu) = crate::common::gpu(None) else {
        return;
    };
    let mut steer = crate::common::love();
    steer.sampling.tokens = 12;
    let cpu = run(&mut session("mini", Cpu), steer.clone()).unwrap();
    let gpu = run(&mut session("mini", gpu), steer).unwrap();
    for side in
        [|s: &Sample| &s.unsteered, |s: &Sample| &s.steered] as [fn(&Sample) -> &Vec<Written>; 2]
    {
        assert_eq!(texts(&gpu.samples, side), texts(&cpu.samples, side));
    }
    for (c, g) in cpu.directions.iter().zip(&gpu.directions) {
        assert!(largest_difference(&g.mean_norms, &c.mean_norms) < 2e-4);
        let flat = |p: &Vec<Vec<f32>>| p.concat();
        assert!(largest_difference(&flat(&g.projections), &flat(&c.projections)) < 2e-3);
    }
}

#[test]
fn a_token_is_raised_more_than_chance_raises_any() {
    let session = &mut session("mini", Cpu);
    let mut of = |source: Source| {
        let mut steer = crate::common::love();
        steer.sampling.samples = 1;
        steer.sampling.tokens = 1;
        steer.directions[0].source = source;
        run(session, steer).unwrap().directions.remove(0)
    };
    let token = |text: &str| TokenRef::Text(text.into());
    let love = of(Source::Token {
        token: token(" love"),
        minus: Some(token(" hate")),
        matrix: Matrix::Unembedding,
    });
    assert_eq!(love.promoted[0].token.text, " love");
    assert!(love.promoted[0].score > love.promoted_by_chance);
    // Some random directions raise a token by more than that, and some do not.
    let random = (10..20).map(|seed| of(Source::Random { seed }));
    let above = random.filter(|r| r.promoted[0].score > r.promoted_by_chance);
    let above = above.count();
    assert!((1..10).contains(&above), "{above} of 10");
}
