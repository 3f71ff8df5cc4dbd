//! The CPU backend's operations against plain loops in f64. (The kernels under
//! them have tests of their own, in `engine/kernels`.)
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::backend::{Backend, Then};
use patchbay_engine::model::Activation;
use patchbay_engine::rows::RowEdit;
use pollster::block_on;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn values(random: &mut StdRng, n: usize) -> Vec<f32> {
    (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn read(x: &<Cpu as Backend>::Tensor) -> Vec<f32> {
    block_on(Cpu.read(x)).unwrap()
}

/// The largest |found - expected| / max(1, |expected|) must be within the tolerance.
#[track_caller]
fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    let mut largest = 0.0f64;
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(*found) - expected).abs() / expected.abs().max(1.0);
        assert!(
            difference <= tolerance,
            "{what}: value {i} is {found}, not {expected}"
        );
        largest = largest.max(difference);
    }
    println!("{what}: largest difference {largest:.1e}");
}

/// Large enough that natively all cores share the work, with columns that do not
/// divide evenly among them.
#[test]
fn products_that_the_cores_share() {
    let mut random = StdRng::seed_from_u64(1);
    for [rows, inner, columns] in [[1, 300, 1003], [3, 200, 2050], [37, 130, 1001]] {
        let (x, weight) = (
            values(&mut random, rows * (inner + 2)),
            values(&mut random, inner * columns),
        );
        let (bias, onto) = (
            values(&mut random, columns),
            values(&mut random, rows * columns),
        );
        let up = |shape, values: &[f32]| Cpu.upload(shape, values).unwrap();
        let wide = up([rows, inner + 2], &x);
        let product = |transposed: bool| -> Vec<f64> {
            let cell = |r: usize, c: usize| {
                (0..inner)
                    .map(|k| {
                        let w = match transposed {
                            true => weight[c * inner + k],
                            false => weight[k * columns + c],
                        };
                        f64::from(x[r * (inner + 2) + 1 + k]) * f64::from(w)
                    })
                    .sum()
            };
            (0..rows * columns)
                .map(|i| cell(i / columns, i % columns))
                .collect()
        };
        let view = Cpu.columns(&wide, 1..inner + 1).unwrap();
        let plain = product(false);
        let with = |f: &dyn Fn(f64, usize) -> f64| -> Vec<f64> {
            let biased = |(i, p): (usize, &f64)| f(p + f64::from(bias[i % columns]), i);
            plain.iter().enumerate().map(biased).collect()
        };
        let (w, b, o) = (
            up([inner, columns], &weight),
            up([1, columns], &bias),
            up([rows, columns], &onto),
        );
        let linear = |then| read(&Cpu.linear(&view, &w, &b, then).unwrap());
        let reserved = Cpu.reserve_weight([inner, columns]).unwrap();
        Cpu.fill(&reserved, 0, &weight).unwrap();
        let again = read(&Cpu.linear(&view, &reserved, &b, Then::Nothing).unwrap());
        assert_eq!(linear(Then::Nothing), again, "a weight that was reserved");
        let name = |what| format!("{what} [{rows}, {inner}, {columns}]");
        close(
            &name("linear"),
            &linear(Then::Nothing),
            &with(&|x, _| x),
            1e-5,
        );
        close(
            &name("linear, added"),
            &linear(Then::Add(&o)),
            &with(&|x, i| x + f64::from(onto[i])),
            1e-5,
        );
        close(
            &name("linear, tanh"),
            &linear(Then::Activate(Activation::Tanh)),
            &with(&|x, _| x.tanh()),
            1e-5,
        );
        let wte = up([columns, inner], &weight);
        let logits = read(&Cpu.unembed(&view, &wte).unwrap());
        close(&name("unembed"), &logits, &product(true), 1e-5);
    }
}

/// As a model's weights come: so many rows at a time, at odd boundaries, of widths
/// that are not whole panels.
#[test]
fn a_reserved_weight_is_what_it_was_filled_with() {
    let mut random = StdRng::seed_from_u64(4);
    for [rows, columns] in [[1, 1], [7, 5], [10, 16], [13, 19], [30, 33], [5, 100]] {
        let weight = values(&mut random, rows * columns);
        for at_once in [1, 3, 4, rows] {
            let reserved = Cpu.reserve_weight([rows, columns]).unwrap();
            assert_eq!(Cpu.shape(&reserved), [rows, columns]);
            for (i, some) in weight.chunks(at_once * columns).enumerate() {
                Cpu.fill(&reserved, i * at_once, some).unwrap();
            }
            assert_eq!(read(&reserved), weight, "{at_once} of {rows} x {columns}");
            let last = u32::try_from(rows - 1).unwrap();
            let gathered = Cpu.gather(&reserved, &[last, 0]).unwrap();
            let expected = [&weight[(rows - 1) * columns..], &weight[..columns]].concat();
            assert_eq!(read(&gathered), expected, "rows of {rows} x {columns}");
        }
    }
}

