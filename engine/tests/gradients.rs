//! The pass backwards: against central differences of the pass forwards, at every site;
//! against PyTorch's autograd and relevance patching's own code; and what attribution
//! patching makes of it. `tests/oracles/README.md` says what `values/gradients` holds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Listener, Oracle, close, files, ids, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::backend::{Backend, Rule};
use patchbay_engine::experiment::{
    Attribution, AttributionMethod, Capture, Experiment, Metric, MetricKind, Mode, Prompt, Report,
    RunName, Site, Sweep, TokenRef, Tokens,
};
use patchbay_engine::model::{
    Config, Gpt2, Gradients, KEPT_FOR_GRADIENTS, Patient, Slope, Store, Wanted,
};
use patchbay_engine::rows::{Edit, Op, Plan, Run, Source};
use serde_json::Value;
use std::collections::BTreeSet;
use std::rc::Rc;

struct Loaded<B: Backend> {
    b: B,
    gpt2: Gpt2<B>,
    store: Store<B>,
}

impl<B: Backend> Loaded<B> {
    fn of(model: &str, b: B) -> Self {
        let files = files(model);
        let config = Config::from_json(&files.config).unwrap();
        let store = Store::new(config.shape);
        let gpt2 = Gpt2::load(&b, config, &files.weights).unwrap();
        Self { b, gpt2, store }
    }

    fn logits(&mut self, runs: &[Run], tokens: &[u32]) -> Vec<Vec<f32>> {
        let plan = Plan::new(&self.gpt2.config.shape, runs).unwrap();
        let wanted = Wanted {
            tokens: tokens.to_vec(),
            ..Wanted::default()
        };
        let (reads, _) = pollster::block_on(async {
            let (b, store) = (&self.b, &mut self.store);
            let outcome = self.gpt2.forward(b, &plan, store, &Patient).await.unwrap();
            let read = self.gpt2.read(b, runs, &plan, &outcome, &wanted).await;
            read.unwrap()
        });
        let of = |reads: Vec<_>| Option::unwrap(reads.into_iter().next().unwrap());
        reads
            .into_iter()
            .map(of)
            .map(|l: patchbay_engine::model::Logits| l.tokens)
            .collect()
    }

    /// The derivative of `slope` of the logits at each run's last position.
    fn gradients(
        &mut self,
        runs: &[Run],
        slope: &Slope,
        rule: Rule,
        wanted: &BTreeSet<(Site, usize)>,
    ) -> Gradients {
        let kept: Vec<Run> = runs
            .iter()
            .map(|run| run.clone().kept(&self.store.pool, KEPT_FOR_GRADIENTS))
            .collect();
        self.logits(&kept, &[0]);
        let traces: Vec<_> = kept.iter().map(|run| run.keep.clone().unwrap()).collect();
        let reads: Vec<_> = (0..runs.len())
            .map(|u| (u, runs[u].tokens.len() - 1))
            .collect();
        pollster::block_on(async {
            let seed = self
                .gpt2
                .seed(&self.b, &vec![slope.clone(); runs.len()])
                .unwrap();
            let (b, store) = (&self.b, &mut self.store);
            let back =
                self.gpt2
                    .backward(b, store, &traces, (&reads, seed), rule, wanted, &Patient);
            back.await.unwrap()
        })
    }
}

/// A run of these tokens, read at its end.
fn run(tokens: &[u32], edits: Vec<Edit>) -> Run {
    Run {
        edits,
        reads: vec![tokens.len() - 1],
        ..Run::of(tokens.into())
    }
}

fn edit(site: Site, layer: usize, head: Option<usize>, position: usize, op: Op) -> Edit {
    Edit {
        site,
        layer,
        head,
        part: None,
        position,
        op,
    }
}

fn edits_of(oracle: &Oracle, pass: &Value) -> Vec<Edit> {
    let of = |e: &Value| {
        let number = |key: &str| e[key].as_u64().unwrap() as usize;
        let coef = || e["coef"].as_f64().unwrap() as f32;
        let vector = || Source::Vector(oracle.array(&e["vector"]).into());
        let op = match e["op"].as_str().unwrap() {
            "replace" => Op::Replace(vector()),
            "add" => Op::Add(vector(), coef()),
            "scale" => Op::Scale(coef()),
            other => panic!("unknown op {other}"),
        };
        let site = serde_json::from_value(e["site"].clone()).unwrap();
        let head = e["head"].as_u64().map(|h| h as usize);
        edit(site, number("layer"), head, number("position"), op)
    };
    pass["edits"].as_array().unwrap().iter().map(of).collect()
}

