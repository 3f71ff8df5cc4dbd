//! What some weights start as instead of random values, to spare training: the
//! positions, and two heads that together are a first guess at induction
//! (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits";
//! Olsson et al. 2022, arXiv:2209.11895). From random weights the pair takes
//! more steps to appear than the whole training has. C wide, heads of D.

use std::collections::HashMap;

use rand_distr::{Distribution, StandardNormal};

use crate::config::Config;
use crate::error::{MiniError, Result};
use crate::texts::Rng;

/// How sharply the first head looks at the previous token: nine tenths of its
/// attention.
const SHARPNESS: f32 = 1.4;
/// What the first head writes, as a multiple of what it reads.
const WRITE: f32 = 0.3;
/// Of the second head's queries and of its keys.
const MATCH: f32 = 1.8;
/// What the second head writes, as a multiple of what it reads.
const COPY: f32 = 0.7;

/// The residual stream's dimensions start in three parts: those with positions,
/// a quarter more than a head's worth; those the first head notes tokens in, a
/// head's worth; and those that hold the token alone.
fn positional(config: &Config) -> usize {
    head(config) * 5 / 4
}

fn noted(config: &Config) -> std::ops::Range<usize> {
    positional(config)..positional(config) + head(config)
}

/// Dimensions of a head.
fn head(config: &Config) -> usize {
    config.n_embd / config.n_head
}

/// Angular frequencies of the positions' sinusoids, one for each pair of
/// dimensions. A head's worth of them is fast, so that neighbours differ; the
/// others are slow, as in Vaswani et al. (2017, arXiv:1706.03762).
fn frequency(config: &Config, pair: usize) -> f64 {
    let (fast, all) = (head(config) / 2, positional(config) / 2);
    if pair < fast {
        return 0.3 + 2.5 * pair as f64 / (fast - 1).max(1) as f64;
    }
    1000_f64.powf(-((pair - fast) as f64) / (all - fast).max(1) as f64)
}

/// `wpe` [n_positions, C]: sinusoids of about twice the size of the token
/// embeddings, and zeros where only the token starts.
pub fn sinusoids(config: &Config) -> Vec<f32> {
    let c = config.n_embd;
    let size = config.initializer_range * 8.0_f64.sqrt();
    let value = |i: usize| {
        let (position, dimension) = ((i / c) as f64, i % c);
        if dimension >= positional(config) {
            return 0.0;
        }
        let angle = position * frequency(config, dimension / 2);
        size * match dimension % 2 {
            0 => angle.sin(),
            _ => angle.cos(),
        }
    };
    (0..config.n_positions * c)
        .map(|i| value(i) as f32)
        .collect()
}

/// Makes head 0 of layer 0 write down the token before, and head 0 of layer 1
/// look for where its own token was written so, and copy the token it finds.
pub fn induction(
    config: &Config,
    weights: &mut HashMap<String, Vec<f32>>,
    rng: &mut Rng,
) -> Result<()> {
    let (c, d) = (config.n_embd, head(config));
    let tokens = noted(config).end..c;
    let read = orthonormal(c, d, tokens.clone(), rng); // [C, D], of tokens
    let note = orthonormal(c, d, noted(config), rng); // [C, D], of noted tokens
    let copy = orthonormal(c, d, tokens, rng); // [C, D], of tokens

    let attn = tensor(weights, "h.0.attn.c_attn.weight")?; // [C, 3C]
    look_back(config, attn);
    set(attn, (c, 3 * c), |row, j| match j {
        _ if j / c == 2 && j % c < d => Some(read[row * d + j % c]),
        _ => None,
    });
    let proj = tensor(weights, "h.0.attn.c_proj.weight")?; // [C, C]
    set(proj, (c, c), |row, j| {
        (row < d).then(|| WRITE * note[j * d + row])
    });

    let attn = tensor(weights, "h.1.attn.c_attn.weight")?;
    set(attn, (c, 3 * c), |row, j| match (j / c, j % c) {
        (_, column) if column >= d => None,
        (0, column) => Some(MATCH * read[row * d + column]),
        (1, column) => Some(MATCH * note[row * d + column]),
        (_, column) => Some(copy[row * d + column]),
    });
    let proj = tensor(weights, "h.1.attn.c_proj.weight")?;
    set(proj, (c, c), |row, j| {
        (row < d).then(|| COPY * copy[j * d + row])
    });
    Ok(())
}

fn tensor<'a>(weights: &'a mut HashMap<String, Vec<f32>>, name: &str) -> Result<&'a mut [f32]> {
    weights
        .get_mut(name)
        .map(Vec::as_mut_slice)
        .ok_or_else(|| MiniError::NoTensor { name: name.into() })
}

/// Sets the entries of a matrix [rows, columns] for which there is a value.
fn set(
    matrix: &mut [f32],
    (rows, columns): (usize, usize),
    value: impl Fn(usize, usize) -> Option<f32>,
) {
    for row in 0..rows {
        for column in 0..columns {
            if let Some(value) = value(row, column) {
                matrix[row * columns + column] = value;
            }
        }
    }
}

/// Makes the first head of a layer's `c_attn` weight [C, 3C] look at the previous
/// token: its keys are the fast sinusoids of their own position, its queries
/// those of the position before.
fn look_back(config: &Config, weight: &mut [f32]) {
    let (c, d) = (config.n_embd, head(config));
    set(weight, (c, 3 * c), |row, j| {
        let column = j % c;
        if column >= d || j / c == 2 {
            return None;
        }
        if j / c == 1 {
            return Some(if row == column { SHARPNESS } else { 0.0 });
        }
        // (sin, cos) of w (p - 1) from those of w p.
        let (sin, cos) = frequency(config, column / 2).sin_cos();
        let of_sin = row == column / 2 * 2;
        let of_cos = row == column / 2 * 2 + 1;
        let query = match (of_sin, of_cos, column % 2) {
            (true, _, 0) | (_, true, 1) => cos,
            (_, true, _) => -sin,
            (true, ..) => sin,
            _ => 0.0,
        };
        Some(SHARPNESS * query as f32)
    });
}

/// `d` random columns [C, D] that are orthogonal and of length 1, zero outside
/// the dimensions `within` (Gram and Schmidt).
fn orthonormal(c: usize, d: usize, within: std::ops::Range<usize>, rng: &mut Rng) -> Vec<f32> {
    let mut columns: Vec<Vec<f32>> = Vec::new();
    while columns.len() < d {
        let mut column = vec![0.0; c];
        for x in &mut column[within.clone()] {
            *x = StandardNormal.sample(rng);
        }
        for other in &columns {
            let dot: f32 = column.iter().zip(other).map(|(a, b)| a * b).sum();
            for (x, y) in column.iter_mut().zip(other) {
                *x -= dot * y;
            }
        }
        let norm = column.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 1e-3 {
            columns.push(column.into_iter().map(|x| x / norm).collect());
        }
    }
    (0..c * d).map(|i| columns[i % d][i / d]).collect()
}
