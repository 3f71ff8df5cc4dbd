use crate::Vector;
use crate::activation::exp;

/// Values summed in f32 before they join the sum in f64.
const STRETCH: usize = 1024;

/// `sum(exp(v - most))`
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn sum_exp<V: Vector>(values: &[f32], most: f32) -> f64 {
    let mut total = 0.0;
    for stretch in values.chunks(STRETCH) {
        let whole = stretch.len() - stretch.len() % V::LANES;
        let mut sum = V::splat(0.0);
        for vector in stretch[..whole].chunks_exact(V::LANES) {
            // SAFETY: a whole vector of values.
            let v = unsafe { V::load(vector.as_ptr()) };
            sum = sum.add(exp(v.sub(V::splat(most))));
        }
        let rest: f32 = stretch[whole..].iter().map(|v| exp(v - most)).sum();
        total += f64::from(sum.sum() + rest);
    }
    total
}
