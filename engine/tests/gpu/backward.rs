//! Operations backwards, and the whole pass.

use crate::common::{close, files};
use crate::gpu::attention::table;
use crate::gpu::{Matrix, Random, gpu, open, same};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::backend::gpu::GpuOptions;
use patchbay_engine::backend::{Backend, Rule};
use patchbay_engine::experiment::Site;
use patchbay_engine::model::{
    Activation, Config, Gpt2, Gradients, KEPT_FOR_GRADIENTS, Patient, Slope, Store,
};
use patchbay_engine::rows::{Edit, Op, Plan, Run, SeenBy, SlotTable, Source, Trace};
use pollster::block_on;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Every position of every run of a table.
pub(super) fn all_keys(table: &SlotTable) -> Vec<(u32, u32)> {
    let width = table.width.max(1) as u32;
    let all = 0..table.slots.len() as u32;
    all.map(|at| (at / width, at % width)).collect()
}

/// Each operation alone, as |difference| / max(1, |expected|).
const CLOSE: f32 = 2e-5;

const RULES: [Rule; 2] = [Rule::Exact, Rule::Relp];

#[test]
fn activates_back() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(21);
    // Dense where the functions bend, then far out, where exponentials overflow.
    let mut values: Vec<f32> = (-5000i16..=5000).map(|i| f32::from(i) / 100.0).collect();
    values.extend((-1000i16..=1000).map(|i| f32::from(i) / 1000.0));
    for large in [60.0, 79.0, 81.0, 88.0, 100.0, 1e3, 3e4, 1e19, 1e30] {
        values.extend([large, -large]);
    }
    values.extend([0.0, -0.0, 1e-6, -1e-6, 1e-30, -1e-30, 1e-37, -1e-37]);
    let columns = values.len() / 7;
    values.truncate(7 * columns);
    let x = Matrix([7, columns], values);
    let (dy, wide) = (random.matrix(x.0), random.matrix([7, columns + 5]));
    for f in Activation::ALL.iter().copied() {
        for rule in RULES {
            let off = same!(gpu, format!("{f:?} back, {rule:?}"), |g, put| {
                g.activate_back(&put(&dy), &put(&x), f, rule).unwrap()
            });
            assert!(off <= CLOSE);
            let off = same!(gpu, format!("{f:?} back, views, {rule:?}"), |g, put| {
                let wide = put(&wide);
                let [dy, x] = [2, 5].map(|c| g.columns(&wide, c..c + columns).unwrap());
                g.activate_back(&dy, &x, f, rule).unwrap()
            });
            assert!(off <= CLOSE);
        }
    }
}

#[test]
fn normalises_back() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(22);
    for shape @ [rows, columns] in [[1, 1], [3, 7], [17, 33], [65, 130], [5, 768]] {
        let (mut x, dy, weight) = (
            random.matrix(shape),
            random.matrix(shape),
            random.matrix([1, columns]),
        );
        // GPT-2's residual stream has such dimensions at position 0.
        x.1[rows * columns / 2] = 3000.0;
        let wide = random.matrix([rows, 2 * columns + 5]);
        for rule in RULES {
            let off = same!(
                gpu,
                format!("layer_norm back {shape:?}, {rule:?}"),
                |g, put| {
                    g.layer_norm_back(&put(&dy), &put(&x), &put(&weight), 1e-5, rule)
                        .unwrap()
                }
            );
            assert!(off <= CLOSE);
            let name = format!("layer_norm back, views {shape:?}, {rule:?}");
            let off = same!(gpu, name, |g, put| {
                let wide = put(&wide);
                let [dy, x] = [1, columns + 3].map(|c| g.columns(&wide, c..c + columns).unwrap());
                g.layer_norm_back(&dy, &x, &put(&weight), 1e-5, rule)
                    .unwrap()
            });
            assert!(off <= CLOSE);
        }
    }
}

