//! `x @ wte transposed`: both matrices' rows lie as they are multiplied, so
//! nothing is copied. Some rows of `x` meet some tokens at a time; a few rows meet
//! one token after the other, so that `wte` is one stream, which a processor fetches
//! ahead of its reader better than it does several side by side.

use crate::Vector;

/// What to multiply; see [`crate::Linear`].
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Unembed {
    /// Rows of `x`, and of the logits.
    pub rows: usize,
    /// Values in a row of `x` and in one of `wte`: what a product sums over.
    pub inner: usize,
    /// Rows of `wte`, and columns of the logits.
    pub tokens: usize,
    /// `[rows, inner]`
    pub x: *const f32,
    /// Of `x`.
    pub x_stride: usize,
    /// `[tokens, inner]`
    pub wte: *const f32,
    /// Of `wte`.
    pub wte_stride: usize,
    /// `[rows, tokens]`
    pub out: *mut f32,
    /// Of `out`: more than `tokens` where only some of them are computed.
    pub out_stride: usize,
}

// SAFETY: whoever makes one promises that its pointers are good while it is used.
unsafe impl Send for Unembed {}
// SAFETY: as above.
unsafe impl Sync for Unembed {}

impl Unembed {
    /// The same product, some of its tokens only.
    ///
    /// # Safety
    /// The tokens are of those that there are.
    #[must_use]
    pub unsafe fn some(&self, tokens: core::ops::Range<usize>) -> Self {
        unsafe {
            Self {
                tokens: tokens.len(),
                wte: self.wte.add(tokens.start * self.wte_stride),
                out: self.out.add(tokens.start),
                ..*self
            }
        }
    }
}

/// Tokens at a time, and rows: eight sums are as many as it takes to keep two
/// units of four cycles busy, and with what is multiplied they fit the registers.
const TOKENS: usize = 4;
const ROWS: usize = 2;

/// # Safety
/// As [`crate::unembed()`]; and the machine has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn unembed<V: Vector>(p: &Unembed) {
    unsafe {
        match p.rows {
            0 => {}
            1 => few::<V, 1, 4>(p),
            2 => few::<V, 2, 4>(p),
            3 => few::<V, 3, 2>(p),
            4 => few::<V, 4, 2>(p),
            _ => many::<V>(p),
        }
    }
}

/// The logits of `R` rows, each sum in `S` parts.
#[inline(always)]
unsafe fn few<V: Vector, const R: usize, const S: usize>(p: &Unembed) {
    for token in 0..p.tokens {
        unsafe { dots::<V, R, 1, S>(p, 0, token) };
    }
}

#[inline(always)]
unsafe fn many<V: Vector>(p: &Unembed) {
    let whole = p.tokens - p.tokens % TOKENS;
    let pairs = p.rows - p.rows % ROWS;
    unsafe {
        let mut token = 0;
        while token < whole {
            let mut row = 0;
            while row < pairs {
                dots::<V, ROWS, TOKENS, 1>(p, row, token);
                row += ROWS;
            }
            if row < p.rows {
                dots::<V, 1, TOKENS, 1>(p, row, token);
            }
            token += TOKENS;
        }
        while token < p.tokens {
            for row in 0..p.rows {
                dots::<V, 1, 1, 4>(p, row, token);
            }
            token += 1;
        }
    }
}

/// The logits of `T` tokens at `R` rows, each sum in `S` parts.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn dots<V: Vector, const R: usize, const T: usize, const S: usize>(
    p: &Unembed,
    row: usize,
    token: usize,
) {
    let mut sums = [[[V::splat(0.0); S]; T]; R];
    let whole = p.inner - p.inner % V::LANES;
    unsafe {
        let (x, wte) = (p.x.add(row * p.x_stride), p.wte.add(token * p.wte_stride));
        let (x_stride, wte_stride) = (p.x_stride, p.wte_stride);
        let mut step = |k: usize, s: usize| {
            let mut w = [V::splat(0.0); T];
            for (t, w) in w.iter_mut().enumerate() {
                *w = V::load(wte.add(t * wte_stride + k));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = V::load(x.add(r * x_stride + k));
                for (sum, w) in sums.iter_mut().zip(w) {
                    sum[s] = x.mul_add(w, sum[s]);
                }
            }
        };
        let mut k = 0;
        while k + S * V::LANES <= whole {
            for s in 0..S {
                step(k + s * V::LANES, s);
            }
            k += S * V::LANES;
        }
        while k < whole {
            step(k, 0);
            k += V::LANES;
        }
        for (r, sums) in sums.iter().enumerate() {
            for (t, parts) in sums.iter().enumerate() {
                let mut sum = parts[0];
                for part in &parts[1..] {
                    sum = sum.add(*part);
                }
                let mut total = sum.sum();
                for k in whole..p.inner {
                    total += *x.add(r * x_stride + k) * *wte.add(t * wte_stride + k);
                }
                *p.out.add((row + r) * p.out_stride + token + t) = total;
            }
        }
    }
}
