//! What is done row by row: attention's products of a query and a key and its sum of
//! values, head by head, and LayerNorm.

use crate::Vector;

/// `scores[h * stride] := scale * (q[h] . k[h])` of each head `h`, `width` values a head.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn scores<V: Vector>(
    [q, k]: [&[f32]; 2],
    width: usize,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
) {
    let heads = q.chunks_exact(width).zip(k.chunks_exact(width));
    for ((q, k), score) in heads.zip(scores.iter_mut().step_by(stride)) {
        // SAFETY: the caller's promise.
        *score = scale * unsafe { dot::<V>(q, k) };
    }
}

/// `z[h] += weights[h * stride] * v[h]` of each head `h`, `width` values a head.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn mix<V: Vector>(
    weights: &[f32],
    stride: usize,
    v: &[f32],
    width: usize,
    z: &mut [f32],
) {
    let heads = z.chunks_exact_mut(width).zip(v.chunks_exact(width));
    for ((z, v), weight) in heads.zip(weights.iter().step_by(stride)) {
        let whole = width - width % V::LANES;
        let by = V::splat(*weight);
        let vectors = z[..whole].chunks_exact_mut(V::LANES);
        for (z, v) in vectors.zip(v[..whole].chunks_exact(V::LANES)) {
            // SAFETY: whole vectors of values.
            unsafe {
                let sum = V::load(v.as_ptr()).mul_add(by, V::load(z.as_ptr()));
                sum.store(z.as_mut_ptr());
            }
        }
        for (z, v) in z[whole..].iter_mut().zip(&v[whole..]) {
            *z += weight * v;
        }
    }
}

/// `out := (x - mean) / sqrt(variance + epsilon) * weight + bias`. The variance is
/// taken from the distances to the mean, and the mean in two parts, what the first one
/// missed apart: a row of the residual stream may have values near 3,000, or all
/// nearly equal.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn layer_norm<V: Vector>(
    x: &[f32],
    [weight, bias]: [&[f32]; 2],
    epsilon: f32,
    out: &mut [f32],
) {
    // SAFETY, of all: the caller's promise.
    let first = unsafe { mean::<V>(x, 0.0, 0.0, false) };
    let missed = unsafe { mean::<V>(x, first, 0.0, false) };
    let variance = unsafe { mean::<V>(x, first, missed, true) };
    let (first_of, missed_of) = (V::splat(first), V::splat(missed));
    // Dividing by an infinite deviation would make zeros, which look like numbers.
    let scale = match variance > f32::MAX {
        true => variance,
        false => 1.0 / (variance + epsilon).sqrt(),
    };
    let whole = x.len() - x.len() % V::LANES;
    for i in (0..whole).step_by(V::LANES) {
        let at = i..i + V::LANES;
        // SAFETY: whole vectors of values.
        unsafe {
            let centred = V::load(x[at.clone()].as_ptr()).sub(first_of).sub(missed_of);
            let weight = V::load(weight[at.clone()].as_ptr());
            let bias = V::load(bias[at.clone()].as_ptr());
            let scaled = centred.mul(V::splat(scale)).mul(weight);
            scaled.add(bias).store(out[at].as_mut_ptr());
        }
    }
    for i in whole..x.len() {
        out[i] = ((x[i] - first) - missed) * scale * weight[i] + bias[i];
    }
}

/// The mean of `x - first - missed`, or of its square.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
#[allow(clippy::cast_precision_loss)] // rows are shorter than 2^24
unsafe fn mean<V: Vector>(x: &[f32], first: f32, missed: f32, square: bool) -> f32 {
    let (first_of, missed_of) = (V::splat(first), V::splat(missed));
    let whole = x.len() - x.len() % (2 * V::LANES);
    let mut sums = [V::splat(0.0); 2];
    for two in x[..whole].chunks_exact(2 * V::LANES) {
        for (sum, values) in sums.iter_mut().zip(two.chunks_exact(V::LANES)) {
            // SAFETY: a whole vector of values.
            let centred = unsafe { V::load(values.as_ptr()) }
                .sub(first_of)
                .sub(missed_of);
            *sum = match square {
                true => centred.mul_add(centred, *sum),
                false => sum.add(centred),
            };
        }
    }
    let rest = x[whole..].iter().map(|x| {
        let centred = (x - first) - missed;
        if square { centred * centred } else { centred }
    });
    (sums[0].add(sums[1]).sum() + rest.sum::<f32>()) / x.len() as f32
}

/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn dot<V: Vector>(a: &[f32], b: &[f32]) -> f32 {
    let whole = a.len() - a.len() % (2 * V::LANES);
    let mut sums = [V::splat(0.0); 2];
    let twos = a[..whole].chunks_exact(2 * V::LANES);
    for (a, b) in twos.zip(b[..whole].chunks_exact(2 * V::LANES)) {
        for (i, sum) in sums.iter_mut().enumerate() {
            let at = i * V::LANES..(i + 1) * V::LANES;
            // SAFETY: whole vectors of values.
            *sum =
                unsafe { V::load(a[at.clone()].as_ptr()).mul_add(V::load(b[at].as_ptr()), *sum) };
        }
    }
    let rest: f32 = a[whole..].iter().zip(&b[whole..]).map(|(a, b)| a * b).sum();
    sums[0].add(sums[1]).sum() + rest
}
