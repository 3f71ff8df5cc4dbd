//! Questions with known answers: a few rows through every kernel of the GPU, and
//! the same operations on the CPU.
//!
//! Sizes cross the borders of tiles and leave remainders, views have offsets, lists
//! are out of order, so that wrong rows, edges and waits show. Each question uses one
//! kernel, so that what is off has a name.

use crate::backend::cpu::Cpu;
use crate::backend::gpu::{Gpu, Kernel};
use crate::backend::{Backend, Result, Rule, Then, WrongNumbers};
use crate::rows::{OWN_ROW, RowEdit, SeenBy, SlotTable};
use patchbay_kernels::Activation;

/// The largest |difference| / max(1, |expected|) that is rounding.
const TOLERANCE: f32 = 2e-4;

/// Every kernel of the linear layers with rows, inner and columns: whole vectors
/// or not, on both sides of where their code branches.
const LINEAR: [(Kernel, [usize; 3]); 10] = [
    (Kernel::Linear, [37, 36, 68]),
    (Kernel::LinearAny, [37, 35, 67]),
    (Kernel::LinearSome, [7, 132, 36]),
    (Kernel::LinearSome, [13, 132, 36]),
    (Kernel::LinearSomeAny, [7, 131, 35]),
    (Kernel::LinearSomeAny, [13, 131, 35]),
    (Kernel::LinearFew, [1, 132, 36]),
    (Kernel::LinearFew, [3, 132, 36]),
    (Kernel::LinearFewAny, [1, 131, 35]),
    (Kernel::LinearFewAny, [3, 131, 35]),
];

/// The same of the unembedding: rows, inner and tokens.
const UNEMBED: [(Kernel, [usize; 3]); 5] = [
    (Kernel::Unembed, [37, 35, 67]),
    (Kernel::UnembedFew, [1, 132, 36]),
    (Kernel::UnembedFew, [3, 132, 36]),
    (Kernel::UnembedFewAny, [1, 131, 35]),
    (Kernel::UnembedFewAny, [3, 131, 35]),
];

/// Has the GPU answer every question; the largest difference from the CPU's answers.
///
/// # Errors
/// [`BackendError::Wrong`](crate::backend::BackendError::Wrong) where a difference is more than rounding.
pub(super) async fn check(gpu: &Gpu) -> Result<f32> {
    let (kernels, found) = answers(gpu).await?;
    let (_, expected) = answers(&Cpu).await?;
    let mut largest = 0.0f32;
    for (kernel, (found, expected)) in kernels.into_iter().zip(found.iter().zip(&expected)) {
        let off = compare(found, expected);
        largest = largest.max(off.map_err(|[found, expected]| WrongNumbers {
            device: gpu.info().device,
            kernel: kernel.name(),
            expected,
            found,
        })?);
    }
    Ok(largest)
}

/// The largest difference, or the first two values that differ by more than rounding.
fn compare(found: &[f32], expected: &[f32]) -> std::result::Result<f32, [f32; 2]> {
    let mut largest = 0.0f32;
    for (f, e) in found.iter().zip(expected) {
        let difference = (f - e).abs() / e.abs().max(1.0);
        // What is not a number is not within the tolerance either.
        if difference <= TOLERANCE {
            largest = largest.max(difference);
        } else {
            return Err([*f, *e]);
        }
    }
    Ok(largest)
}

/// What a device answers, each with the kernel that it is about.
async fn answers<B: Backend>(b: &B) -> Result<(Vec<Kernel>, Vec<Vec<f32>>)> {
    let mut asked = Asked {
        b,
        state: 1,
        answers: Vec::new(),
    };
    asked.rows()?;
    asked.functions()?;
    asked.products()?;
    asked.attention()?;
    asked.edits()?;
    let (kernels, answers): (Vec<_>, Vec<_>) = asked.answers.into_iter().unzip();
    let values = b.read_all(&answers.iter().collect::<Vec<_>>()).await?;
    Ok((kernels, values))
}

struct Asked<'a, B: Backend> {
    b: &'a B,
    /// Of the numbers, which are the same on every device.
    state: u64,
    answers: Vec<(Kernel, B::Tensor)>,
}

