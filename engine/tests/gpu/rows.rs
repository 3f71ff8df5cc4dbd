//! Rows moved and added, element by element functions, LayerNorm.

use crate::gpu::{Matrix, Random, SHAPES, gpu, same};
use patchbay_engine::backend::{Backend, Then};
use patchbay_engine::model::Activation;
use pollster::block_on;

#[test]
fn adds() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(1);
    for shape in SHAPES {
        let (a, b) = (random.matrix(shape), random.matrix(shape));
        same!(gpu, format!("add {shape:?}"), |g, put| g
            .add(&put(&a), &put(&b))
            .unwrap());
        let wide = random.matrix([shape[0], 3 * shape[1] + 1]);
        let view = shape[1] + 1..2 * shape[1] + 1;
        same!(gpu, format!("add, a view {shape:?}"), |g, put| {
            let view = g.columns(&put(&wide), view.clone()).unwrap();
            g.add(&view, &put(&b)).unwrap()
        });
    }
}

#[test]
fn activates() {
    let Some(gpu) = &gpu() else { return };
    // Dense where the functions bend, then far out, where exponentials overflow.
    let mut values: Vec<f32> = (-4000i16..=4000).map(|i| f32::from(i) / 500.0).collect();
    for large in [12.0, 20.0, 88.0, 100.0, 1e3, 3e4, 1e30] {
        values.extend([large, -large]);
    }
    values.extend([0.0, -0.0, 1e-30, -1e-30]);
    let x = Matrix(
        [5, values.len() / 5],
        values[..values.len() / 5 * 5].to_vec(),
    );
    for f in Activation::ALL.iter().copied() {
        same!(gpu, format!("{f:?}"), |g, put| g
            .activate(&put(&x), f)
            .unwrap());
        same!(gpu, format!("{f:?}, a view"), |g, put| {
            g.activate(&g.columns(&put(&x), 3..14).unwrap(), f).unwrap()
        });
    }
}

#[test]
fn gathers_scatters_joins() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(2);
    for shape @ [rows, columns] in SHAPES {
        let (a, b) = (
            random.matrix(shape),
            random.matrix([rows + 2, 2 * columns + 3]),
        );
        let some: Vec<u32> = (0..2 * rows).map(|_| random.below(rows) as u32).collect();
        let view = columns + 2..2 * columns + 2;
        same!(gpu, format!("gather {shape:?}"), |g, put| g
            .gather(&put(&a), &some)
            .unwrap());
        same!(gpu, format!("gather, a view {shape:?}"), |g, put| {
            g.gather(&g.columns(&put(&b), view.clone()).unwrap(), &some)
                .unwrap()
        });
        same!(gpu, format!("a view {shape:?}"), |g, put| {
            g.columns(&g.columns(&put(&b), 1..view.end).unwrap(), 1..columns + 1)
                .unwrap()
        });
        same!(gpu, format!("join {shape:?}"), |g, put| {
            let view = g.columns(&put(&b), view.clone()).unwrap();
            g.join(&view, &some, &put(&a), &some[..rows]).unwrap()
        });
        same!(gpu, format!("join, only the second {shape:?}"), |g, put| {
            g.join(&put(&a), &[], &put(&a), &some).unwrap()
        });
        same!(gpu, format!("sum_rows {shape:?}"), |g, put| {
            let view = g.columns(&put(&b), view.clone()).unwrap();
            let backwards: Vec<u32> = some.iter().rev().copied().collect();
            g.sum_rows(&view, &some, &put(&a), &backwards).unwrap()
        });
        // Every other row, from the back: distinct, and not in order.
        let places: Vec<u32> = (0..rows as u32).rev().map(|r| r * 2).collect();
        same!(gpu, format!("scatter {shape:?}"), |g, put| {
            let into = g.zeros([2 * rows, columns]).unwrap();
            g.scatter(&into, &places, &put(&a)).unwrap();
            into
        });
        let both = random.matrix([rows, 2 * columns]);
        for of in [0, 1] {
            same!(gpu, format!("scatter_pair, {of} {shape:?}"), |g, put| {
                let into = [0, 1].map(|_| g.zeros([2 * rows, columns]).unwrap());
                let both = put(&both);
                let (x, y) = (0..columns, columns..2 * columns);
                let [x, y] = [x, y].map(|part| g.columns(&both, part).unwrap());
                g.scatter_pair([&into[0], &into[1]], &places, [&x, &y])
                    .unwrap();
                into[of].clone()
            });
        }
        same!(gpu, format!("scatter, a view {shape:?}"), |g, put| {
            let into = put(&Matrix([2 * rows, columns], vec![7.0; 2 * rows * columns]));
            let x = g
                .gather(&put(&b), &places.iter().map(|r| r / 2).collect::<Vec<_>>())
                .unwrap();
            g.scatter(&into, &places, &g.columns(&x, view.clone()).unwrap())
                .unwrap();
            into
        });
    }
    let x = gpu.upload([2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
    assert!(gpu.gather(&x, &[0, 2]).is_err(), "a row that is not there");
    assert!(
        gpu.scatter(&x, &[2], &gpu.gather(&x, &[0]).unwrap())
            .is_err()
    );
    assert!(gpu.columns(&x, 1..3).is_err());
    assert!(gpu.join(&x, &[0], &x, &[2]).is_err());
    assert!(gpu.sum_rows(&x, &[0], &x, &[0, 1]).is_err());
    // Rows of a matrix onto others of the same.
    gpu.scatter(&x, &[1], &gpu.gather(&x, &[0]).unwrap())
        .unwrap();
    gpu.scatter(&x, &[1, 0], &x).unwrap();
    assert_eq!(block_on(gpu.read(&x)).unwrap(), [1.0, 2.0, 1.0, 2.0]);
    let y = gpu.upload([2, 2], &[5.0, 6.0, 7.0, 8.0]).unwrap();
    gpu.scatter_pair([&x, &y], &[0, 1], [&y, &x]).unwrap();
    let read = block_on(gpu.read_all(&[&x, &gpu.gather(&x, &[]).unwrap(), &y])).unwrap();
    let expected: [&[f32]; 3] = [&[5.0, 6.0, 7.0, 8.0], &[], &[5.0, 6.0, 7.0, 8.0]];
    assert_eq!(read, expected, "one after the other");
}

#[test]
fn normalises() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(3);
    for shape @ [rows, columns] in [[1, 1], [3, 7], [17, 33], [65, 130], [5, 768]] {
        let (mut x, weight, bias) = (
            random.matrix(shape),
            random.matrix([1, columns]),
            random.matrix([1, columns]),
        );
        // GPT-2's residual stream has such dimensions at position 0.
        x.1[rows * columns / 2] = 3000.0;
        same!(gpu, format!("layer_norm {shape:?}"), |g, put| {
            g.layer_norm(&put(&x), &put(&weight), &put(&bias), 1e-5)
                .unwrap()
        });
        let wide = random.matrix([rows, columns + 5]);
        same!(gpu, format!("layer_norm, a view {shape:?}"), |g, put| {
            let view = g.columns(&put(&wide), 4..columns + 4).unwrap();
            g.layer_norm(&view, &put(&weight), &put(&bias), 1e-5)
                .unwrap()
        });
    }
}

