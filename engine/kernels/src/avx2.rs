use crate::{Function, Linear, Unembed, Vector};
use core::arch::x86_64::*;

/// Whether this machine has what the functions here need.
pub(crate) fn is_here() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn linear(p: &Linear) {
    unsafe { crate::linear::linear::<F32x8>(p) }
}

#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn unembed(p: &Unembed) {
    unsafe { crate::unembed::unembed::<F32x8>(p) }
}

#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn activate(function: Function, values: &mut [f32]) {
    unsafe { crate::activation::activate::<F32x8>(function, values) }
}

#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn sum_exp(values: &[f32], most: f32) -> f64 {
    unsafe { crate::reduce::sum_exp::<F32x8>(values, most) }
}

#[cfg(not(feature = "module"))]
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn scores(
    qk: [&[f32]; 2],
    width: usize,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
) {
    unsafe { crate::rows::scores::<F32x8>(qk, width, scale, scores, stride) }
}

#[cfg(not(feature = "module"))]
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn mix(weights: &[f32], stride: usize, v: &[f32], width: usize, z: &mut [f32]) {
    unsafe { crate::rows::mix::<F32x8>(weights, stride, v, width, z) }
}

#[cfg(not(feature = "module"))]
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn layer_norm(
    x: &[f32],
    weight_bias: [&[f32]; 2],
    epsilon: f32,
    out: &mut [f32],
) {
    unsafe { crate::rows::layer_norm::<F32x8>(x, weight_bias, epsilon, out) }
}

/// The 256-bit register of AVX2. Made and used only in the functions above.
#[derive(Clone, Copy)]
struct F32x8(__m256);

// SAFETY, of every block: only the functions above use this type, and they are
// called only where the instructions are there.
impl Vector for F32x8 {
    const LANES: usize = 8;
    const TILE: usize = 6;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { _mm256_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, by: Self, plus: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, by.0, plus.0) })
    }
    #[inline(always)]
    fn less(self, than: Self, yes: Self, no: Self) -> Self {
        Self(unsafe { _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, than.0)) })
    }
    #[inline(always)]
    fn to_exponent(self) -> Self {
        Self(unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(self.0))) })
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        let mut lanes = [0.0; 8];
        // SAFETY: eight lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes.sum()
    }
}