/// Columns of a weight that begin and end anywhere, by few rows and by many.
#[test]
fn multiplies_back() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(23);
    for [rows, inner, n] in [
        [1, 1, 1],
        [2, 7, 5],
        [4, 36, 12],
        [3, 64, 33],
        [17, 33, 9],
        [40, 130, 68],
    ] {
        let weight = random.matrix([inner, 3 * n]);
        for part in [0..n, n..2 * n, 2 * n..3 * n, 0..3 * n] {
            let dy = random.matrix([rows, part.len() + 3]);
            let name = format!("linear back {:?}, {part:?}", [rows, inner]);
            let off = same!(gpu, name, |g, put| {
                // As weights of a model lie.
                let reserved = g.reserve_weight(weight.0).unwrap();
                g.fill(&reserved, 0, &weight.1).unwrap();
                let dy = g.columns(&put(&dy), 3..part.len() + 3).unwrap();
                g.linear_back(&dy, &reserved, part.clone()).unwrap()
            });
            assert!(off <= CLOSE);
        }
    }
    let (dy, weight) = (gpu.zeros([2, 3]).unwrap(), gpu.zeros([4, 8]).unwrap());
    assert!(gpu.linear_back(&dy, &weight, 6..9).is_err(), "of 8 columns");
    assert!(gpu.linear_back(&dy, &weight, 0..4).is_err(), "for 3");
}

#[test]
fn attends_back() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(24);
    // Heads, their width, runs, positions, kept rows.
    for size @ [heads, d, runs, width, slots] in [
        [1, 1, 1, 1, 1],
        [3, 1, 2, 5, 4],
        [2, 7, 5, 33, 40],
        [12, 64, 3, 17, 30],
        [5, 13, 9, 65, 130],
        [1, 9, 2, 700, 400],
        [1, 130, 2, 70, 70],
    ] {
        let n = heads * d;
        let slot_table = table(&mut random, runs, width, slots);
        let rows = slot_table.run.len();
        let qkv = random.matrix([rows, 3 * n]);
        let kept = random.matrix([slots, n]);
        let scale = 1.7 / (d as f32).sqrt();
        let name = format!("scores {size:?}, {rows} rows");
        let off = same!(gpu, name, |g, put| {
            let (qkv, table) = (put(&qkv), g.upload_table(&slot_table).unwrap());
            let [q, k] = [0, n].map(|c| g.columns(&qkv, c..c + n).unwrap());
            g.scores(&q, &k, &put(&kept), &table, heads, scale).unwrap()
        });
        assert!(off <= CLOSE);
        let [dy, scores] = [0, 1].map(|_| random.matrix([rows, heads * width + 3]));
        let name = format!("softmax back {size:?}, {rows} rows");
        let off = same!(gpu, name, |g, put| {
            // Of a pattern, which is none where nothing is seen.
            let table = g.upload_table(&slot_table).unwrap();
            let (q, kept) = (put(&qkv), put(&kept));
            let q = g.columns(&q, 0..n).unwrap();
            let pattern = g.pattern(&q, &q, &kept, &table, heads, scale).unwrap();
            let dy = g.columns(&put(&dy), 2..heads * width + 2).unwrap();
            g.softmax_back(&dy, &pattern, heads, scale).unwrap()
        });
        assert!(off <= CLOSE);
        let off = same!(gpu, format!("softmax back, views {size:?}"), |g, put| {
            let [dy, p] = [(&dy, 1), (&scores, 3)]
                .map(|(x, first)| g.columns(&put(x), first..first + heads * width).unwrap());
            g.softmax_back(&dy, &p, heads, scale).unwrap()
        });
        assert!(off <= CLOSE);
        // Every other position of the runs, some of which none sees.
        let keys: Vec<(u32, u32)> = all_keys(&slot_table).into_iter().rev().step_by(2).collect();
        let seen_by = SeenBy::of(&slot_table, &keys);
        let name = format!(
            "mix back {size:?}, {} keys seen {} times",
            keys.len(),
            seen_by.rows.len()
        );
        let off = same!(gpu, name, |g, put| {
            let weights = g.columns(&put(&scores), 2..heads * width + 2).unwrap();
            let x = g.columns(&put(&qkv), n..2 * n).unwrap();
            g.mix_back(&weights, &x, &seen_by, heads).unwrap()
        });
        assert!(off <= CLOSE);
    }
}

/// A list of over a quarter of a megabyte, between operations that are only recorded.
#[test]
fn mixes_back_over_many_rows() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(25);
    let (rows, heads, n) = (300, 3, 15);
    let (weights, mut x) = (
        random.matrix([rows, heads * rows]),
        random.matrix([rows, n]),
    );
    // So that sums of sums are about 1.
    x.1.iter_mut().for_each(|v| *v *= 0.02);
    let mut seen_by = SeenBy {
        first: vec![0],
        rows: Vec::new(),
    };
    for key in 0..rows as u32 {
        seen_by
            .rows
            .extend((key..rows as u32).map(|row| (row, key)));
        seen_by.first.push(seen_by.rows.len() as u32);
    }
    let off = same!(gpu, "mix back, 300 keys", |g, put| {
        let weights = put(&weights);
        let once = g.mix_back(&weights, &put(&x), &seen_by, heads).unwrap();
        let once = g.add(&once, &once).unwrap();
        g.mix_back(&weights, &once, &seen_by, heads).unwrap()
    });
    assert!(off <= CLOSE);
}

