//! Matrix products.

use crate::gpu::{Random, gpu, same};
use patchbay_engine::backend::{Backend, Then};
use patchbay_engine::model::Activation;

/// Rows, inner, columns: every path and every kind of remainder of its tiles.
const SIZES: [[usize; 3]; 22] = [
    [1, 1, 1],
    [3, 7, 5],
    [4, 130, 65],
    [5, 16, 64],
    [9, 33, 31],
    [15, 130, 68],
    [16, 64, 100],
    [17, 33, 35],
    [31, 64, 64],
    [32, 48, 128],
    [33, 5, 66],
    [64, 64, 64],
    [65, 130, 67],
    [100, 36, 132],
    [129, 17, 3],
    [1, 768, 771],
    [40, 768, 100],
    // Whole vectors, as GPT-2 has them.
    [1, 68, 36],
    [2, 64, 20],
    [4, 132, 100],
    [8, 12, 16],
    [15, 132, 68],
];

#[test]
fn linear() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(5);
    for size @ [rows, inner, columns] in SIZES {
        let x = random.matrix([rows, inner]);
        let (weight, bias) = (random.matrix([inner, columns]), random.matrix([1, columns]));
        same!(gpu, format!("linear {size:?}"), |g, put| {
            let (x, weight, bias) = (put(&x), put(&weight), put(&bias));
            g.linear(&x, &weight, &bias, Then::Nothing).unwrap()
        });
        let onto = random.matrix([rows, columns]);
        same!(gpu, format!("linear, added {size:?}"), |g, put| {
            let (x, weight, bias, onto) = (put(&x), put(&weight), put(&bias), put(&onto));
            g.linear(&x, &weight, &bias, Then::Add(&onto)).unwrap()
        });
        for act in Activation::ALL.iter().copied() {
            same!(gpu, format!("linear, {act:?} {size:?}"), |g, put| {
                let (x, weight, bias) = (put(&x), put(&weight), put(&bias));
                g.linear(&x, &weight, &bias, Then::Activate(act)).unwrap()
            });
        }
        // Views: of x as the model has them; of the weights too, which the trait allows.
        let (wide, all) = (
            random.matrix([rows, inner + 3]),
            random.matrix([inner, columns + 2]),
        );
        same!(gpu, format!("linear, views {size:?}"), |g, put| {
            let x = g.columns(&put(&wide), 2..inner + 2).unwrap();
            let weight = g.columns(&put(&all), 1..columns + 1).unwrap();
            g.linear(&x, &weight, &put(&bias), Then::Nothing).unwrap()
        });
    }
    let (x, bias) = (gpu.zeros([2, 3]).unwrap(), gpu.zeros([1, 5]).unwrap());
    let e = gpu
        .linear(&x, &gpu.zeros([4, 5]).unwrap(), &bias, Then::Nothing)
        .err()
        .unwrap();
    assert_eq!(e.to_string(), "linear: expected [3, 5], found [4, 5]");
}

#[test]
fn unembed() {
    let Some(gpu) = &gpu() else { return };
    let mut random = Random(6);
    for size @ [rows, inner, tokens] in SIZES {
        let (x, wte) = (random.matrix([rows, inner]), random.matrix([tokens, inner]));
        same!(gpu, format!("unembed {size:?}"), |g, put| {
            g.unembed(&put(&x), &put(&wte)).unwrap()
        });
        let wide = random.matrix([rows, inner + 3]);
        same!(gpu, format!("unembed, a view {size:?}"), |g, put| {
            let x = g.columns(&put(&wide), 1..inner + 1).unwrap();
            g.unembed(&x, &put(&wte)).unwrap()
        });
    }
}
