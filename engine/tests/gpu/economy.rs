//! What a pass, a chunk of a sweep and a written token may ask of the device.

use crate::common::{files, session};
use crate::gpu::gpu;
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::gpu::Gpu;
use patchbay_engine::experiment::{
    Counters, Direction, Experiment, Generate, Metric, MetricKind, Mode, Operator, Positions,
    Prompt, Report, Site, Source, Steer, Steered, Sweep, TokenRef, Tokens, Unit, Update,
};
use patchbay_engine::model::{Cancelled, Config, Gpt2, Patient, Store};
use patchbay_engine::rows::{Plan, Run};
use patchbay_engine::session::{Host, Session};
use pollster::block_on;
use std::cell::RefCell;

/// Notes what the device was asked to do by the time of each update.
struct Watch {
    gpu: Gpu,
    seen: RefCell<Vec<(Update, Counters)>>,
}

impl Host for Watch {
    fn update(&self, update: Update) {
        let counters = self.gpu.counters();
        self.seen.borrow_mut().push((update, counters));
    }

    fn now(&self) -> f64 {
        std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() * 1000.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        Ok(())
    }
}

/// Runs an experiment; the report, and what each step between the updates that
/// `is` names took.
fn watched(
    session: &mut Session<Gpu>,
    gpu: &Gpu,
    experiment: &Experiment,
    is: fn(&Update) -> bool,
) -> (Report, Vec<Counters>) {
    let watch = Watch {
        gpu: gpu.clone(),
        seen: RefCell::default(),
    };
    let report = block_on(session.run(experiment, false, &watch)).unwrap();
    let seen = watch.seen.into_inner();
    let at: Vec<Counters> = seen.iter().filter(|s| is(&s.0)).map(|s| s.1).collect();
    (report, at.windows(2).map(|w| w[1] - w[0]).collect())
}

/// Two prompts of `len` tokens that differ from the first on.
fn experiment(len: u32, kind: MetricKind, sweep: Option<Sweep>) -> Experiment {
    let tokens = |first: u32| Prompt::Tokens((0..len).map(|i| first + 3 * i).collect());
    Experiment {
        clean: tokens(300),
        corrupted: tokens(301),
        metrics: vec![Metric {
            kind,
            answer: Tokens::One(TokenRef::Id(400)),
            wrong: Some(Tokens::One(TokenRef::Id(500))),
        }],
        sweeps: sweep.into_iter().collect(),
        ..Experiment::default()
    }
}

#[test]
fn a_plain_pass_takes_at_most_eight_dispatches_a_layer() {
    let Some(gpu) = &gpu() else { return };
    let files = files("mini");
    let config = Config::from_json(&files.config).unwrap();
    let shape = config.shape;
    let mut store = Store::new(shape);
    let model = Gpt2::load(gpu, config, &files.weights).unwrap();
    let run = Run {
        reads: vec![14],
        ..Run::of((300..315).collect())
    };
    let plan = Plan::new(&shape, &[run]).unwrap();
    let before = gpu.counters();
    block_on(model.forward(gpu, &plan, &mut store, &Patient)).unwrap();
    let pass = gpu.counters() - before;
    println!("{} layers: {pass:?}", shape.n_layer);
    assert!(pass.dispatches > 0 && pass.dispatches <= 8 * shape.n_layer as u64);
    assert_eq!(pass.submissions, 0, "nothing was read yet");
}

#[test]
fn a_chunk_is_one_submission_and_makes_no_buffers() {
    let Some(gpu) = gpu() else { return };
    gpu.prepare();
    assert!(gpu.counters().pipelines_made > 10);
    let mut session = session("mini", gpu.clone());
    let boundary = |u: &Update| matches!(u, Update::Estimate(_) | Update::Cells { .. });
    for (site, kind) in [
        (Site::ResidPre, MetricKind::LogitDifference),
        (Site::Z, MetricKind::LogProbability),
        (Site::MlpOut, MetricKind::Probability),
    ] {
        for mode in [Mode::Denoising, Mode::Noising] {
            let experiment = experiment(26, kind, Some(Sweep::of(site, mode)));
            let (report, chunks) = watched(&mut session, &gpu, &experiment, boundary);
            println!("{site} {mode:?}: {} chunks, {chunks:?}", chunks.len());
            assert!(chunks.len() > 1, "{site}: one chunk says little");
            for (i, chunk) in chunks.iter().enumerate() {
                assert_eq!(chunk.submissions, 1, "{site} {mode:?}, chunk {i}");
                assert_eq!(chunk.pipelines_made, 0, "{site} {mode:?}, chunk {i}");
                // Of the second sweep of a site on, and of the second chunk of the first.
                if i > 0 || mode == Mode::Noising {
                    assert_eq!(chunk.buffers_made, 0, "{site} {mode:?}, chunk {i}");
                }
                // Entering, an edit, and two things that rows enter attention with.
                let most = 13 * report.model.n_layer as u64 + 8;
                assert!(chunk.dispatches <= most, "{site} {mode:?}, chunk {i}");
            }
            let device = report.sweeps[0].clone().device.unwrap();
            assert_eq!(device.submissions, chunks.len() as u64);
            let dispatches: u64 = chunks.iter().map(|c| c.dispatches).sum();
            assert_eq!(device.dispatches, dispatches);
            assert!(device.bytes_read > 0 && device.bytes_written > 0);
        }
    }
}

