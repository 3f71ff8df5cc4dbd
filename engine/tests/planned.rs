//! The planned computation equals plain full passes: random runs over random
//! parents, with random edits at every kind of site and position.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{files, largest_difference};
use patchbay_engine::backend::Backend;
use patchbay_engine::experiment::Site;
use patchbay_engine::model::{Config, Gpt2, Patient, Store, Wanted};
use patchbay_engine::rows::{Edit, Op, Plan, Run, Source, Trace};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::rc::Rc;

const EDITED: [Site; 15] = [
    Site::Embed,
    Site::PosEmbed,
    Site::LnFinal,
    Site::ResidPre,
    Site::Q,
    Site::K,
    Site::V,
    Site::Pattern,
    Site::Z,
    Site::AttnOut,
    Site::ResidMid,
    Site::MlpPre,
    Site::MlpPost,
    Site::MlpOut,
    Site::ResidPost,
];

/// Everything that a trace can keep: a run's attention pattern has no fixed width.
fn kept() -> Vec<Site> {
    EDITED.into_iter().filter(|s| *s != Site::Pattern).collect()
}

struct Lab<B: Backend> {
    backend: B,
    model: Gpt2<B>,
    store: Store<B>,
}

/// What was read and captured of each run.
type Seen = Vec<(Vec<Option<Vec<f32>>>, Vec<Option<Vec<f32>>>)>;

impl<B: Backend> Lab<B> {
    fn new(name: &str, backend: B) -> Self {
        let files = files(name);
        let config = Config::from_json(&files.config).unwrap();
        let store = Store::new(config.shape);
        let model = Gpt2::load(&backend, config, &files.weights).unwrap();
        Self {
            backend,
            model,
            store,
        }
    }

    fn compute(&mut self, runs: &[Run]) -> Seen {
        let plan = Plan::new(&self.model.config.shape, runs).unwrap();
        let wanted = Wanted {
            all: true,
            ..Wanted::default()
        };
        pollster::block_on(async {
            let (b, m) = (&self.backend, &self.model);
            let outcome = m
                .forward(b, &plan, &mut self.store, &Patient)
                .await
                .unwrap();
            let (reads, captures) = m.read(b, runs, &plan, &outcome, &wanted).await.unwrap();
            let logits = reads
                .into_iter()
                .map(|of_run| of_run.into_iter().map(|l| l.map(|l| l.all)).collect());
            logits.zip(captures).collect()
        })
    }

    fn keep(&mut self, run: Run) -> Rc<Trace> {
        let run = run.kept(&self.store.pool, &kept());
        let trace = run.keep.clone().unwrap();
        self.compute(&[run]);
        trace
    }

    fn tokens(&self, rng: &mut StdRng, prefix: &[u32], len: usize) -> Rc<[u32]> {
        let n_vocab = self.model.config.shape.n_vocab as u32;
        let mut tokens = prefix.to_vec();
        while tokens.len() < len {
            tokens.push(rng.random_range(0..n_vocab));
        }
        tokens.into()
    }

    fn edit(&self, rng: &mut StdRng, len: usize, traces: &[Rc<Trace>]) -> Edit {
        let shape = self.model.config.shape;
        // Where rows enter is where an edit may be lost or made twice.
        let site = match rng.random_range(0..4) {
            0 => [Site::ResidPre, Site::ResidMid][rng.random_range(0..2)],
            _ => *EDITED.choose(rng).unwrap(),
        };
        let head =
            (site.per_head() && rng.random_bool(0.7)).then(|| rng.random_range(0..shape.n_head));
        let full = shape.width(site);
        let position = rng.random_range(0..len);
        let width = full.map(|w| if head.is_some() { w / shape.n_head } else { w });
        // Neurons, or the keys of one head's pattern; a row has those up to its own.
        let whole = width.or(head.map(|_| position + 1));
        let part = whole.filter(|_| rng.random_bool(0.3)).map(|whole| {
            let first = rng.random_range(0..whole);
            (first, rng.random_range(1..=whole - first))
        });
        // A pattern's numbers are brought for one head, one for each key of the run.
        let width = match (part, site) {
            (Some((_, count)), _) => Some(count),
            (None, Site::Pattern) => head.map(|_| len),
            (None, _) => width,
        };
        let scale = [0.0, 0.5, 1.0, -2.0][rng.random_range(0..4)];
        let op = match width {
            None => Op::Scale(scale),
            Some(width) => {
                let vector: Rc<[f32]> = (0..width).map(|_| rng.random_range(-2.0..2.0)).collect();
                let source = match site != Site::Pattern && rng.random_bool(0.5) {
                    true => {
                        let trace = traces.choose(rng).unwrap();
                        Source::Trace(trace.clone(), rng.random_range(0..trace.tokens.len()))
                    }
                    false => Source::Vector(vector.clone()),
                };
                match rng.random_range(0..6) {
                    0 | 1 => Op::Replace(source),
                    2 => Op::Add(source, scale),
                    3 => Op::Scale(scale),
                    4 => Op::CapProjection(vector, scale),
                    _ => Op::SetProjection(vector, scale),
                }
            }
        };
        Edit {
            site,
            layer: rng.random_range(0..site.layers(shape.n_layer)),
            head,
            part,
            position,
            op,
        }
    }

