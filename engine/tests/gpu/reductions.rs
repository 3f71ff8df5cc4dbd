//! Reductions over the vocabulary.

use crate::gpu::{Matrix, Random, gpu, same};
use patchbay_engine::backend::Backend;
use pollster::block_on;

const SIZES: [[usize; 2]; 6] = [[1, 1], [3, 7], [17, 33], [65, 300], [2, 1025], [3, 50_257]];

#[test]
fn log_sum_exp() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(8);
    for size @ [rows, columns] in SIZES {
        let mut x = random.matrix(size);
        x.1.iter_mut().for_each(|v| *v = 30.0 * *v - 100.0);
        same!(gpu, format!("log_sum_exp {size:?}"), |g, put| g
            .log_sum_exp(&put(&x))
            .unwrap());
        let wide = random.matrix([rows, columns + 2]);
        same!(gpu, format!("log_sum_exp, a view {size:?}"), |g, put| {
            g.log_sum_exp(&g.columns(&put(&wide), 1..columns + 1).unwrap())
                .unwrap()
        });
    }
    // Large logits overflow unless the largest is taken out first.
    let x = Matrix([2, 3], vec![1e4, 1e4, -1e4, -1e4, -1e4, -3e4]);
    same!(gpu, "log_sum_exp, large", |g, put| g
        .log_sum_exp(&put(&x))
        .unwrap());
}

#[test]
fn top_k() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(9);
    for size @ [rows, columns] in SIZES {
        let (x, wide) = (random.matrix(size), random.matrix([rows, columns + 3]));
        for k in [1, 2, 10, 50] {
            let largest = same!(gpu, format!("top_k {k} of {size:?}"), |g, put| {
                g.top_k(&put(&x), k).unwrap()
            });
            assert_eq!(
                largest, 0.0,
                "values are copied, and columns are whole numbers"
            );
            same!(gpu, format!("top_k {k}, a view {size:?}"), |g, put| {
                g.top_k(&g.columns(&put(&wide), 2..columns + 2).unwrap(), k)
                    .unwrap()
            });
        }
    }
}

#[test]
fn top_k_ties() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(10);
    // Few different values, so that most of them tie, in one lane and across lanes.
    let choices = [1.0, 0.0, -0.0, -2.0, f32::NEG_INFINITY, 1e-40];
    let values = (0..4 * 1000)
        .map(|_| choices[random.below(choices.len())])
        .collect();
    let x = Matrix([4, 1000], values);
    for k in [1, 40, 1000] {
        let largest = same!(gpu, format!("top_k {k} with ties"), |g, put| {
            g.top_k(&put(&x), k).unwrap()
        });
        assert_eq!(largest, 0.0);
    }
    let same = gpu.upload([1, 5], &[3.0; 5]).unwrap();
    let found = block_on(gpu.read(&gpu.top_k(&same, 3).unwrap())).unwrap();
    assert_eq!(found, [3.0, 3.0, 3.0, 0.0, 1.0, 2.0]);
}