/// Every site's gradient of a logit difference, as PyTorch's autograd and the authors of
/// relevance patching have it.
pub fn are_autograds<B: Backend>(of: &Value, oracle: &Oracle, b: B) {
    let name = of["model"].as_str().unwrap();
    let mut on = Loaded::of(name, b);
    let shape = on.gpt2.config.shape;
    let mut compared = 0;
    for pass in of["passes"].as_array().unwrap() {
        let rule = match pass["rule"].as_str().unwrap() {
            "exact" => Rule::Exact,
            "relp" => Rule::Relp,
            // With the pattern held, which its authors do not do for GPT-2.
            _ => continue,
        };
        let (Some(answer), Some(wrong)) = (
            pass["metric"]["answer"].as_u64(),
            pass["metric"]["wrong"].as_u64(),
        ) else {
            continue;
        };
        if pass["metric"]["kind"] != "logit_difference" {
            continue;
        }
        let slope = Slope::Tokens(vec![(answer as u32, 1.0), (wrong as u32, -1.0)]);
        let tokens = ids(&of[pass["run"].as_str().unwrap()]);
        let run = run(&tokens, edits_of(oracle, pass));
        let sites = pass["gradients"].as_object().unwrap();
        let named =
            |name: &String| -> Site { serde_json::from_value(name.as_str().into()).unwrap() };
        let wanted: BTreeSet<(Site, usize)> = sites
            .keys()
            .map(named)
            .flat_map(|site| (0..site.layers(shape.n_layer)).map(move |l| (site, l)))
            .collect();
        let gradients = on.gradients(&[run], &slope, rule, &wanted);
        let positions: Vec<usize> = ids(&of["positions"]).iter().map(|p| *p as usize).collect();
        for (key, expected) in sites {
            let site = named(key);
            let mut found = Vec::new();
            for l in 0..site.layers(shape.n_layer) {
                let row = |p: usize| gradients.of(site, l, 0, p);
                if site == Site::Pattern {
                    // [head, query, key], and nothing after the query.
                    for h in 0..shape.n_head {
                        for p in &positions {
                            let mut keys = vec![0.0; tokens.len()];
                            if let Some(row) = row(*p) {
                                let t = row.len() / shape.n_head;
                                keys[..t].copy_from_slice(&row[h * t..(h + 1) * t]);
                            }
                            found.extend(keys);
                        }
                    }
                    continue;
                }
                let width = shape.width(site).unwrap();
                for p in &positions {
                    found.extend(row(*p).map_or_else(|| vec![0.0; width], <[f32]>::to_vec));
                }
            }
            let what = format!("{name}, {} run, {rule:?}: {site}", pass["run"]);
            close(&what, &found, oracle.array(expected), 1e-4);
            compared += 1;
        }
    }
    assert!(compared >= 45, "{name}: {compared} sites");
}

#[test]
fn gradients_are_autograds() {
    let oracle = Oracle::of("gradients");
    let models = oracle.json["models"].as_array().unwrap();
    assert_eq!(models.len(), 6);
    for of in models {
        are_autograds(of, &oracle, Cpu);
    }
}

fn metric(json: &Value) -> Metric {
    let tokens = |json: &Value| match json.as_array() {
        Some(_) => Tokens::Any(ids(json).into_iter().map(TokenRef::Id).collect()),
        None => Tokens::One(TokenRef::Id(json.as_u64().unwrap() as u32)),
    };
    Metric {
        kind: serde_json::from_value(json["kind"].clone()).unwrap(),
        answer: tokens(&json["answer"]),
        wrong: json.get("wrong").filter(|w| !w.is_null()).map(tokens),
    }
}

fn estimated(site: Site, mode: Mode, method: AttributionMethod, most: Option<usize>) -> Sweep {
    Sweep {
        estimate: Some(Attribution { method, most }),
        ..Sweep::of(site, mode)
    }
}

/// An experiment on a pair of the file.
fn on_pair(of: &Value, metrics: Vec<Metric>, sweeps: Vec<Sweep>) -> Experiment {
    Experiment {
        model: of["model"].as_str().unwrap().into(),
        clean: Prompt::Tokens(ids(&of["clean"])),
        corrupted: Prompt::Tokens(ids(&of["corrupted"])),
        metrics,
        sweeps,
        ..Experiment::default()
    }
}

fn report<B: Backend>(model: &str, b: B, e: &Experiment) -> Report {
    pollster::block_on(session(model, b).run(e, false, &Listener::default())).unwrap()
}

