//! The GPU's kernels against their twins on the CPU, and the GPU backend's own
//! promises: about buffers, uploads and losing the device.
//!
//! They need a Vulkan device; a software one will do. Set `PATCHBAY_NO_WEBGPU=1`
//! to go without.
#![cfg(all(feature = "cpu", feature = "webgpu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attention;
mod backward;
mod check;
mod choice;
mod device;
mod economy;
mod narrow;
mod products;
mod reductions;
mod rows;
mod speed;

use patchbay_engine::backend::gpu::{Gpu, GpuOptions};
use pollster::block_on;

/// The design's tolerance, as |difference| / max(1, |expected|).
const TOLERANCE: f32 = 2e-4;

/// Odd sizes: one element, less than a tile, across tiles, several tiles.
const SHAPES: [[usize; 2]; 4] = [[1, 1], [3, 7], [17, 33], [65, 130]];

/// A GPU, or `None` where the environment says to go without.
fn gpu() -> Option<Gpu> {
    if std::env::var_os("PATCHBAY_NO_WEBGPU").is_some_and(|v| v == "1") {
        println!("skipped: PATCHBAY_NO_WEBGPU is 1");
        return None;
    }
    Some(open(GpuOptions::default()))
}

fn open(options: GpuOptions) -> Gpu {
    let gpu = block_on(Gpu::new(options));
    gpu.unwrap_or_else(|e| {
        panic!(
            "{e}. These tests need a Vulkan device: install a GPU's driver, or one in software \
             (Debian: libvulkan1 with mesa-vulkan-drivers, or with chromium and VK_ICD_FILENAMES=\
             /usr/lib/chromium/vk_swiftshader_icd.json); or set PATCHBAY_NO_WEBGPU=1 to skip them"
        )
    })
}

/// Numbers between -1 and 1, the same for the same seed.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    fn value(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn values(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.value()).collect()
    }

    fn matrix(&mut self, shape: [usize; 2]) -> Matrix {
        Matrix(shape, self.values(shape[0] * shape[1]))
    }
}

/// Numbers to be uploaded to both backends.
struct Matrix([usize; 2], Vec<f32>);

/// Largest |difference| / max(1, |expected|), which must be within the tolerance.
fn compare(name: &str, found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "{name}: number of values");
    let mut largest = 0.0f32;
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let difference = if f == e {
            0.0
        } else {
            (f - e).abs() / e.abs().max(1.0)
        };
        assert!(
            difference <= TOLERANCE,
            "{name}: value {i} is {f} on the GPU and {e} on the CPU"
        );
        largest = largest.max(difference);
    }
    println!("{name}: largest difference {largest:.1e}");
    largest
}

/// Runs the same operations on both backends and compares what they give.
/// In the body `$put` uploads a [`Matrix`].
macro_rules! same {
    ($gpu:expr, $name:expr, |$b:ident, $put:ident| $body:expr) => {{
        use patchbay_engine::backend::Backend as _;
        let (expected_shape, expected) = {
            let $b = &patchbay_engine::backend::cpu::Cpu;
            let $put = |m: &$crate::gpu::Matrix| $b.upload(m.0, &m.1).unwrap();
            let out = $body;
            ($b.shape(&out), pollster::block_on($b.read(&out)).unwrap())
        };
        let (found_shape, found) = {
            let $b = $gpu;
            let $put = |m: &$crate::gpu::Matrix| $b.upload(m.0, &m.1).unwrap();
            let out = $body;
            ($b.shape(&out), pollster::block_on($b.read(&out)).unwrap())
        };
        assert_eq!(found_shape, expected_shape, "{}: shape", $name);
        $crate::gpu::compare(&$name, &found, &expected)
    }};
}
use same;