/// More rows, and more workgroups, than go side by side: 17 million elements,
/// 256 to a workgroup. `narrow.rs` does the same to every kernel, with less.
#[test]
fn takes_many_rows() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(4);
    let x = random.matrix([70_001, 3]);
    let backwards: Vec<u32> = (0..70_001).rev().collect();
    same!(gpu, "70001 rows: gather and scatter", |g, put| {
        let into = g.zeros([70_001, 3]).unwrap();
        let x = g.gather(&put(&x), &backwards[..70_000]).unwrap();
        g.scatter(&into, &backwards[1..], &x).unwrap();
        into
    });
    let (into, row) = (gpu.zeros([65_537, 257]).unwrap(), random.values(257));
    let row = gpu.upload([1, 257], &row).unwrap();
    let twice = gpu
        .add(&gpu.gather(&row, &[0; 65_537]).unwrap(), &into)
        .unwrap();
    let last = block_on(gpu.read(&gpu.gather(&twice, &[65_536, 30_000]).unwrap())).unwrap();
    let row = block_on(gpu.read(&row)).unwrap();
    assert!(last[..257] == row && last[257..] == row);
}

#[test]
fn takes_no_rows() {
    let Some(gpu) = &gpu() else { return };
    let none = gpu.zeros([0, 6]).unwrap();
    let two = gpu.upload([2, 6], &[1.5; 12]).unwrap();
    let row = gpu.upload([1, 6], &[0.5; 6]).unwrap();
    let square = gpu.upload([6, 6], &[0.25; 36]).unwrap();
    let empty = [
        gpu.upload([0, 6], &[]).unwrap(),
        gpu.gather(&two, &[]).unwrap(),
        gpu.gather(&none, &[]).unwrap(),
        gpu.join(&none, &[], &two, &[]).unwrap(),
        gpu.sum_rows(&two, &[], &two, &[]).unwrap(),
        gpu.add(&none, &none).unwrap(),
        gpu.layer_norm(&none, &row, &row, 1e-5).unwrap(),
        gpu.linear(&none, &square, &row, Then::Nothing).unwrap(),
        gpu.unembed(&none, &square).unwrap(),
        gpu.activate(&none, Activation::Gelu).unwrap(),
        gpu.edit(none.clone(), &[], None).unwrap(),
        gpu.columns(&none, 2..4).unwrap(),
        gpu.log_sum_exp(&none).unwrap(),
        gpu.top_k(&none, 3).unwrap(),
    ];
    for (i, x) in empty.iter().enumerate() {
        assert_eq!(gpu.shape(x)[0], 0, "the {i}th");
        assert!(block_on(gpu.read(x)).unwrap().is_empty());
    }
    gpu.scatter(&two, &[], &none).unwrap();
    gpu.scatter_pair([&two, &two], &[], [&none, &none]).unwrap();
    let joined = gpu.join(&none, &[], &two, &[0, 1]).unwrap();
    assert_eq!(block_on(gpu.read(&joined)).unwrap(), [1.5; 12]);
}