    /// A run over a random parent, with new tokens or edits or both.
    fn child(&self, rng: &mut StdRng, traces: &[Rc<Trace>]) -> Run {
        let parent = traces.choose(rng).unwrap();
        let mut run = Run::over(parent);
        let len = parent.tokens.len() + rng.random_range(0..3);
        run.tokens = self.tokens(rng, &parent.tokens, len);
        // The same position of another run, as a sweep copies it, is the case
        // in which the planner may find that there is nothing to do.
        if rng.random_bool(0.3) {
            let source = traces.choose(rng).unwrap().clone();
            let position = rng.random_range(0..source.tokens.len().min(len));
            let mut edit = self.edit(rng, len, traces);
            edit.site = *kept().choose(rng).unwrap();
            (edit.head, edit.part) = (None, None);
            edit.layer %= edit.site.layers(self.model.config.shape.n_layer);
            edit.position = position;
            edit.op = Op::Replace(Source::Trace(source, position));
            run.edits.push(edit);
        }
        for _ in 0..rng.random_range(0..4) {
            let mut edit = self.edit(rng, len, traces);
            // Edits that meet one of the parent's are the ones that can go wrong.
            if let (Some(met), true) = (parent.edits.choose(rng), rng.random_bool(0.5)) {
                edit.layer = met.layer % edit.site.layers(self.model.config.shape.n_layer);
                // Some keys of a pattern are there for some positions only.
                if edit.site != Site::Pattern || edit.part.is_none() {
                    edit.position = met.position;
                }
            }
            run.edits.push(edit);
        }
        run.reads = (0..len).filter(|_| rng.random_bool(0.4)).collect();
        for _ in 0..rng.random_range(0..4) {
            let site = *kept().choose(rng).unwrap();
            let layer = rng.random_range(0..site.layers(self.model.config.shape.n_layer));
            run.captures.push((site, layer, rng.random_range(0..len)));
        }
        run
    }

    /// The same run with nothing to lean on: every row of every layer computed.
    fn plain(run: &Run) -> Run {
        let inherited = run.parent.as_ref().map_or(&[][..], |p| &p.edits);
        Run {
            parent: None,
            keep: None,
            edits: inherited.iter().chain(&run.edits).cloned().collect(),
            ..run.clone()
        }
    }

    fn check(&mut self, seed: u64) -> f32 {
        let rng = &mut StdRng::seed_from_u64(seed);
        let len = rng.random_range(2..9);
        let a = self.tokens(rng, &[], len);
        let shared = rng.random_range(0..len);
        let b = self.tokens(rng, &a[..shared], len);
        let mut traces = vec![self.keep(Run::of(a.clone())), self.keep(Run::of(b))];
        // Parents that are edited themselves, and parents of parents.
        for _ in 0..2 {
            let mut run = self.child(rng, &traces);
            (run.reads, run.captures) = (Vec::new(), Vec::new());
            let kept = self.keep(run);
            traces.push(kept);
        }
        let runs: Vec<Run> = (0..rng.random_range(1..6))
            .map(|_| self.child(rng, &traces))
            .collect();
        let found = self.compute(&runs);
        let mut most: f32 = 0.0;
        for (run, (reads, captures)) in runs.iter().zip(found) {
            let plain = self.compute(&[Self::plain(run)]).remove(0);
            let both = reads
                .into_iter()
                .zip(plain.0)
                .chain(captures.into_iter().zip(plain.1));
            for (i, (found, expected)) in both.enumerate() {
                let expected = expected.unwrap();
                // What the edits do not reach is as the parent's.
                let found = found.unwrap_or_else(|| {
                    let parent = run.parent.as_ref().unwrap();
                    let mut of_parent = Run::of(parent.tokens.clone());
                    of_parent.edits = parent.edits.to_vec();
                    match run.reads.get(i) {
                        Some(p) => of_parent.reads.push(*p),
                        None => of_parent.captures.push(run.captures[i - run.reads.len()]),
                    }
                    let (reads, captures) = self.compute(&[of_parent]).remove(0);
                    reads.into_iter().chain(captures).next().unwrap().unwrap()
                });
                let difference = largest_difference(&found, &expected);
                assert!(difference < 2e-4, "seed {seed}: {difference:.2e}\n{run:#?}");
                most = most.max(difference);
            }
        }
        drop((traces, runs));
        assert_eq!(
            self.store.pool.in_use(),
            0,
            "seed {seed}: slots left behind"
        );
        most
    }
}

fn planned_equals_plain<B: Backend>(backend: impl Fn() -> B, seeds: u64) {
    for (i, model) in ["deep", "half", "bare", "inverse"].into_iter().enumerate() {
        let mut lab = Lab::new(model, backend());
        let first = 10_000 * i as u64;
        let most = (first..first + seeds)
            .map(|s| lab.check(s))
            .fold(0.0, f32::max);
        println!("{model}: {seeds} random batches, largest difference {most:.1e}");
    }
}

#[test]
fn cpu_planned_equals_plain() {
    planned_equals_plain(|| patchbay_engine::backend::cpu::Cpu, 150);
}

#[cfg(feature = "webgpu")]
#[test]
fn webgpu_planned_equals_plain() {
    if let Some(gpu) = crate::common::gpu(None) {
        planned_equals_plain(|| gpu.clone(), 15);
    }
}
