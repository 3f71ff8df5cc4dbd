//! The patching room against plain PyTorch and TransformerLens: every axis,
//! everything that is brought, noise, paths, sets of pairs, aligned prompts and
//! the closer look. `tests/oracles/README.md` says what the files hold.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, Oracle, close, session};
use patchbay_engine::backend::Backend;
use patchbay_engine::experiment::{CellReport, Experiment, MetricKind, Report, SweepReport};
use patchbay_engine::session::Session;
use serde_json::Value;

const MODELS: [&str; 4] = ["bare", "deep", "half", "mini"];

/// Of raw metrics, and of what is read along the way (lens, patterns, attributions).
#[derive(Clone, Copy)]
struct Tolerance {
    metric: f32,
    look: f32,
}

/// Ten times closer than asked: one path changes a metric by little.
const CPU: Tolerance = Tolerance {
    metric: 1e-4,
    look: 2e-4,
};

/// An experiment of the file, and what is expected of it.
struct Expected<'a> {
    oracle: &'a Oracle,
    kinds: Vec<MetricKind>,
    tolerance: Tolerance,
}

impl Expected<'_> {
    /// `found` has the metrics, `cells` numbers each, in blocks (one a pair, or
    /// one a layer and run of a lens); what is not there is NaN.
    fn check(&self, what: &str, found: &[f32], about: &Value, cells: usize, tolerance: f32) {
        let expected = self.oracle.array(&about["values"]);
        assert_eq!(found.len(), expected.len(), "{what}: number of values");
        let ranks = match self.kinds.contains(&MetricKind::Rank) {
            true => self.oracle.array(&about["ranks"]),
            false => &[],
        };
        let (low, high) = ranks.split_at(ranks.len() / 2);
        let mut seen = 0;
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found.is_nan(), expected.is_nan(), "{what}: cell {i}");
            if self.kinds[i / cells % self.kinds.len()] == MetricKind::Rank {
                let (low, high) = (low[seen], high[seen]);
                seen += 1;
                // Means of whole numbers.
                let right = found.is_nan() || (low - 1e-3..=high + 1e-3).contains(found);
                assert!(right, "{what}: rank {found}, {low} to {high} are right");
            } else if !found.is_nan() {
                a.push(*found);
                b.push(*expected);
            }
        }
        assert_eq!(seen, low.len(), "{what}: number of ranks");
        close(what, &a, &b, tolerance);
    }

    fn sweep(&self, what: &str, sweep: &SweepReport, about: &Value) {
        let (rows, columns) = (&sweep.frame.rows, &sweep.frame.columns);
        let cells = rows.len() * columns.len();
        let metric = self.tolerance.metric;
        self.check(what, &flat(&sweep.values), about, cells, metric);
        let pairs: Vec<f32> = sweep.pairs.iter().flat_map(|p| flat(p)).collect();
        if about["pairs"].is_null() {
            assert!(pairs.is_empty() && sweep.intervals.is_empty(), "{what}");
        } else {
            let of = format!("{what}, pair by pair");
            self.check(&of, &pairs, &about["pairs"], cells, metric);
            self.intervals(what, sweep, about, cells);
        }
        let plan = sweep.plan;
        println!(
            "{what}: planned {} of {}",
            plan.multiplications, plan.full_multiplications
        );
        assert!(
            plan.multiplications <= plan.full_multiplications,
            "{what}: planned more than plain passes: {plan:?}"
        );
    }

    /// A share's rounding is the metrics' divided by the span between clean and
    /// corrupted, the least of all resamples.
    fn intervals(&self, what: &str, sweep: &SweepReport, about: &Value, cells: usize) {
        let expected = self.oracle.array(&about["intervals"]);
        let (low, high) = expected.split_at(expected.len() / 2);
        let found = sweep.intervals.iter().flatten().flatten();
        let mut compared = 0;
        for (i, found) in found.enumerate() {
            let span = about["least_span"][i / cells].as_f64().unwrap() as f32;
            for (expected, found) in [(low[i], found.map(|f| f.0)), (high[i], found.map(|f| f.1))] {
                if expected.is_nan() {
                    continue;
                }
                let found = found.unwrap_or_else(|| panic!("{what}: no interval at {i}"));
                let allowed = self.tolerance.metric * expected.abs().max(1.0) / span.min(1.0);
                compared += 1;
                assert!(
                    (found - expected).abs() <= allowed,
                    "{what}: interval {i}: {found}, {expected} expected, span {span}"
                );
            }
        }
        assert!(compared >= cells, "{what}: no intervals compared");
        println!("{what}: {compared} ends of intervals");
    }

    fn cell(&self, what: &str, cell: &CellReport, about: &Value) {
        let look = cell.look.as_ref().unwrap();
        let tolerance = self.tolerance.look;
        self.check(
            &format!("{what}, the cell"),
            &cell.run.metrics,
            about,
            1,
            self.tolerance.metric,
        );
        let mut lens = Vec::new();
        for (layer, of) in look.lens.iter().enumerate() {
            assert_eq!(of.layer, layer);
            for (run, read) in [&of.clean, &of.corrupted, &of.patched]
                .into_iter()
                .enumerate()
            {
                lens.extend(&read.metrics);
                let top = about["lens_top"][layer][run].as_i64().unwrap();
                let told = i64::from(read.top[0].token.id);
                // -1 where two are nearly as likely.
                assert!(
                    top == told || top == -1,
                    "{what}: lens of layer {layer}: {told}, {top}"
                );
            }
        }
        self.check(
            &format!("{what}, lens"),
            &lens,
            &about["lens"],
            1,
            tolerance,
        );
        let heads: Vec<f32> = look.head_attribution.concat();
        for (name, found) in [
            ("head_attribution", &heads),
            ("mlp_attribution", &look.mlp_attribution),
        ] {
            let expected = self.oracle.array(&about[name]);
            close(&format!("{what}, {name}"), found, expected, tolerance);
        }
        let has = !about["pattern.clean"].is_null();
        assert_eq!(look.patterns.is_some(), has, "{what}: patterns");
        if let Some(patterns) = &look.patterns {
            for (name, found) in [
                ("clean", &patterns.clean),
                ("corrupted", &patterns.corrupted),
                ("patched", &patterns.patched),
            ] {
                let expected = self.oracle.array(&about[format!("pattern.{name}")]);
                let of = format!("{what}, {name} pattern");
                close(&of, &found.concat(), expected, tolerance);
            }
        }
    }

    fn runs(&self, what: &str, report: &Report, about: &Value) {
        // [run, metric]: the means over pairs.
        let run = |of: fn(&patchbay_engine::experiment::MetricReport) -> f32| {
            report.metrics.iter().map(of).collect::<Vec<f32>>()
        };
        let found = [run(|m| m.clean), run(|m| m.corrupted)].concat();
        self.check(
            &format!("{what}, both runs"),
            &found,
            about,
            1,
            self.tolerance.metric,
        );
    }
}

