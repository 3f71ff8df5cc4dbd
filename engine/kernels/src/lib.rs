//! The arithmetic that a forward pass spends its time in, written once over a
//! [`Vector`] of f32 and compiled for whatever registers there are: 128 bits in
//! the browser, AVX2 on x86-64, and lanes that the compiler finds elsewhere.
//!
//! In the browser it is compiled twice. The engine contains it with the SIMD
//! instructions that every browser has. With fused multiply-add, which is one of
//! the relaxed ones, the engine would be refused where they are missing; so that
//! version is a module of its own, without memory, stack or data, which the
//! engine calls in its own memory if the browser takes it.
#![cfg_attr(feature = "module", no_std)]

mod activation;
mod few;
mod linear;
pub mod panels;
mod reduce;
// Not in the small module: what it does is too little for a call into another one.
#[cfg(not(feature = "module"))]
mod rows;
#[cfg(not(feature = "module"))]
mod slope;
mod unembed;
mod vector;

#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(feature = "module")]
mod module;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use activation::{Activation, Function};
pub use linear::{Linear, SCRATCH};
pub use unembed::Unembed;
pub use vector::Vector;

#[cfg(target_arch = "wasm32")]
type Native = wasm::F32x4;
#[cfg(not(target_arch = "wasm32"))]
type Native = [f32; 8];

/// Compiles a call for the registers of this machine.
macro_rules! dispatch {
    ($name:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        if avx2::is_here() {
            // SAFETY: the instructions are there; the rest is the caller's promise.
            return unsafe { avx2::$name($($argument),*) };
        }
        // SAFETY: the caller's promise.
        unsafe { $name::<Native>($($argument),*) }
    }};
}

/// `out := then(x @ weight + bias)`
///
/// # Safety
/// Every pointer of `p` is valid for the sizes that `p` gives, `scratch` for
/// [`SCRATCH`] values; `out` and `scratch` overlap nothing else.
pub unsafe fn linear(p: &Linear) {
    use linear::linear;
    dispatch!(linear(p))
}

/// `out := x @ wte transposed`
///
/// # Safety
/// Every pointer of `p` is valid for the sizes that `p` gives; `out` overlaps
/// nothing else.
pub unsafe fn unembed(p: &Unembed) {
    use unembed::unembed;
    dispatch!(unembed(p))
}

/// Applies an activation function to every value.
pub fn activate(function: Function, values: &mut [f32]) {
    use activation::activate;
    dispatch!(activate(function, values))
}

/// `sum(exp(v - most))` of the values.
#[must_use]
pub fn sum_exp(values: &[f32], most: f32) -> f64 {
    use reduce::sum_exp;
    dispatch!(sum_exp(values, most))
}

/// `out[h * stride] := scale * (q[h] . k[h])` of each head `h`, where a head has
/// `width` values of the rows `q` and `k`.
#[cfg(not(feature = "module"))]
pub fn scores(qk: [&[f32]; 2], width: usize, scale: f32, out: &mut [f32], stride: usize) {
    use rows::scores;
    dispatch!(scores(qk, width, scale, out, stride))
}

/// `z[h] += weights[h * stride] * v[h]` of each head `h`, where a head has `width`
/// values of the rows `v` and `z`.
#[cfg(not(feature = "module"))]
pub fn mix(weights: &[f32], stride: usize, v: &[f32], width: usize, z: &mut [f32]) {
    use rows::mix;
    dispatch!(mix(weights, stride, v, width, z))
}

/// LayerNorm of a row: `out := (x - mean) / sqrt(variance + epsilon) * weight + bias`,
/// the four of one length. Where the variance is not finite, no value is.
#[cfg(not(feature = "module"))]
pub fn layer_norm(x: &[f32], weight_bias: [&[f32]; 2], epsilon: f32, out: &mut [f32]) {
    use rows::layer_norm;
    dispatch!(layer_norm(x, weight_bias, epsilon, out))
}