#[test]
fn what_does_not_fit_is_refused() {
    let Some(gpu) = &gpu() else { return };
    let [two, three] = [2, 3].map(|rows| gpu.zeros([rows, 6]).unwrap());
    let row = gpu.zeros([1, 6]).unwrap();
    let seen_by = |first: &[u32], rows: &[(u32, u32)]| SeenBy {
        first: first.to_vec(),
        rows: rows.to_vec(),
    };
    let mix_back = |x, seen_by: &SeenBy, heads| gpu.mix_back(&two, x, seen_by, heads).is_err();
    let exact = Rule::Exact;
    assert!(
        gpu.layer_norm_back(&three, &two, &row, 1e-5, exact)
            .is_err()
    );
    assert!(gpu.layer_norm_back(&two, &two, &two, 1e-5, exact).is_err());
    assert!(
        gpu.activate_back(&three, &two, Activation::Relu, exact)
            .is_err()
    );
    assert!(gpu.softmax_back(&three, &two, 2, 1.0).is_err());
    assert!(
        gpu.softmax_back(&two, &two, 4, 1.0).is_err(),
        "6 columns for 4 heads"
    );
    assert!(!mix_back(&two, &seen_by(&[0, 1], &[(1, 2)]), 2));
    assert!(mix_back(&three, &seen_by(&[0, 1], &[(1, 2)]), 2));
    assert!(mix_back(&two, &seen_by(&[0, 1], &[(1, 2)]), 4));
    assert!(
        mix_back(&two, &seen_by(&[0, 1], &[(2, 2)]), 2),
        "no such row"
    );
    assert!(
        mix_back(&two, &seen_by(&[0, 1], &[(1, 3)]), 2),
        "no such place"
    );
    assert!(
        mix_back(&two, &seen_by(&[0, 2], &[(1, 2)]), 2),
        "no such pair"
    );
    assert!(
        mix_back(&two, &seen_by(&[0, 1, 0], &[(1, 2)]), 2),
        "out of order"
    );
}

#[test]
fn takes_no_rows_back() {
    let Some(gpu) = &gpu() else { return };
    let none = gpu.zeros([0, 6]).unwrap();
    let (row, square) = (gpu.zeros([1, 6]).unwrap(), gpu.zeros([6, 6]).unwrap());
    let table = gpu.upload_table(&SlotTable::default()).unwrap();
    let nobody = SeenBy::default();
    let exact = Rule::Exact;
    let empty = [
        gpu.layer_norm_back(&none, &none, &row, 1e-5, exact)
            .unwrap(),
        gpu.linear_back(&none, &square, 0..6).unwrap(),
        gpu.activate_back(&none, &none, Activation::Gelu, exact)
            .unwrap(),
        gpu.scores(&none, &none, &none, &table, 2, 1.0).unwrap(),
        gpu.softmax_back(&none, &none, 2, 1.0).unwrap(),
        gpu.mix_back(&row, &row, &nobody, 2).unwrap(),
        gpu.mix_back(&none, &none, &nobody, 2).unwrap(),
    ];
    for (i, x) in empty.iter().enumerate() {
        assert_eq!(gpu.shape(x)[0], 0, "the {i}th");
        assert!(block_on(gpu.read(x)).unwrap().is_empty());
    }
    // Keys that nobody sees.
    let unseen = SeenBy {
        first: vec![0; 3],
        rows: Vec::new(),
    };
    let zeros = gpu.mix_back(&none, &none, &unseen, 2).unwrap();
    assert_eq!(block_on(gpu.read(&zeros)).unwrap(), [0.0; 12]);
}

/// All sites with a derivative.
fn sites() -> impl Iterator<Item = Site> {
    Site::ALL.into_iter().filter(|site| *site != Site::Logits)
}

/// Runs of the model on a device and back: three of different lengths, one of them edited.
struct Passes<B: Backend> {
    b: B,
    model: Gpt2<B>,
    store: Store<B>,
    traces: Vec<Rc<Trace>>,
}

const RUNS: [&[u32]; 3] = [
    &[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5],
    &[2, 7, 1],
    &[1, 6, 1, 8, 0, 3],
];

