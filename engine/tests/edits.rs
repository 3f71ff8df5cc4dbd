//! Single edits at every kind of site, and whole sets of them, against PyTorch
//! hooks on transformers; and the activations of every site.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Oracle, close, files, ids};
use patchbay_engine::backend::Backend;
use patchbay_engine::experiment::Site;
use patchbay_engine::model::{Config, Gpt2, Patient, Store, Wanted};
use patchbay_engine::rows::{Edit, Op, Plan, Run, Source, kept_for_entry};
use serde_json::Value;
use std::rc::Rc;

fn site(value: &Value) -> Site {
    serde_json::from_value(value.clone()).unwrap()
}

/// The engine's edits for one of the oracle's, which may act at every position.
fn edits(oracle: &Oracle, edit: &Value, len: usize) -> Vec<Edit> {
    let coef = edit["coef"].as_f64().unwrap_or(0.0) as f32;
    let vector = || -> Rc<[f32]> { oracle.array(&edit["vector"]).into() };
    let op = match edit["op"].as_str().unwrap() {
        "replace" => Op::Replace(Source::Vector(vector())),
        "add" => Op::Add(Source::Vector(vector()), coef),
        "zero" => Op::Scale(0.0),
        "scale" => Op::Scale(coef),
        "project_out" => Op::SetProjection(vector(), 0.0),
        other => panic!("unknown op {other}"),
    };
    let positions = match edit["position"].as_u64() {
        Some(p) => p as usize..p as usize + 1,
        None => 0..len,
    };
    positions
        .map(|position| Edit {
            site: site(&edit["site"]),
            layer: edit["layer"].as_u64().unwrap() as usize,
            head: edit["head"].as_u64().map(|h| h as usize),
            part: None,
            position,
            op: op.clone(),
        })
        .collect()
}

fn edited_logits<B: Backend>(model: &str, b: &B) {
    let oracle = Oracle::of(model);
    let files = files(model);
    let config = Config::from_json(&files.config).unwrap();
    let mut store = Store::new(config.shape);
    let gpt2 = Gpt2::load(b, config, &files.weights).unwrap();
    let mut compute = |run: Run| {
        let runs = [run];
        let plan = Plan::new(&gpt2.config.shape, &runs).unwrap();
        let wanted = Wanted {
            all: true,
            ..Wanted::default()
        };
        let (reads, _) = pollster::block_on(async {
            let outcome = gpt2.forward(b, &plan, &mut store, &Patient).await.unwrap();
            gpt2.read(b, &runs, &plan, &outcome, &wanted).await.unwrap()
        });
        (
            reads[0].first().cloned().flatten().map(|l| l.all),
            store.pool.clone(),
        )
    };
    let sets = oracle.json["edit_sets"].as_array().unwrap();
    let singles = oracle.json["edits"].as_array().unwrap();
    assert!(singles.len() >= 16 && sets.len() >= 4, "too few edits");
    for (i, set) in singles.iter().chain(sets).enumerate() {
        let case = &oracle.cases()[set["case"].as_u64().unwrap() as usize];
        let tokens: Rc<[u32]> = ids(&case["clean"]["tokens"]).into();
        let list = set["edits"]
            .as_array()
            .map_or(vec![set], |e| e.iter().collect());
        let edits: Vec<Edit> = list
            .iter()
            .flat_map(|e| edits(&oracle, e, tokens.len()))
            .collect();
        let expected = oracle.array(&set["logits"]);
        let names: Vec<String> = list
            .iter()
            .map(|e| format!("{} {}", e["op"], e["site"]))
            .collect();
        let names = names.join(", ");
        let plain = Run {
            edits: edits.clone(),
            reads: vec![tokens.len() - 1],
            ..Run::of(tokens.clone())
        };
        let (found, pool) = compute(plain);
        close(
            &format!("{model} edit {i} ({names})"),
            &found.unwrap(),
            expected,
            2e-4,
        );
        // The same over an unedited base, so that only what the edits reach is computed.
        let mut sites = kept_for_entry(edits.iter().map(|e| e.site));
        sites.sort_unstable();
        let base = Run {
            reads: vec![tokens.len() - 1],
            ..Run::of(tokens.clone())
        }
        .kept(&pool, &sites);
        let trace = base.keep.clone().unwrap();
        let unedited = compute(base).0.unwrap();
        let child = Run {
            edits,
            reads: vec![tokens.len() - 1],
            ..Run::over(&trace)
        };
        let found = compute(child).0.unwrap_or(unedited);
        close(
            &format!("{model} edit {i} over a base"),
            &found,
            expected,
            2e-4,
        );
    }
}

fn activations<B: Backend>(model: &str, b: &B) {
    let oracle = Oracle::of(model);
    let files = files(model);
    let config = Config::from_json(&files.config).unwrap();
    let shape = config.shape;
    let mut store = Store::new(shape);
    let gpt2 = Gpt2::load(b, config, &files.weights).unwrap();
    let tokens: Rc<[u32]> = ids(&oracle.cases()[0]["clean"]["tokens"]).into();
    let mut compared = 0;
    for s in Site::ALL {
        let key = &oracle.json["activations"][s.name()];
        if key.is_null() {
            continue;
        }
        let mut run = Run::of(tokens.clone());
        let layers = if s.per_layer() { shape.n_layer } else { 1 };
        for l in 0..layers {
            run.captures.extend((0..tokens.len()).map(|p| (s, l, p)));
        }
        let runs = [run];
        let plan = Plan::new(&shape, &runs).unwrap();
        let rows = pollster::block_on(async {
            let outcome = gpt2.forward(b, &plan, &mut store, &Patient).await.unwrap();
            let wanted = Wanted::default();
            let (_, mut rows) = gpt2.read(b, &runs, &plan, &outcome, &wanted).await.unwrap();
            rows.remove(0)
        });
        let rows: Vec<Vec<f32>> = rows.into_iter().map(|r| r.unwrap()).collect();
        let found: Vec<f32> = match s {
            // [layer, query][head, key] to the oracle's [layer, head, query, key]
            Site::Pattern => {
                let t = tokens.len();
                let at = |l: usize, h: usize, q: usize| &rows[l * t + q][h * t..(h + 1) * t];
                (0..layers)
                    .flat_map(|l| (0..shape.n_head).map(move |h| (l, h)))
                    .flat_map(|(l, h)| (0..t).flat_map(move |q| at(l, h, q).to_vec()))
                    .collect()
            }
            _ => rows.concat(),
        };
        close(&format!("{model} {s}"), &found, oracle.array(key), 2e-4);
        compared += 1;
    }
    assert_eq!(
        compared, 15,
        "every site but the logits, which are compared elsewhere"
    );
}

#[test]
fn cpu_edits_equal_the_oracles() {
    for model in crate::common::RANDOM_MODELS {
        edited_logits(model, &patchbay_engine::backend::cpu::Cpu);
    }
}

#[test]
fn cpu_activations_equal_the_oracles() {
    for model in ["bare", "deep"] {
        activations(model, &patchbay_engine::backend::cpu::Cpu);
    }
}

#[cfg(feature = "webgpu")]
#[test]
fn webgpu_edits_equal_the_oracles() {
    if let Some(gpu) = crate::common::gpu(None) {
        for model in crate::common::RANDOM_MODELS {
            edited_logits(model, &gpu);
        }
        for model in ["bare", "deep"] {
            activations(model, &gpu);
        }
    }
}