#[test]
fn what_cannot_be_done_with_a_reserved_weight_is_refused() {
    let reserved = Cpu.reserve_weight([2, 3]).unwrap();
    let e = Cpu.fill(&reserved, 1, &[0.0; 6]).unwrap_err();
    let expected = "fill: expected whole rows within [2, 3], found 6 values from row 1 on";
    assert_eq!(e.to_string(), expected);
    let e = Cpu.fill(&reserved, 0, &[0.0; 4]).unwrap_err();
    assert!(
        e.to_string().starts_with("fill: expected whole rows"),
        "{e}"
    );
    let e = Cpu.gather(&reserved, &[0, 2]).unwrap_err();
    assert_eq!(e.to_string(), "gather: expected rows below 2, found row 2");
    let e = Cpu.columns(&reserved, 1..4).unwrap_err();
    let expected = "columns: expected columns of [2, 3], found 1..4";
    assert_eq!(e.to_string(), expected);
    let e = Cpu.unembed(&reserved, &reserved).unwrap_err();
    let expected = "unembed: expected a tensor, found a weight of a linear layer, [2, 3]";
    assert_eq!(e.to_string(), expected);
}

/// Against a whole sort, with equal values, both zeros, infinities and NaNs.
#[test]
fn the_largest_of_a_row() {
    let mut random = StdRng::seed_from_u64(5);
    for columns in [1, 2, 63, 64, 65, 200, 5000] {
        let mut x = values(&mut random, columns);
        for (i, x) in x.iter_mut().enumerate() {
            match i % 7 {
                0 => *x = (4.0 * *x).round(),
                3 if i % 5 == 0 => *x = f32::NEG_INFINITY,
                5 if i % 11 == 0 => *x = f32::INFINITY,
                6 if i % 13 == 0 => *x = f32::NAN,
                _ => {}
            }
        }
        let mut order: Vec<usize> = (0..columns).collect();
        order.sort_by(|a, b| x[*b].total_cmp(&x[*a]).then(a.cmp(b)));
        let on_device = Cpu.upload([1, columns], &x).unwrap();
        for k in [0, 1, 2, 10, 64, 100, columns, columns + 1] {
            let found = read(&Cpu.top_k(&on_device, k).unwrap());
            let k = k.min(columns);
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            let expected: Vec<f32> = order[..k].iter().map(|i| x[*i]).collect();
            assert_eq!(bits(&found[..k]), bits(&expected), "{k} of {columns}");
            let places: Vec<f32> = order[..k].iter().map(|i| *i as f32).collect();
            assert_eq!(found[k..], places, "places of {k} of {columns}");
        }
    }
}

#[test]
fn a_product_of_wrong_shapes_is_refused() {
    let zeros = |shape| Cpu.zeros(shape).unwrap();
    let (x, weight, bias) = (zeros([2, 3]), zeros([4, 5]), zeros([1, 5]));
    let e = Cpu.linear(&x, &weight, &bias, Then::Nothing).unwrap_err();
    assert_eq!(e.to_string(), "linear: expected [3, 5], found [4, 5]");
    let (weight, onto) = (zeros([3, 5]), zeros([5, 2]));
    let e = Cpu
        .linear(&x, &weight, &bias, Then::Add(&onto))
        .unwrap_err();
    assert_eq!(e.to_string(), "linear: expected [2, 5], found [5, 2]");
    let e = Cpu.unembed(&x, &weight).unwrap_err();
    assert_eq!(e.to_string(), "unembed: expected [3, 3], found [3, 5]");
}

#[test]
fn no_rows_are_no_rows() {
    let zeros = |shape| Cpu.zeros(shape).unwrap();
    let (x, weight, bias) = (zeros([0, 3]), zeros([3, 5]), zeros([1, 5]));
    let out = Cpu.linear(&x, &weight, &bias, Then::Nothing).unwrap();
    assert_eq!(Cpu.shape(&out), [0, 5]);
    assert_eq!(Cpu.shape(&Cpu.unembed(&x, &zeros([7, 3])).unwrap()), [0, 7]);
}