/// Which run is read, and at which position: not the last one of the last run.
const READS: [(usize, usize); 4] = [(0, 10), (1, 2), (2, 4), (0, 6)];

impl<B: Backend> Passes<B> {
    fn new(b: B, model: &str) -> Self {
        let files = files(model);
        let config = Config::from_json(&files.config).unwrap();
        let model = Gpt2::load(&b, config, &files.weights).unwrap();
        let shape = model.config.shape;
        let mut store = Store::new(shape);
        let vector: Rc<[f32]> = (0..shape.n_embd).map(|i| (i % 7) as f32 - 3.0).collect();
        let edit = |site, position, op| Edit {
            site,
            layer: 1,
            head: None,
            part: None,
            position,
            op,
        };
        let edits = vec![
            edit(
                Site::ResidPre,
                2,
                Op::Add(Source::Vector(vector.clone()), 0.3),
            ),
            edit(Site::MlpOut, 4, Op::Scale(-0.5)),
            edit(Site::ResidMid, 3, Op::SetProjection(vector, 0.7)),
            edit(Site::Pattern, 5, Op::Scale(0.25)),
        ];
        let runs = RUNS.iter().enumerate().map(|(i, tokens)| Run {
            edits: if i == 0 { edits.clone() } else { Vec::new() },
            ..Run::of((*tokens).into())
        });
        let runs: Vec<Run> = runs
            .map(|r| r.kept(&store.pool, KEPT_FOR_GRADIENTS))
            .collect();
        let plan = Plan::new(&shape, &runs).unwrap();
        block_on(model.forward(&b, &plan, &mut store, &Patient)).unwrap();
        let traces = runs.into_iter().map(|r| r.keep.unwrap()).collect();
        Self {
            b,
            model,
            store,
            traces,
        }
    }

    fn back(&mut self, rule: Rule) -> Gradients {
        let shape = self.model.config.shape;
        let all: Vec<f32> = (0..shape.n_vocab).map(|i| (i % 5) as f32 - 2.0).collect();
        let slopes = [
            Slope::Tokens(vec![(7, 1.0), (2, -1.0)]),
            Slope::All(all),
            Slope::Tokens(vec![(5, 3.0)]),
            Slope::Tokens(vec![(0, -2.0)]),
        ];
        let seed = self.model.seed(&self.b, &slopes).unwrap();
        let layers = |site: &Site| 0..site.layers(shape.n_layer);
        let wanted: BTreeSet<_> = sites()
            .flat_map(|site| layers(&site).map(move |l| (site, l)))
            .collect();
        let back = self.model.backward(
            &self.b,
            &mut self.store,
            &self.traces,
            (&READS[..], seed),
            rule,
            &wanted,
            &Patient,
        );
        block_on(back).unwrap()
    }
}

#[test]
fn a_pass_backwards_is_that_of_the_cpu() {
    if gpu().is_none() {
        return;
    }
    // With the unembedding in one piece, and in several.
    for (model, max_tensor_bytes) in [
        ("deep", None),
        ("untied", Some(8000)),
        ("inverse", None),
        ("thin", Some(4000)),
    ] {
        let gpu = open(GpuOptions {
            max_tensor_bytes,
            ..GpuOptions::default()
        });
        let (mut here, mut there) = (Passes::new(Cpu, model), Passes::new(gpu, model));
        let layers = here.model.config.shape.n_layer;
        for rule in RULES {
            let (expected, found) = (here.back(rule), there.back(rule));
            for site in sites() {
                let (mut all, mut all_found) = (Vec::new(), Vec::new());
                for l in 0..site.layers(layers) {
                    for (u, p) in RUNS
                        .iter()
                        .enumerate()
                        .flat_map(|(u, tokens)| (0..tokens.len()).map(move |p| (u, p)))
                    {
                        let of = |g: &Gradients| g.of(site, l, u, p).map(<[f32]>::to_vec);
                        let (expected, found) = (of(&expected), of(&found));
                        assert_eq!(expected.is_some(), found.is_some(), "{site:?} {l} {u} {p}");
                        all.extend(expected.into_iter().flatten());
                        all_found.extend(found.into_iter().flatten());
                    }
                }
                assert!(all.iter().any(|v| v.abs() > 1e-3), "{site:?} tells nothing");
                let what = format!("{model}, {rule:?}, {site:?}");
                close(&what, &all_found, &all, 1e-4);
            }
        }
    }
}