#[test]
fn two_hundred_sweeps_make_no_buffers() {
    let Some(gpu) = gpu() else { return };
    let mut session = session("mini", gpu.clone());
    let site = Site::ResidPre;
    let mut made = 0;
    for i in 0..204 {
        // Never the same sweep twice in a row, which would be remembered.
        let mode = [Mode::Denoising, Mode::Noising][i % 2];
        let kind = [MetricKind::LogitDifference, MetricKind::Probability][i / 2 % 2];
        let experiment = experiment(4, kind, Some(Sweep::of(site, mode)));
        let (report, _) = watched(&mut session, &gpu, &experiment, |_| false);
        assert!(report.sweeps[0].device.is_some());
        match i {
            0..4 => made = gpu.counters().buffers_made,
            _ => assert_eq!(gpu.counters().buffers_made, made, "sweep {i}"),
        }
    }
}

#[test]
fn a_token_is_one_submission_and_one_read() {
    let Some(gpu) = gpu() else { return };
    let mut session = endless(&gpu);
    written_at_a_small_price(&mut session, &gpu, None);
}

/// A direction takes one more dispatch where it acts, and nothing else.
#[test]
fn a_steered_token_is_one_submission_and_one_read() {
    let Some(gpu) = gpu() else { return };
    let mut session = endless(&gpu);
    let direction = Direction {
        name: "random".into(),
        source: Source::Random { seed: 1 },
        site: Site::ResidPre,
        layers: vec![2],
        from: None,
        positions: Positions::All,
        operator: Operator::Add,
        coefficient: 2.0,
        unit: Unit::Absolute,
    };
    written_at_a_small_price(&mut session, &gpu, Some(direction));
}

/// The mini model without a token that ends a text, so that texts are long.
fn endless(gpu: &Gpu) -> Session<Gpu> {
    let mut files = files("mini");
    let config = String::from_utf8(files.config).unwrap();
    let without = config.replace("\"eos_token_id\": 2891", "\"eos_token_id\": null");
    assert_ne!(config, without);
    files.config = without.into_bytes();
    Session::load("mini", &files, gpu.clone()).unwrap()
}

fn written_at_a_small_price(session: &mut Session<Gpu>, gpu: &Gpu, direction: Option<Direction>) {
    let extra = u64::from(direction.is_some());
    let experiment = Experiment {
        generate: Some(Generate {
            tokens: 40,
            repetition_penalty: 1.0,
        }),
        steered: direction.as_ref().map(|_| Steered::Both),
        steer: direction.map(|direction| Steer {
            directions: vec![direction],
            ..crate::common::love()
        }),
        ..experiment(6, MetricKind::Probability, None)
    };
    let boundary = |u: &Update| matches!(u, Update::Progress(p) if p.total == 40);
    // The first time, what is kept finds its room.
    watched(session, gpu, &experiment, boundary);
    let (report, steps) = watched(session, gpu, &experiment, boundary);
    let layers = report.model.n_layer as u64;
    // A beat a layer; the last of a token is followed by its reading.
    let tokens: Vec<Counters> = steps
        .chunks_exact(report.model.n_layer)
        .map(|beats| {
            let sum = |f: fn(&Counters) -> u64| beats.iter().map(f).sum();
            Counters {
                dispatches: sum(|c| c.dispatches),
                submissions: sum(|c| c.submissions),
                buffers_made: sum(|c| c.buffers_made),
                ..Counters::default()
            }
        })
        .collect();
    assert!(tokens.len() > 30);
    println!("{:?}", tokens[3]);
    for (i, token) in tokens.iter().enumerate().filter(|(i, _)| *i != 38) {
        let most = 8 * layers + 4 + extra;
        assert!(token.dispatches <= most, "token {i}: {token:?}");
        assert_eq!(token.submissions, 1, "token {i}");
        assert_eq!(token.buffers_made, 0, "token {i}");
    }
}