fn flat(values: &[Vec<Vec<Option<f32>>>]) -> Vec<f32> {
    let all = values.iter().flatten().flatten();
    all.map(|v| v.unwrap_or(f32::NAN)).collect()
}

fn run<B: Backend>(session: &mut Session<B>, experiment: &Experiment) -> Report {
    let found = pollster::block_on(session.run(experiment, false, &Listener::default()));
    let found = found.unwrap_or_else(|e| panic!("{e}"));
    session.forget();
    assert_eq!(session.slots().in_use(), 0, "slots left behind");
    found
}

/// All experiments of a model, or those that are asked for.
fn experiments<B: Backend>(
    model: &str,
    backend: B,
    tolerance: Tolerance,
    wanted: impl Fn(&str) -> bool,
) {
    let oracle = Oracle::of(&format!("patching-{model}"));
    let mut session = session(model, backend);
    let mut compared = 0;
    for about in oracle.json["experiments"].as_array().unwrap() {
        let name = about["name"].as_str().unwrap();
        if !wanted(name) {
            continue;
        }
        compared += 1;
        let mut experiment = about["experiment"].clone();
        experiment["model"] = model.into();
        let experiment = Experiment::from_json(&experiment.to_string()).unwrap();
        let report = run(&mut session, &experiment);
        let expected = Expected {
            oracle: &oracle,
            kinds: experiment.metrics.iter().map(|m| m.kind).collect(),
            tolerance,
        };
        let what = format!("{model}: {name}");
        let sweeps = about["sweeps"].as_array().unwrap();
        assert_eq!(report.sweeps.len(), sweeps.len(), "{:?}", report.reading);
        expected.runs(&what, &report, &about["metrics"]);
        for (i, (sweep, about)) in report.sweeps.iter().zip(sweeps).enumerate() {
            let asked = serde_json::to_string(&experiment.sweeps[i]).unwrap();
            expected.sweep(&format!("{what}, {asked}"), sweep, about);
        }
        expected.cell(&what, report.cell.as_ref().unwrap(), &about["cell"]);
    }
    assert!(compared > 0, "{model}: nothing was compared");
}

/// "Everything but these" knows heads and MLPs; another part would keep the wrong thing.
#[test]
fn everything_but_something_that_is_no_head_and_no_mlp_is_refused() {
    let oracle = Oracle::of("patching-bare");
    let mut session = session("bare", patchbay_engine::backend::cpu::Cpu);
    let mut experiment = oracle.json["experiments"][0]["experiment"].clone();
    experiment["model"] = "bare".into();
    experiment["cell"] = Value::Null;
    for site in ["attn_out", "resid_pre", "mlp_post", "q"] {
        let parts = serde_json::json!([{"site": site, "layer": 1}]);
        experiment["sweeps"] = serde_json::json!([
            {"site": "z", "mode": "noising", "axes": {"parts": {"parts": parts, "others": true}}}
        ]);
        let experiment = Experiment::from_json(&experiment.to_string()).unwrap();
        let report = run(&mut session, &experiment);
        let told: Vec<_> = report.reading.problems.iter().filter(|p| p.fatal).collect();
        assert!(report.sweeps.is_empty() && told.len() == 1, "{told:?}");
        assert!(told[0].message.contains(&format!("{site} 1")), "{told:?}");
    }
}

#[test]
fn cpu_finds_what_the_oracles_found() {
    for model in MODELS {
        experiments(model, patchbay_engine::backend::cpu::Cpu, CPU, |_| true);
    }
}

#[cfg(feature = "webgpu")]
mod webgpu {
    use super::*;

    /// A GPU in software is slow: each experiment on one model or two.
    const SUBSET: [(&str, &[&str]); 4] = [
        ("bare", &["parts", "brought without bos", "aligned"]),
        ("deep", &["paths", "noise"]),
        ("half", &["windows, chosen positions, neurons", "set"]),
        ("mini", &["sets of tokens", "parts"]),
    ];

    #[test]
    fn finds_what_the_oracles_found() {
        let tolerance = Tolerance {
            metric: 2e-4,
            ..CPU
        };
        if let Some(gpu) = crate::common::gpu(None) {
            for (model, names) in SUBSET {
                experiments(model, gpu.clone(), tolerance, |name| names.contains(&name));
            }
        }
    }
}