/// Rows as GPT-2 has them (a few dimensions near 3,000), rows of nearly equal
/// values, where a variance found as a difference of two large sums is noise, and
/// rows of equal values.
#[test]
fn layer_norm_of_hard_rows() {
    let mut random = StdRng::seed_from_u64(2);
    for n in [1, 5, 16, 17, 768] {
        let mut x = Vec::new();
        x.extend(values(&mut random, n));
        x.extend(values(&mut random, n));
        for i in [138, 378, 447] {
            if i < n {
                x[n + i] = 3000.0;
            }
        }
        x.extend(values(&mut random, n).iter().map(|v| 100.0 + 0.01 * v));
        x.extend(vec![7.0; n]);
        let rows = x.len() / n;
        let (weight, bias) = (values(&mut random, n), values(&mut random, n));
        let expected: Vec<f64> = x
            .chunks(n)
            .flat_map(|row| {
                let row: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
                let mean = row.iter().sum::<f64>() / n as f64;
                let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
                let scale = 1.0 / (variance + f64::from(1e-5f32)).sqrt();
                let pairs: Vec<f64> = (row.iter().zip(&weight).zip(&bias))
                    .map(|((v, w), b)| (v - mean) * scale * f64::from(*w) + f64::from(*b))
                    .collect();
                pairs
            })
            .collect();
        let up = |shape, values: &[f32]| Cpu.upload(shape, values).unwrap();
        let found = Cpu
            .layer_norm(
                &up([rows, n], &x),
                &up([1, n], &weight),
                &up([1, n], &bias),
                1e-5,
            )
            .unwrap();
        close(&format!("layer_norm {n}"), &read(&found), &expected, 2e-5);
    }
}

#[test]
fn what_is_set_to_zero_does_not_stay_a_nan() {
    let hurt = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2.0];
    let x = Cpu.upload([2, 4], &[hurt, hurt].concat()).unwrap();
    let edit = RowEdit {
        row: 1,
        start: 0,
        width: 4,
        source_row: 0,
        source_start: 0,
        scale: 0.0,
        coef: 1.0,
        gain: 0.0,
        most: f32::MAX,
    };
    let zeroed = read(&Cpu.edit(x.clone(), &[edit], None).unwrap());
    assert_eq!(zeroed[4..], [0.0; 4]);
    assert!(zeroed[0].is_nan(), "the other row is as it was");
    let source = Cpu.upload([1, 4], &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let replaced = read(&Cpu.edit(x, &[edit], Some(&source)).unwrap());
    assert_eq!(replaced[4..], [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn sums_of_exponentials_of_a_vocabulary() {
    let mut random = StdRng::seed_from_u64(3);
    let (rows, columns) = (5, 50257);
    let x: Vec<f32> = values(&mut random, rows * columns)
        .iter()
        .map(|v| 40.0 * v - 100.0)
        .collect();
    let expected: Vec<f64> = x
        .chunks(columns)
        .map(|row| row.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln())
        .collect();
    let x = Cpu.upload([rows, columns], &x).unwrap();
    close(
        "log_sum_exp",
        &read(&Cpu.log_sum_exp(&x).unwrap()),
        &expected,
        1e-6,
    );
}

/// Some columns of a weight, whether or not they begin and end with a panel of it, are what
/// they are of the same numbers row by row: read, multiplied by, and multiplied by backwards.
#[test]
fn some_columns_of_a_weight() {
    let mut random = StdRng::seed_from_u64(8);
    let (inner, all) = (37, 70);
    let numbers = values(&mut random, inner * all);
    let weight = Cpu.reserve_weight([inner, all]).unwrap();
    Cpu.fill(&weight, 0, &numbers).unwrap();
    let x = Cpu
        .upload([5, inner], &values(&mut random, 5 * inner))
        .unwrap();
    for columns in [0..70, 16..48, 48..70, 8..64, 3..20, 69..70, 64..64] {
        let width = columns.len();
        let of_row = |row: &[f32]| row[columns.clone()].to_vec();
        let plain: Vec<f32> = numbers.chunks(all).flat_map(of_row).collect();
        let plain = Cpu.upload([inner, width], &plain).unwrap();
        let some = Cpu.columns(&weight, columns.clone()).unwrap();
        let same = |a: &<Cpu as Backend>::Tensor, b: &<Cpu as Backend>::Tensor| {
            assert_eq!(Cpu.shape(a), Cpu.shape(b), "{columns:?}");
            for (a, b) in read(a).iter().zip(read(b)) {
                assert!(
                    (a - b).abs() <= 1e-5 * b.abs().max(1.0),
                    "{columns:?}: {a}, {b}"
                );
            }
        };
        same(&some, &plain);
        let bias = Cpu.upload([1, width], &values(&mut random, width)).unwrap();
        let product = |w| Cpu.linear(&x, w, &bias, Then::Nothing).unwrap();
        same(&product(&some), &product(&plain));
        let dy = Cpu
            .upload([5, width], &values(&mut random, 5 * width))
            .unwrap();
        let back = Cpu.linear_back(&dy, &weight, columns.clone()).unwrap();
        same(&back, &Cpu.unembed(&dy, &plain).unwrap());
    }
}