/// `[row][column]` of a metric, what it is of the run that is patched taken away.
fn changes(report: &Report, sweep: usize, metric: usize) -> Vec<f32> {
    let found = &report.sweeps[sweep];
    let base = match found.frame.sweep.mode {
        Mode::Denoising => report.metrics[metric].corrupted,
        Mode::Noising => report.metrics[metric].clean,
    };
    let values = &found.estimate.as_ref().unwrap().values[metric];
    values.iter().flatten().map(|v| v.unwrap() - base).collect()
}

/// Of every metric: PyTorch's gradient of it, times what the clean run has there and the
/// corrupted one has not.
#[test]
fn every_metric_is_estimated_by_its_own_gradient() {
    let oracle = Oracle::of("gradients");
    for of in oracle.json["models"].as_array().unwrap() {
        let name = of["model"].as_str().unwrap();
        if name == "mini" {
            continue; // not all of its positions are in the file
        }
        let passes: Vec<&Value> = of["passes"].as_array().unwrap().iter().collect();
        let plain = |p: &&&Value| {
            p["run"] == "corrupted"
                && p["rule"] == "exact"
                && p["edits"].as_array().unwrap().is_empty()
        };
        let passes: Vec<&Value> = passes.iter().filter(plain).copied().collect();
        let metrics: Vec<Metric> = passes.iter().map(|p| metric(&p["metric"])).collect();
        let kinds: BTreeSet<String> = metrics.iter().map(|m| format!("{:?}", m.kind)).collect();
        assert_eq!(kinds.len(), MetricKind::ALL.len() - 1, "{name}: {kinds:?}");
        let sweep = estimated(
            Site::ResidPre,
            Mode::Denoising,
            AttributionMethod::Atp,
            None,
        );
        let mut e = on_pair(of, metrics, vec![sweep]);
        let files = files(name);
        let shape = Config::from_json(&files.config).unwrap().shape;
        for run in [RunName::Clean, RunName::Corrupted] {
            for layer in 0..shape.n_layer {
                e.captures.push(Capture {
                    run,
                    site: Site::ResidPre,
                    layer: Some(layer),
                    positions: None,
                });
            }
        }
        let report = report(name, Cpu, &e);
        let (clean, corrupted) = report.captures.split_at(shape.n_layer);
        for (m, pass) in passes.iter().enumerate() {
            let gradient = oracle.array(&pass["gradients"]["resid_pre"]);
            let source = clean.iter().flat_map(|c| &c.values);
            let base = corrupted.iter().flat_map(|c| &c.values);
            let terms: Vec<f32> = gradient
                .iter()
                .zip(source.zip(base))
                .map(|(g, (s, b))| g * (s - b))
                .collect();
            let expected: Vec<f32> = terms.chunks(shape.n_embd).map(|c| c.iter().sum()).collect();
            let value = pass["value"].as_f64().unwrap() as f32;
            close(
                &format!("{name}: {}", pass["metric"]),
                &[report.metrics[m].corrupted],
                &[value],
                1e-4,
            );
            let what = format!("{name}: estimate of {}", pass["metric"]);
            close(&what, &changes(&report, 0, m), &expected, 5e-4);
        }
    }
}

#[test]
fn estimates_of_the_mini_are_pytorchs_by_every_method() {
    let oracle = Oracle::of("gradients");
    let models = oracle.json["models"].as_array().unwrap();
    let of = models.iter().find(|m| m["model"] == "mini").unwrap();
    let points = of["estimates"]["steps"].as_u64().unwrap() as usize;
    let methods = [
        ("exact", AttributionMethod::Atp),
        ("relp", AttributionMethod::Relp),
        (
            "integrated",
            AttributionMethod::IntegratedGradients { points },
        ),
    ];
    let grids = of["estimates"]["grids"].as_array().unwrap();
    let mut sweeps = Vec::new();
    for grid in grids {
        let site = serde_json::from_value(grid["site"].clone()).unwrap();
        let mode = serde_json::from_value(grid["mode"].clone()).unwrap();
        sweeps.extend(methods.map(|(_, method)| estimated(site, mode, method, Some(12))));
    }
    let e = on_pair(of, vec![metric(&grids[0]["metric"])], sweeps);
    let report = report("mini", Cpu, &e);
    let expected = grids
        .iter()
        .flat_map(|grid| methods.map(|(key, _)| (grid, key)));
    for (s, (grid, key)) in expected.enumerate() {
        let what = format!("{} {} {key}", grid["mode"], grid["site"]);
        close(
            &what,
            &changes(&report, s, 0),
            oracle.array(&grid[key]),
            1e-3,
        );
        // The strongest cells are patched, too, and no others.
        let found = &report.sweeps[s];
        let patched = found.values[0].iter().flatten().flatten().count();
        assert_eq!((patched, found.plan.runs), (12, 12), "{what}");
        let agreement = found.estimate.as_ref().unwrap().agreement[0].unwrap();
        assert_eq!(agreement.cells, 12, "{what}");
        let least = patched_least(&report, s);
        assert!(least, "{what}: a stronger cell was left out");
    }
}

