//! How fast each kernel is at GPT-2 small's sizes. Prints, and judges nothing:
//! `cargo test -p patchbay-engine --test engine gpu::speed -- --ignored --nocapture`

use crate::gpu::{Random, gpu};
use patchbay_engine::backend::gpu::{Gpu, Tensor};
use patchbay_engine::backend::{Backend, Then};
use patchbay_engine::model::Activation;
use patchbay_engine::rows::{OWN_ROW, SlotTable};
use pollster::block_on;
use std::time::{Duration, Instant};

const N: usize = 768;
const INNER: usize = 3072;
const VOCABULARY: usize = 50_257;

/// The shortest of some repetitions, from the first command to the last number.
fn shortest(gpu: &Gpu, mut f: impl FnMut() -> Tensor) -> Duration {
    let once = |f: &mut dyn FnMut() -> Tensor| {
        let started = Instant::now();
        let out = f();
        let first = gpu.columns(&out, 0..1).unwrap();
        block_on(gpu.read(&gpu.gather(&first, &[0]).unwrap())).unwrap();
        started.elapsed()
    };
    once(&mut f);
    (0..4).map(|_| once(&mut f)).min().unwrap()
}

#[test]
#[ignore = "it measures, and takes minutes on a software adapter"]
fn speed() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(30);
    let mut put = |shape: [usize; 2]| {
        let values = random.values(shape[0] * shape[1]);
        gpu.upload(shape, &values).unwrap()
    };
    println!("{}", gpu.info().device);
    let tell = |what: String, multiplications: usize, bytes: usize, took: Duration| {
        let rate = |x: usize| x as f64 / took.as_secs_f64() / 1e9;
        println!(
            "{what}: {:.2} ms, {:.2} GFLOP/s, {:.2} GB/s",
            took.as_secs_f64() * 1e3,
            rate(2 * multiplications),
            rate(bytes)
        );
    };
    let wte = put([VOCABULARY, N]);
    for rows in [1, 4, 15, 64] {
        for (name, from, to) in [
            ("c_attn", N, 3 * N),
            ("c_proj", N, N),
            ("c_fc", N, INNER),
            ("mlp c_proj", INNER, N),
        ] {
            let (x, bias) = (put([rows, from]), put([1, to + 1]));
            let wide = put([from, to + 1]);
            let whole = put([from, to]);
            let first = gpu.columns(&bias, 0..to).unwrap();
            let act = || Then::Activate(Activation::GeluNew);
            let bytes = 4 * from * to;
            let took = shortest(gpu, || gpu.linear(&x, &whole, &first, act()).unwrap());
            tell(
                format!("{name}, {rows} rows"),
                rows * from * to,
                bytes,
                took,
            );
            // The same where rows of the weight do not start at multiples of 4.
            let odd = gpu.columns(&wide, 1..to + 1).unwrap();
            let took = shortest(gpu, || gpu.linear(&x, &odd, &first, act()).unwrap());
            let name = format!("{name}, {rows} rows, not aligned");
            tell(name, rows * from * to, bytes, took);
        }
        let (x, row) = (put([rows, N]), put([1, N]));
        let took = shortest(gpu, || gpu.layer_norm(&x, &row, &row, 1e-5).unwrap());
        tell(
            format!("layer_norm, {rows} rows"),
            4 * rows * N,
            8 * rows * N,
            took,
        );
        let qkv = put([rows, 3 * N]);
        let [q, k, v] = [0, N, 2 * N].map(|c| gpu.columns(&qkv, c..c + N).unwrap());
        let table = gpu
            .upload_table(&SlotTable {
                run: vec![0; rows],
                len: (1..=rows as u32).collect(),
                slots: (0..rows as u32).map(|r| r | OWN_ROW).collect(),
                width: rows,
            })
            .unwrap();
        let keys = rows * (rows + 1) / 2;
        let took = shortest(gpu, || {
            gpu.attend(&q, [&k, &x], [&v, &x], &table, 12, 0.125)
                .unwrap()
        });
        tell(
            format!("attend, {rows} rows"),
            2 * keys * N,
            8 * keys * N,
            took,
        );
        let took = shortest(gpu, || {
            let pattern = gpu.pattern(&q, &k, &x, &table, 12, 0.125).unwrap();
            gpu.mix(&pattern, &v, &x, &table, 12).unwrap()
        });
        tell(
            format!("pattern and mix, {rows} rows"),
            2 * keys * N,
            8 * keys * N,
            took,
        );
        if rows <= 15 {
            let took = shortest(gpu, || gpu.unembed(&x, &wte).unwrap());
            let (work, bytes) = (rows * N * VOCABULARY, 4 * N * VOCABULARY);
            tell(format!("unembed, {rows} rows"), work, bytes, took);
        }
    }
}
