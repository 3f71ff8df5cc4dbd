//! Noise that is looked up, not drawn in turn: a number for each (seed,
//! sample, step, token), the same on every machine, whatever else is computed.

/// Philox4x32-10 (Salmon et al., 2011): four random words for a key and a counter.
fn philox(mut key: [u32; 2], mut counter: [u32; 4]) -> [u32; 4] {
    const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for _ in 0..10 {
        let [a, b] = [
            MULTIPLIERS[0] * u64::from(counter[0]),
            MULTIPLIERS[1] * u64::from(counter[2]),
        ];
        counter = [
            high(b) ^ counter[1] ^ key[0],
            low(b),
            high(a) ^ counter[3] ^ key[1],
            low(a),
        ];
        key = [key[0].wrapping_add(STEPS[0]), key[1].wrapping_add(STEPS[1])];
    }
    counter
}

#[allow(clippy::cast_possible_truncation)] // that is the point
fn low(x: u64) -> u32 {
    x as u32
}

fn high(x: u64) -> u32 {
    low(x >> 32)
}

/// The luck of one sample.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    key: [u32; 2],
    sample: u32,
}

impl Noise {
    /// What is looked up for one sample of a seed; other samples and seeds have other
    /// numbers.
    #[must_use]
    pub fn new(seed: u64, sample: usize) -> Self {
        Self {
            key: [low(seed), high(seed)],
            sample: low(sample as u64),
        }
    }

    /// A number strictly between 0 and 1.
    fn uniform(self, step: usize, token: u32, stream: u32) -> f64 {
        let words = philox(self.key, [token, low(step as u64), self.sample, stream]);
        let bits = (u64::from(words[0]) << 20) | u64::from(words[1] >> 12); // 52 bits
        // Half a step in, so that neither end is met.
        #[allow(clippy::cast_precision_loss)] // 53 bits fit
        let unit = (bits as f64 + 0.5) / (1u64 << 52) as f64;
        unit
    }

    /// Standard Gumbel noise: the largest of logits with such noise added is a
    /// draw from their softmax (Gumbel, 1954; Maddison et al., 2014).
    #[must_use]
    pub fn gumbel(self, step: usize, token: u32) -> f64 {
        -(-self.uniform(step, token, 0).ln()).ln()
    }
}

/// `n` standard normal numbers for a seed (Box and Muller, 1958).
#[must_use]
#[allow(clippy::cast_possible_truncation)] // f32 is wanted
pub fn normals(seed: u64, n: usize) -> Vec<f32> {
    let noise = Noise::new(seed, 0);
    let normal = |i: usize| {
        let (u, v) = (noise.uniform(i, 0, 1), noise.uniform(i, 0, 2));
        ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    };
    (0..n).map(normal).collect()
}

/// `n` standard normal numbers for a draw of a seed, at a position of a prompt.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // f32 is wanted
pub fn noise_at(seed: u64, draw: usize, position: usize, n: usize) -> Vec<f32> {
    let noise = Noise::new(seed, draw);
    let position = low(position as u64);
    let normal = |i: usize| {
        let (u, v) = (noise.uniform(i, position, 4), noise.uniform(i, position, 5));
        ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    };
    (0..n).map(normal).collect()
}

/// The numbers below `n` in a random order for a seed.
#[must_use]
pub fn shuffle(seed: u64, n: usize) -> Vec<usize> {
    let noise = Noise::new(seed, 0);
    let mut order: Vec<(f64, usize)> = (0..n).map(|i| (noise.uniform(i, 0, 3), i)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    order.into_iter().map(|(_, i)| i).collect()
}

/// `draws` times `n` of the numbers below `n`, with replacement, for a seed.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // a few thousand
pub fn resamples(seed: u64, draws: usize, n: usize) -> Vec<Vec<usize>> {
    let one = |draw: usize| {
        let noise = Noise::new(seed, draw);
        let pick = |i: usize| (noise.uniform(i, 0, 6) * n as f64) as usize;
        (0..n).map(pick).collect()
    };
    (0..draws).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Random123's own known answers, file kat_vectors, `philox4x32 10`.
    #[test]
    fn philox_gives_the_published_answers() {
        let ones = u32::MAX;
        for (counter, key, expected) in [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [ones; 4],
                [ones; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(key, counter), expected);
        }
    }

    #[test]
    fn gumbel_draws_follow_the_softmax() {
        let logits = [1.0, 0.0, -1.0];
        let total: f64 = logits.iter().map(|l: &f64| l.exp()).sum();
        let mut counts = [0.0; 3];
        let draws = 20_000;
        for step in 0..draws {
            let noise = Noise::new(7, 3);
            let best = (0..3u32)
                .max_by(|a, b| {
                    let of = |t: u32| logits[t as usize] + noise.gumbel(step, t);
                    of(*a).total_cmp(&of(*b))
                })
                .unwrap();
            counts[best as usize] += 1.0;
        }
        for (count, logit) in counts.iter().zip(logits) {
            let (found, expected) = (count / f64::from(draws as u32), logit.exp() / total);
            // Four deviations of so many draws.
            let deviation = (expected * (1.0 - expected) / f64::from(draws as u32)).sqrt();
            assert!(
                (found - expected).abs() < 4.0 * deviation,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let base = Noise::new(1, 0).gumbel(0, 0);
        let others = [
            Noise::new(2, 0).gumbel(0, 0),
            Noise::new(1 << 40, 0).gumbel(0, 0),
            Noise::new(1, 1).gumbel(0, 0),
            Noise::new(1, 0).gumbel(1, 0),
            Noise::new(1, 0).gumbel(0, 1),
        ];
        assert!(others.iter().all(|o| *o != base));
        let mut order = shuffle(5, 50);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
        let normals = normals(3, 10_000);
        let mean = normals.iter().sum::<f32>() / 1e4;
        let variance = normals.iter().map(|x| x * x).sum::<f32>() / 1e4;
        assert!(mean.abs() < 0.04 && (variance - 1.0).abs() < 0.06);
    }
}