/// Whether no cell that was left out is estimated to move further than one that was patched.
fn patched_least(report: &Report, sweep: usize) -> bool {
    let changes = changes(report, sweep, 0);
    let patched = report.sweeps[sweep].values[0]
        .iter()
        .flatten()
        .map(Option::is_some);
    let (mut least, mut most) = (f32::MAX, 0f32);
    for (change, patched) in changes.iter().zip(patched) {
        match patched {
            true => least = least.min(change.abs()),
            false => most = most.max(change.abs()),
        }
    }
    most <= least
}

#[test]
fn gradients_are_the_slopes_of_the_pass_forwards() {
    let mut on = Loaded::of("deep", Cpu);
    let shape = on.gpt2.config.shape;
    let vector = |n: usize| -> Rc<[f32]> { (0..n).map(|i| (i as f32 * 0.7).sin()).collect() };
    let edited = vec![
        edit(
            Site::Z,
            1,
            Some(1),
            3,
            Op::Replace(Source::Vector(vector(shape.d_head()))),
        ),
        edit(
            Site::ResidPre,
            2,
            None,
            2,
            Op::Add(Source::Vector(vector(shape.n_embd)), 0.5),
        ),
        edit(Site::MlpOut, 3, None, 4, Op::Scale(0.5)),
        edit(
            Site::ResidMid,
            2,
            None,
            5,
            Op::SetProjection(vector(shape.n_embd), 0.25),
        ),
        edit(Site::K, 3, Some(0), 1, Op::Scale(2.0)),
    ];
    // Of different lengths, so that what belongs to whom can be got wrong.
    let runs = [
        run(&[0, 17, 42, 201, 5, 93, 42], Vec::new()),
        run(&[0, 88, 9, 9, 120, 33, 250, 7, 61], edited),
    ];
    let tokens = [5u32, 131, 250];
    let by = [1.0f32, -0.75, 0.5];
    let slope = Slope::Tokens(tokens.iter().copied().zip(by).collect());
    let sites: BTreeSet<(Site, usize)> = Site::ALL
        .into_iter()
        .filter(|site| *site != Site::Logits)
        .flat_map(|site| (0..site.layers(shape.n_layer)).map(move |l| (site, l)))
        .collect();
    let gradients = on.gradients(&runs, &slope, Rule::Exact, &sites);
    let mut seen = 0;
    for &(site, layer) in &sites {
        for (u, of) in runs.iter().enumerate() {
            let last = of.tokens.len() - 1;
            for position in [1, 3, last] {
                let found = gradients.of(site, layer, u, position);
                // A direction in which to go: all columns, and of a pattern those of one head.
                let head = (site == Site::Pattern).then_some(1);
                let width = match (site, shape.width(site)) {
                    (Site::Pattern, _) | (_, None) => position + 1,
                    (_, Some(width)) => width,
                };
                let along: Rc<[f32]> = (0..width)
                    .map(|i| ((i * 7 + position) as f32).cos())
                    .collect();
                let expected: f32 = match found {
                    None => 0.0,
                    Some(d) => {
                        let t = d.len() / shape.n_head;
                        let d = if site == Site::Pattern {
                            &d[t..2 * t]
                        } else {
                            d
                        };
                        d.iter().zip(along.iter()).map(|(d, v)| d * v).sum()
                    }
                };
                let step = 4e-3;
                let at = |by: f32| {
                    let add = Op::Add(Source::Vector(along.clone()), by);
                    let mut moved = of.clone();
                    moved.edits.push(edit(site, layer, head, position, add));
                    moved
                };
                let logits = on.logits(&[at(step), at(-step)], &tokens);
                let value = |l: &[f32]| l.iter().zip(by).map(|(l, by)| l * by).sum::<f32>();
                let central = (value(&logits[0]) - value(&logits[1])) / (2.0 * step);
                assert!(
                    (central - expected).abs() <= 4e-3 * central.abs().max(1.0),
                    "{site} of layer {layer}, run {u}, position {position}: {expected}, forwards {central}"
                );
                seen += usize::from(central.abs() > 0.01);
            }
        }
    }
    // Most must be something, or nothing was compared.
    assert!(seen > sites.len() * 3, "{seen} of {} sites", sites.len());
}
