//! The kernels against plain loops in f64, at sizes before, on and after every
//! edge that they have, for the registers of this machine, for the lanes of any
//! other, and one value at a time.

use crate::activation::{Activation, Function, activate};
use crate::panels::{Line, PANEL, lines, put, row};
use crate::{Linear, SCRATCH, Unembed, Vector, linear, reduce, unembed};

/// Rows, inner, columns.
const SIZES: [[usize; 3]; 24] = [
    [1, 1, 1],
    [1, 4, 17],
    [1, 770, 1030],
    [2, 7, 5],
    [3, 64, 33],
    [4, 66, 1025],
    [5, 1, 1],
    [5, 63, 15],
    [6, 64, 16],
    [7, 65, 17],
    [9, 5, 7],
    [11, 130, 34],
    [13, 3, 9],
    [15, 768, 24],
    [17, 128, 8],
    [31, 129, 31],
    [65, 70, 50],
    [259, 2, 20],
    [261, 65, 12],
    [530, 67, 19],
    [8, 68, 3100],
    [5, 1537, 23],
    [100, 700, 24],
    [260, 513, 16],
];

fn functions() -> impl Iterator<Item = Function> {
    let activations = Activation::ALL.iter().map(|a| Function::from(*a));
    std::iter::once(Function::Identity).chain(activations)
}

/// Numbers between -1 and 1, the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn value(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn values(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.value()).collect()
    }
}

/// What rounding may do to a product, as a part of the sum of its terms' sizes.
const TOLERANCE: f64 = 5e-7;

/// A sum, and the sum of its terms' sizes.
fn sum_and_size(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((0.0, 0.0), |(sum, size), term| {
        (sum + term, size + term.abs())
    })
}

/// The functions as they are defined.
fn exact(function: Function, x: f64) -> f64 {
    match function {
        Function::Identity => x,
        Function::GeluNew => {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            x / (1.0 + (-2.0 * u).exp())
        }
        Function::Gelu => x * normal(x),
        Function::Relu => x.max(0.0),
        Function::Silu => x / (1.0 + (-x).exp()),
        Function::Tanh => x.tanh(),
    }
}

