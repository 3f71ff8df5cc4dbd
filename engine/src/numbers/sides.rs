//! What lies on both sides of a direction.

/// Activations of prompts on both sides, each `n_embd` numbers.
#[derive(Clone, Copy, Debug)]
pub struct Contrast<'a> {
    /// A row for each prompt that the direction is to point towards.
    pub positive: &'a [Vec<f32>],
    /// A row for each that it is to point away from.
    pub negative: &'a [Vec<f32>],
}