impl<B: Backend> Asked<'_, B> {
    fn is(&mut self, kernel: Kernel, answer: B::Tensor) {
        self.answers.push((kernel, answer));
    }

    /// Numbers between -1 and 1.
    fn values(&mut self, n: usize) -> Vec<f32> {
        let next = |_| {
            // splitmix64
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            #[allow(clippy::cast_precision_loss)] // 24 bits
            let value = (z >> 40) as f32 / (1 << 23) as f32;
            value - 1.0
        };
        (0..n).map(next).collect()
    }

    /// A matrix of them.
    fn put(&mut self, rows: usize, columns: usize) -> Result<B::Tensor> {
        let values = self.values(rows * columns);
        self.b.upload([rows, columns], &values)
    }

    /// A matrix that is the middle of a wider one, `by` columns from its start.
    fn view(&mut self, rows: usize, columns: usize, by: usize) -> Result<B::Tensor> {
        let wide = self.put(rows, columns + by)?;
        self.b.columns(&wide, by..columns + by)
    }

    /// Rows moved and added, in five workgroups.
    fn rows(&mut self) -> Result<()> {
        let b = self.b;
        let (x, y) = (self.view(9, 131, 7)?, self.put(9, 131)?);
        let (some, others) = ([6, 0, 3, 8, 8, 1, 5, 2, 7], [8, 7, 6, 5, 4, 3, 2, 1, 0]);
        let places = [10, 0, 4, 12, 9, 1, 7, 2, 5];
        self.is(Kernel::Copy, x.clone());
        self.is(Kernel::Gather, b.gather(&x, &some)?);
        self.is(Kernel::Join, b.join(&x, &some, &y, &[4, 0, 6])?);
        self.is(Kernel::SumRows, b.sum_rows(&x, &some, &y, &others)?);
        self.is(Kernel::Add, b.add(&x, &y)?);
        let into = self.put(13, 131)?;
        b.scatter(&into, &places, &x)?;
        self.is(Kernel::Scatter, into);
        let (into_x, into_y) = (b.zeros([13, 131])?, self.put(13, 131)?);
        b.scatter_pair([&into_x, &into_y], &places, [&x, &y])?;
        self.is(Kernel::ScatterPair, into_x);
        self.is(Kernel::ScatterPair, into_y);
        Ok(())
    }

    /// Element by element functions, LayerNorm, and what goes over the vocabulary.
    fn functions(&mut self) -> Result<()> {
        let b = self.b;
        // Where the functions bend, and far out, where exponentials overflow.
        let mut values: Vec<f32> = self.values(3 * 131).iter().map(|v| 6.0 * v).collect();
        values[..8].copy_from_slice(&[20.0, -20.0, 100.0, -100.0, 3e4, -3e4, 0.0, -0.0]);
        let x = b.upload([3, 131], &values)?;
        for f in Activation::ALL {
            self.is(Kernel::Activate, b.activate(&x, *f)?);
        }
        let dy = self
            .values(3 * 131)
            .iter()
            .map(|v| 8.0 * v)
            .collect::<Vec<_>>();
        let (dy, by) = (b.upload([3, 131], &dy)?, self.put(1, 131)?);
        for rule in [Rule::Exact, Rule::Relp] {
            for f in Activation::ALL {
                self.is(Kernel::ActivateBack, b.activate_back(&dy, &x, *f, rule)?);
            }
            let back = b.layer_norm_back(&dy, &x, &by, 1e-5, rule)?;
            self.is(Kernel::LayerNormBack, back);
        }
        // GPT-2's residual stream has such columns at its first position.
        values[50] = 3000.0;
        let x = b.upload([3, 131], &values)?;
        let (weight, bias) = (self.put(1, 131)?, self.put(1, 131)?);
        let normed = b.layer_norm(&x, &weight, &bias, 1e-5)?;
        self.is(Kernel::LayerNorm, normed);
        // Logits, some of them equal.
        let logits = self.values(3 * 600).into_iter();
        let logits: Vec<f32> = logits.map(|v| (100.0 * v).round() / 4.0 - 90.0).collect();
        let logits = b.upload([3, 600], &logits)?;
        self.is(Kernel::LogSumExp, b.log_sum_exp(&logits)?);
        self.is(Kernel::TopK, b.top_k(&logits, 9)?);
        Ok(())
    }

    /// Matrix products, with everything that may be done to them on the way out.
    fn products(&mut self) -> Result<()> {
        let b = self.b;
        for (kernel, [rows, inner, columns]) in LINEAR {
            let by = if columns % 4 == 0 { 4 } else { 3 };
            let x = self.view(rows, inner, by)?;
            let (weight, bias) = (self.view(inner, columns, by)?, self.put(1, columns)?);
            let onto = self.view(rows, columns, by)?;
            let activated = Activation::ALL.iter().map(|f| Then::Activate(*f));
            for then in [Then::Nothing, Then::Add(&onto)]
                .into_iter()
                .chain(activated)
            {
                self.is(kernel, b.linear(&x, &weight, &bias, then)?);
            }
        }
        for (kernel, [rows, inner, tokens]) in UNEMBED {
            let x = self.view(rows, inner, 4)?;
            let wte = self.put(tokens, inner)?;
            self.is(kernel, b.unembed(&x, &wte)?);
        }
        Ok(())
    }

    /// Two runs: one that goes on after kept rows, with more keys than a workgroup
    /// takes at a time, and one all of whose rows are its own.
    fn attention(&mut self) -> Result<()> {
        const KEPT: u32 = 66;
        const GOES_ON: u32 = 4;
        const OWN: u32 = 5;
        const HEADS: usize = 2;
        const N: usize = HEADS * 68;
        let b = self.b;
        let width = KEPT + GOES_ON;
        // Last kept first.
        let first = (0..KEPT).rev().chain((0..GOES_ON).map(|r| r | OWN_ROW));
        let second = (0..width).map(|j| match j < OWN {
            true => (GOES_ON + j) | OWN_ROW,
            false => 0,
        });
        let lens = (KEPT + 1..=width).chain(1..=OWN);
        let rows = (GOES_ON + OWN) as usize;
        let slots = SlotTable {
            run: (0..GOES_ON).map(|_| 0).chain((0..OWN).map(|_| 1)).collect(),
            len: lens.collect(),
            slots: first.chain(second).collect(),
            width: width as usize,
        };
        let table = b.upload_table(&slots)?;
        let qkv = self.put(rows, 3 * N)?;
        let part = |i: usize| b.columns(&qkv, i * N..(i + 1) * N);
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let (kept_k, kept_v) = (self.put(KEPT as usize, N)?, self.put(KEPT as usize, N)?);
        let pattern = self.put(rows, HEADS * width as usize)?;
        let scale = 0.5;
        let patterns = b.pattern(&q, &k, &kept_k, &table, HEADS, scale)?;
        self.is(Kernel::Pattern, patterns);
        self.is(Kernel::Mix, b.mix(&pattern, &v, &kept_v, &table, HEADS)?);
        let z = b.attend(&q, [&k, &kept_k], [&v, &kept_v], &table, HEADS, scale)?;
        self.is(Kernel::Attend, z);
        let scores = b.scores(&q, &k, &kept_k, &table, HEADS, scale)?;
        self.is(Kernel::Scores, scores);
        let dy = self.put(rows, HEADS * width as usize)?;
        let back = b.softmax_back(&dy, &pattern, HEADS, scale)?;
        self.is(Kernel::SoftmaxBack, back);
        // The first run's whole, the second's own rows: all of them are seen.
        let first = (0..width).map(|p| (0, p));
        let keys: Vec<(u32, u32)> = first.chain((0..OWN).map(|p| (1, p))).collect();
        let seen_by = SeenBy::of(&slots, &keys);
        self.is(Kernel::MixBack, b.mix_back(&pattern, &q, &seen_by, HEADS)?);
        Ok(())
    }

    /// Every kind of edit, over more columns than a workgroup has invocations.
    fn edits(&mut self) -> Result<()> {
        // Scale, coefficient, gain and most.
        const KINDS: [[f32; 4]; 6] = [
            [0.0, 1.0, 0.0, f32::MAX],  // replace
            [1.0, 2.5, 0.0, f32::MAX],  // add
            [-0.5, 0.0, 0.0, f32::MAX], // scale
            [1.0, 0.7, -1.0, f32::MAX], // set a projection
            [1.0, 0.1, -1.0, 0.0],      // cap it
            [0.3, -1.0, 0.25, -0.9],    // all at once
        ];
        let edits = KINDS.iter().zip(0..).map(|(kind, row)| RowEdit {
            row,
            start: 2 + row,
            width: 120,
            source_row: 4 - row % 5,
            source_start: row,
            scale: kind[0],
            coef: kind[1],
            gain: kind[2],
            most: kind[3],
        });
        let edits: Vec<RowEdit> = edits.collect();
        let source = self.view(5, 131, 3)?;
        for source in [Some(&source), None] {
            // In place, as its only handle.
            let x = self.put(7, 131)?;
            let edited = self.b.edit(x, &edits, source)?;
            self.is(Kernel::Edit, edited);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    #[test]
    fn what_is_not_close_is_off() {
        assert_eq!(compare(&[1.0, 2e3], &[1.0, 2e3]), Ok(0.0));
        assert!(compare(&[1.0001, 2000.1], &[1.0, 2e3]).is_ok());
        let nan = f32::NAN;
        for (found, expected) in [(1.0003, 1.0), (nan, 1.0), (1.0, nan), (f32::INFINITY, 1.0)] {
            let off = compare(&[0.0, found], &[0.0, expected]).unwrap_err();
            assert_eq!(off.map(f32::to_bits), [found, expected].map(f32::to_bits));
        }
    }

    #[test]
    fn every_kernel_is_asked_for_numbers_that_tell() {
        let (kernels, values) = block_on(answers(&Cpu)).unwrap();
        for kernel in Kernel::ALL {
            assert!(kernels.contains(kernel), "{} is not asked", kernel.name());
        }
        for (kernel, values) in kernels.iter().zip(&values) {
            let name = kernel.name();
            assert!(values.iter().all(|v| v.is_finite()), "{name}");
            // An answer that a kernel which does nothing would give tells nothing.
            assert!(values.iter().any(|v| v.abs() > 0.5), "{name}");
        }
    }
}