/// The normal distribution function, by Simpson's rule from 0 or from far below.
fn normal(x: f64) -> f64 {
    if x > 12.0 {
        return 1.0;
    }
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (from, start) = if x < -1.0 {
        (x - 12.0, 0.0)
    } else {
        (0.0, 0.5)
    };
    let steps = 4000;
    let h = (x - from) / f64::from(steps);
    let sum: f64 = (0..=steps)
        .map(|i| {
            let weight = match i {
                0 => 1.0,
                i if i == steps => 1.0,
                i if i % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(from + h * f64::from(i))
        })
        .sum();
    start + sum * h / 3.0
}

/// A weight in panels.
fn packed(shape: [usize; 2], weight: &[f32]) -> Vec<Line> {
    let mut panels = vec![Line::default(); lines(shape[0], shape[1])];
    put(&mut panels, shape, 0, weight);
    panels
}

#[test]
fn a_weight_is_put_into_panels_and_found_again() {
    let mut random = Random(4);
    for [inner, columns] in [[1, 1], [3, 7], [5, 8], [4, 16], [7, 17], [9, 40], [2, 63]] {
        let shape = [inner, columns];
        let weight = random.values(inner * columns);
        let whole = packed(shape, &weight);
        // Where nothing is put there are zeros.
        for (i, line) in whole.iter().enumerate() {
            for (j, found) in line.0.iter().enumerate() {
                let (k, column) = (i % inner, i / inner * PANEL + j);
                let expected = match column < columns {
                    true => weight[k * columns + column],
                    false => 0.0,
                };
                assert_eq!(*found, expected, "{shape:?} at {k}, {column}");
            }
        }
        for at_once in 1..=inner {
            let mut panels = vec![Line::default(); lines(inner, columns)];
            for (i, rows) in weight.chunks(at_once * columns).enumerate() {
                put(&mut panels, shape, i * at_once, rows);
            }
            for (k, expected) in weight.chunks(columns).enumerate() {
                let found: Vec<f32> = row(&panels, shape, k).collect();
                assert_eq!(
                    found, expected,
                    "{shape:?}, {at_once} rows at once, row {k}"
                );
            }
        }
    }
}

/// A product, made by `multiply`, with views on all sides: what lies between the
/// rows of the result must stay as it was.
fn check_linear(name: &str, function: Function, add: bool, multiply: impl Fn(&Linear)) {
    let mut random = Random(1);
    let mut scratch = vec![f32::NAN; SCRATCH];
    let mut largest = 0.0f64;
    for [rows, inner, columns] in SIZES {
        let (x_stride, out_stride) = (inner + 3, columns + 2);
        let x = random.values(rows * x_stride);
        let weight = random.values(inner * columns);
        let panels = packed([inner, columns], &weight);
        let bias = random.values(columns);
        let onto = random.values(rows * out_stride);
        let mut out = vec![f32::NAN; rows * out_stride];
        multiply(&Linear {
            rows,
            inner,
            columns,
            x: x.as_ptr(),
            x_stride,
            weight: panels.as_ptr(),
            bias: bias.as_ptr(),
            onto: if add { onto.as_ptr() } else { std::ptr::null() },
            onto_stride: out_stride,
            function,
            out: out.as_mut_ptr(),
            out_stride,
            scratch: scratch.as_mut_ptr(),
        });
        for r in 0..rows {
            for c in 0..columns {
                let terms = (0..inner)
                    .map(|k| f64::from(x[r * x_stride + k]) * f64::from(weight[k * columns + c]));
                let (sum, size) = sum_and_size(terms);
                let mut expected = exact(function, sum + f64::from(bias[c]));
                if add {
                    expected += f64::from(onto[r * out_stride + c]);
                }
                let found = f64::from(out[r * out_stride + c]);
                let difference = (found - expected).abs() / (2.0 + size);
                assert!(
                    difference <= TOLERANCE,
                    "{name} {function:?} [{rows}, {inner}, {columns}] at {r}, {c}: {found}, not {expected}"
                );
                largest = largest.max(difference);
            }
            for between in &out[r * out_stride + columns..(r + 1) * out_stride] {
                assert!(between.is_nan(), "{name} wrote beyond row {r}");
            }
        }
    }
    println!("{name} {function:?}: largest difference {largest:.1e}");
}

#[test]
fn products_are_those_of_plain_loops() {
    let plain = functions().map(|f| (f, false));
    for (function, add) in plain.chain([(Function::Identity, true)]) {
        // SAFETY, here and below: the sizes are those of the vectors.
        check_linear("here", function, add, |p| unsafe { crate::linear(p) });
    }
    check_linear("lanes", Function::GeluNew, true, |p| unsafe {
        linear::linear::<[f32; 8]>(p);
    });
    check_linear("single", Function::GeluNew, true, |p| unsafe {
        linear::linear::<f32>(p)
    });
}

#[test]
fn a_product_in_parts_is_the_product() {
    for split in [0, 1, 2] {
        check_linear("parts", Function::Identity, true, |p| unsafe {
            let split = (split * PANEL).min(p.columns / PANEL * PANEL);
            crate::linear(&p.some(0..split));
            crate::linear(&p.some(split..p.columns));
        });
    }
}

#[test]
fn logits_are_those_of_plain_loops() {
    let here = |p: &Unembed| unsafe { crate::unembed(p) };
    let lanes = |p: &Unembed| unsafe { unembed::unembed::<[f32; 8]>(p) };
    let single = |p: &Unembed| unsafe { unembed::unembed::<f32>(p) };
    let halves = |p: &Unembed| unsafe {
        crate::unembed(&p.some(0..p.tokens / 2));
        crate::unembed(&p.some(p.tokens / 2..p.tokens));
    };
    for multiply in [&here as &dyn Fn(&Unembed), &lanes, &single, &halves] {
        let mut random = Random(2);
        for [rows, inner, tokens] in SIZES {
            let (x_stride, wte_stride, out_stride) = (inner + 1, inner + 2, tokens + 3);
            let x = random.values(rows * x_stride);
            let wte = random.values(tokens * wte_stride);
            let mut out = vec![f32::NAN; rows * out_stride];
            multiply(&Unembed {
                rows,
                inner,
                tokens,
                x: x.as_ptr(),
                x_stride,
                wte: wte.as_ptr(),
                wte_stride,
                out: out.as_mut_ptr(),
                out_stride,
            });
            for r in 0..rows {
                for t in 0..tokens {
                    let terms = (0..inner).map(|k| {
                        f64::from(x[r * x_stride + k]) * f64::from(wte[t * wte_stride + k])
                    });
                    let (expected, size) = sum_and_size(terms);
                    let found = f64::from(out[r * out_stride + t]);
                    let difference = (found - expected).abs() / (2.0 + size);
                    assert!(
                        difference <= TOLERANCE,
                        "[{rows}, {inner}, {tokens}] at {r}, {t}: {found}, not {expected}"
                    );
                }
                assert!(
                    out[r * out_stride + tokens..(r + 1) * out_stride]
                        .iter()
                        .all(|v| v.is_nan())
                );
            }
        }
    }
}

/// Runs a function on values by every implementation.
fn by_all(function: Function, values: &[f32]) -> [Vec<f32>; 3] {
    let by = |f: &dyn Fn(&mut [f32])| {
        let mut values = values.to_vec();
        f(&mut values);
        values
    };
    [
        by(&|v| crate::activate(function, v)),
        by(&|v| unsafe { activate::<[f32; 8]>(function, v) }),
        by(&|v| unsafe { activate::<f32>(function, v) }),
    ]
}

#[test]
fn functions_are_as_they_are_defined() {
    // From tiny to far outside, both signs, and an odd number of them.
    let mut values: Vec<f32> = (-2401..=2401).map(|i| i as f32 / 200.0).collect();
    values.extend([
        0.0, 1e-30, -1e-30, 1e-7, -1e-7, 1e-3, -1e-3, 40.0, -40.0, 3000.0, -3000.0,
    ]);
    for function in functions() {
        let mut largest = 0.0f64;
        for found in by_all(function, &values) {
            for (x, found) in values.iter().zip(found) {
                let expected = exact(function, f64::from(*x));
                // Of the value; where it has died away, of what is far below any
                // other activation.
                let difference = (f64::from(found) - expected).abs() / expected.abs().max(1e-6);
                assert!(
                    difference <= 2e-6,
                    "{function:?}({x}) is {found}, not {expected}"
                );
                largest = largest.max(difference);
            }
        }
        println!("{function:?}: largest difference {largest:.1e}");
    }
}

#[test]
fn a_nan_stays_one() {
    for function in functions() {
        for found in by_all(function, &[f32::NAN; 9]) {
            assert!(found.iter().all(|v| v.is_nan()), "{function:?}: {found:?}");
        }
    }
}

#[test]
fn sums_of_exponentials() {
    for n in [1, 3, 8, 1023, 1024, 5000, 50257] {
        let values: Vec<f32> = Random(3).values(n).iter().map(|v| 30.0 * v).collect();
        let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let expected: f64 = values.iter().map(|v| f64::from(v - most).exp()).sum();
        for found in [
            crate::sum_exp(&values, most),
            unsafe { reduce::sum_exp::<[f32; 8]>(&values, most) },
            unsafe { reduce::sum_exp::<f32>(&values, most) },
        ] {
            let difference = (found / expected - 1.0).abs();
            assert!(difference < 1e-6, "{n} values: {found}, not {expected}");
        }
    }
}

#[test]
fn tiles_are_no_taller_than_there_are_kernels_for() {
    for tile in [<[f32; 8]>::TILE, f32::TILE] {
        assert!((1..=6).contains(&tile));
    }
}

/// Heads of odd widths, and rows shorter than a register.
#[test]
fn rows_equal_their_formula() {
    let values =
        |n: usize, by: f32| -> Vec<f32> { (0..n).map(|i| (i as f32 * by).sin() * 3.0).collect() };
    for (heads, width) in [(1, 1), (2, 7), (3, 16), (12, 64), (4, 37)] {
        let n = heads * width;
        let (q, k) = (values(n, 0.37), values(n, 0.11));
        let stride = 5;
        let mut found = vec![9.0; heads * stride];
        crate::scores([&q, &k], width, 0.5, &mut found, stride);
        let mut z = values(n, 0.71);
        let mut expected_z = z.clone();
        crate::mix(&found, stride, &k, width, &mut z);
        for h in 0..heads {
            let head = h * width..(h + 1) * width;
            let product = q[head.clone()].iter().zip(&k[head.clone()]);
            let product: f64 = product.map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
            let difference = f64::from(found[h * stride]) - 0.5 * product;
            assert!(difference.abs() < 1e-4, "{heads} {width}: {difference}");
            for i in head {
                expected_z[i] += found[h * stride] * k[i];
            }
        }
        assert!(
            found
                .iter()
                .enumerate()
                .all(|(i, f)| i % stride == 0 || *f == 9.0)
        );
        for (found, expected) in z.iter().zip(&expected_z) {
            assert!((found - expected).abs() < 1e-3, "{found}, not {expected}");
        }
    }
    for n in [1, 3, 8, 17, 768] {
        let x: Vec<f32> = values(n, 0.9).iter().map(|x| x + 3000.0).collect();
        let (weight, bias) = (values(n, 0.3), values(n, 0.2));
        let mut found = vec![0.0; n];
        crate::layer_norm(&x, [&weight, &bias], 1e-5, &mut found);
        let mean = x.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
        let variance = x
            .iter()
            .map(|x| (f64::from(*x) - mean).powi(2))
            .sum::<f64>()
            / n as f64;
        for i in 0..n {
            let normal = (f64::from(x[i]) - mean) / (variance + 1e-5).sqrt();
            let expected = normal * f64::from(weight[i]) + f64::from(bias[i]);
            let difference = (f64::from(found[i]) - expected).abs() / expected.abs().max(1.0);
            assert!(difference < 2e-4, "{n}: {}, not {expected}", found[i]);
        }
    }
    let mut none = [0.0; 3];
    crate::layer_norm(&[1e20, -1e20, 0.0], [&[1.0; 3], &[0.0; 3]], 1e-5, &mut none);
    assert!(none.iter().all(|x| !x.is_finite()), "{none:?}");
}
