//! What lies on both sides of a direction.

/// Activations of prompts on both sides, each `n_embd` numbers.
#[derive(Clone, Copy, Debug)]
pub struct Contrast<'a> {
    pub positive: &'a [Vec<f32>],
    pub negative: &'a [Vec<f32>],
}
