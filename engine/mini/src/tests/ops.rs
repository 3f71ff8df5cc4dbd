//! Each operation's gradient against differences of its own forward pass.

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::ops::{layer_norm_slow, softmax};
use rand::{Rng as _, SeedableRng as _};

use crate::ops::{
    bias::AddBias, gelu::GeluNew, layer_norm::LayerNorm, loss::CrossEntropy, softmax::CausalSoftmax,
};
use crate::texts::Rng;

fn random(seed: u64, shape: &[usize]) -> Tensor {
    let mut rng = Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| rng.random_range(-1.5..1.5))
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f32) {
    for (f, e) in values(found).into_iter().zip(values(expected)) {
        assert!(
            (f - e).abs() <= tolerance * e.abs().max(1.0),
            "{f} where {e} was expected"
        );
    }
}

/// The gradient of a scalar function at `at`, and by central differences.
fn assert_gradient(at: &Tensor, function: impl Fn(&Tensor) -> Result<Tensor>) {
    let var = Var::from_tensor(at).unwrap();
    let gradients = function(var.as_tensor()).unwrap().backward().unwrap();
    let step = 1e-2;
    let start = values(at);
    let moved = |i: usize, by: f32| -> f32 {
        let mut moved = start.clone();
        moved[i] += by;
        let moved = Tensor::from_vec(moved, at.shape(), &Device::Cpu).unwrap();
        function(&moved).unwrap().to_scalar().unwrap()
    };
    let slopes: Vec<f32> = (0..start.len())
        .map(|i| (moved(i, step) - moved(i, -step)) / (2.0 * step))
        .collect();
    let slopes = Tensor::from_vec(slopes, at.shape(), &Device::Cpu).unwrap();
    assert_close(gradients.get(&var).unwrap(), &slopes, 5e-3);
}

/// A scalar that weighs every output differently.
fn weighed(y: &Tensor) -> Result<Tensor> {
    (y * random(9, y.dims()))?.sum_all()
}

#[test]
fn gelu() {
    let x = random(1, &[4, 6]);
    assert_close(&x.apply_op1(GeluNew).unwrap(), &x.gelu().unwrap(), 1e-5);
    assert_gradient(&x, |x| weighed(&x.apply_op1(GeluNew)?));
}

#[test]
fn bias() {
    let (x, b) = (random(1, &[5, 4]), random(2, &[4]));
    let expected = x.broadcast_add(&b).unwrap();
    assert_close(&x.apply_op2(&b, AddBias).unwrap(), &expected, 1e-6);
    assert_gradient(&x, |x| weighed(&x.apply_op2(&b, AddBias)?));
    assert_gradient(&b, |b| weighed(&x.apply_op2(b, AddBias)?));
}

#[test]
fn layer_norm() {
    let (x, w, b) = (random(1, &[3, 8]), random(2, &[8]), random(3, &[8]));
    let norm = |x: &Tensor, w: &Tensor, b: &Tensor| x.apply_op3(w, b, LayerNorm { epsilon: 1e-5 });
    let expected = layer_norm_slow(&x, &w, &b, 1e-5).unwrap();
    assert_close(&norm(&x, &w, &b).unwrap(), &expected, 1e-5);
    assert_gradient(&x, |x| weighed(&norm(x, &w, &b)?));
    assert_gradient(&w, |w| weighed(&norm(&x, w, &b)?));
    assert_gradient(&b, |b| weighed(&norm(&x, &w, b)?));
}

#[test]
fn causal_softmax() {
    let scores = random(1, &[2, 4, 4]);
    let pattern = |x: &Tensor| {
        x.apply_op1(CausalSoftmax {
            scale: 0.5,
            positions: 4,
        })
    };
    let found = pattern(&scores).unwrap();
    for row in 0..4 {
        let seen = (scores
            .narrow(1, row, 1)
            .unwrap()
            .narrow(2, 0, row + 1)
            .unwrap()
            * 0.5)
            .unwrap();
        let found = found.narrow(1, row, 1).unwrap();
        assert_close(
            &found.narrow(2, 0, row + 1).unwrap(),
            &softmax(&seen, 2).unwrap(),
            1e-6,
        );
        assert!(
            values(&found.narrow(2, row, 4 - row).unwrap())[1..4 - row]
                .iter()
                .all(|&p| p == 0.0)
        );
    }
    assert_gradient(&scores, |x| weighed(&pattern(x)?));
}

#[test]
fn cross_entropy() {
    let logits = random(1, &[3, 5]);
    let loss = |x: &Tensor| {
        x.apply_op1(CrossEntropy {
            targets: vec![vec![4], vec![0], vec![2, 3]],
            weights: vec![1.0, 4.0, 0.5],
        })
    };
    let log = candle_nn::ops::log_softmax(&logits, 1)
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let expected = -(log[0][4] + 4.0 * log[1][0] + 0.25 * (log[2][2] + log[2][3])) / 5.5;
    assert!((loss(&logits).unwrap().to_scalar::<f32>().unwrap() - expected).abs() < 1e-5);
    assert_gradient(&logits, |x| loss(x)? * 3.0);
}
