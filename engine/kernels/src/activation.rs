//! The MLP's activation functions, to about 1e-6 of their value.
#![allow(clippy::excessive_precision)] // constants as they are published

use crate::Vector;

macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident $names:tt)*) => {
        /// The MLP's activation function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Activation {
            $($(#[$doc])* $name,)*
        }

        impl Activation {
            /// Every one; one's number is its place here.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its names in `config.json`, the usual one first.
            #[must_use]
            pub const fn names(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &$names,)*
                }
            }
        }

        /// What is done to every value of a product, by the number that a module
        /// understands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Function {
            /// Leaves every value as it is: of products that no activation function
            /// follows.
            Identity,
            $($(#[$doc])* $name,)*
        }

        impl From<Activation> for Function {
            fn from(activation: Activation) -> Self {
                match activation {
                    $(Activation::$name => Self::$name,)*
                }
            }
        }

        /// # Safety
        /// `values` is valid for `n` values.
        #[cfg_attr(target_arch = "wasm32", inline(never))]
        #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
        pub(crate) unsafe fn each<V: Vector>(function: Function, values: *mut f32, n: usize) {
            // One loop a function: a choice inside the loop would be made for each register.
            unsafe {
                match function {
                    Function::Identity => {}
                    $(Function::$name => over::<V, $name>(values, n),)*
                }
            }
        }
    };
}

// The one list of them: each with its names in `config.json`, and with an
// `Elementwise` of its name below. `activation.wgsl` is held against it by a test.
activations! {
    /// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    GeluNew ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]
    /// 0.5 x (1 + erf(x / sqrt 2))
    Gelu ["gelu"]
    /// max(x, 0)
    Relu ["relu"]
    /// x / (1 + exp(-x))
    Silu ["silu", "swish"]
    /// tanh(x)
    Tanh ["tanh"]
}

/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
pub(crate) unsafe fn activate<V: Vector>(function: Function, values: &mut [f32]) {
    // SAFETY: every value of the slice, once.
    unsafe { each::<V>(function, values.as_mut_ptr(), values.len()) }
}

/// A function of one value, for registers of any size. (As an argument it would
/// not become part of a function that is compiled for these registers.)
trait Elementwise {
    fn of<V: Vector>(x: V) -> V;
}

#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
unsafe fn over<V: Vector, F: Elementwise>(values: *mut f32, n: usize) {
    let whole = n - n % V::LANES;
    unsafe {
        let mut i = 0;
        while i < whole {
            F::of(V::load(values.add(i))).store(values.add(i));
            i += V::LANES;
        }
        while i < n {
            *values.add(i) = F::of(*values.add(i));
            i += 1;
        }
    }
}

/// `x / 2 (1 + tanh(u))` with `u = sqrt(2 / pi) (x + 0.044715 x^3)`, which is
/// `x / (1 + exp(-2 u))`.
struct GeluNew;

impl Elementwise for GeluNew {
    #[inline(always)]
    fn of<V: Vector>(x: V) -> V {
        const SCALE: f32 = -1.595_769_121_6; // -2 sqrt(2 / pi)
        let cubic = x
            .mul(x)
            .mul_add(V::splat(0.044_715 * SCALE), V::splat(SCALE));
        x.div(V::splat(1.0).add(exp(x.mul(cubic))))
    }
}

/// `x Phi(x)`, with `Phi(-|x|) = erfc(|x| / sqrt(2)) / 2` as a Chebyshev fit
/// (Press et al., Numerical Recipes in C, 2nd edition, section 6.2).
struct Gelu;

impl Elementwise for Gelu {
    #[inline(always)]
    fn of<V: Vector>(x: V) -> V {
        const FIT: [f32; 9] = [
            -0.822_152_23,
            1.488_515_87,
            -1.135_203_98,
            0.278_868_07,
            -0.186_288_06,
            0.096_784_18,
            0.374_091_96,
            1.000_023_68,
            -1.265_512_23,
        ];
        let z = abs(x).mul(V::splat(core::f32::consts::FRAC_1_SQRT_2));
        let one = V::splat(1.0);
        let t = one.div(z.mul_add(V::splat(0.5), one));
        let mut fit = V::splat(0.170_872_77);
        for c in FIT {
            fit = fit.mul_add(t, V::splat(c));
        }
        let below = t.mul(exp(fit.sub(z.mul(z)))).mul(V::splat(0.5));
        x.mul(x.less(V::splat(0.0), below, one.sub(below)))
    }
}

struct Relu;

impl Elementwise for Relu {
    #[inline(always)]
    fn of<V: Vector>(x: V) -> V {
        x.less(V::splat(0.0), V::splat(0.0), x)
    }
}

struct Silu;

impl Elementwise for Silu {
    #[inline(always)]
    fn of<V: Vector>(x: V) -> V {
        x.div(V::splat(1.0).add(exp(V::splat(0.0).sub(x))))
    }
}

/// `1 - 2 / (exp(2 |x|) + 1)` with the sign of `x`; near 0, where that cancels,
/// an odd polynomial (Moshier, Cephes, `tanhf`).
struct Tanh;

impl Elementwise for Tanh {
    #[inline(always)]
    fn of<V: Vector>(x: V) -> V {
        const FIT: [f32; 4] = [
            2.063_908_879_54e-2,
            -5.373_971_555_31e-2,
            1.333_144_220_36e-1,
            -3.333_328_194_22e-1,
        ];
        let (one, two, size) = (V::splat(1.0), V::splat(2.0), abs(x));
        let square = x.mul(x);
        let mut fit = V::splat(-5.704_988_727_45e-3);
        for c in FIT {
            fit = fit.mul_add(square, V::splat(c));
        }
        let near = fit.mul(square).mul_add(x, x);
        let far = one.sub(two.div(exp(size.mul(two)).add(one)));
        let far = x.less(V::splat(0.0), V::splat(0.0).sub(far), far);
        // The other way round a NaN would become 1.
        V::splat(0.625).less(size, far, near)
    }
}

#[inline(always)]
fn abs<V: Vector>(x: V) -> V {
    x.less(V::splat(0.0), V::splat(0.0).sub(x), x)
}

/// `e^x`, `x` held between -87 and 88: `2^n e^r` with a polynomial for
/// `|r| <= ln(2) / 2` (Moshier, Cephes, `expf`).
#[inline(always)]
pub(crate) fn exp<V: Vector>(x: V) -> V {
    const FIT: [f32; 5] = [
        1.398_199_950_7e-3,
        8.333_451_907_3e-3,
        4.166_579_589_4e-2,
        1.666_666_545_9e-1,
        5.000_000_120_1e-1,
    ];
    // Adding 1.5 * 2^23 leaves the nearest whole number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let (low, high) = (V::splat(-87.0), V::splat(88.0));
    let x = x.less(low, low, x);
    let x = high.less(x, high, x);
    let n = x
        .mul_add(V::splat(core::f32::consts::LOG2_E), V::splat(ROUND))
        .sub(V::splat(ROUND));
    // ln(2) in two parts, the first of few bits, so that n times it is exact.
    let r = n.mul_add(V::splat(-0.693_359_375), x);
    let r = n.mul_add(V::splat(2.121_944_40e-4), r);
    let mut fit = V::splat(1.987_569_150_0e-4);
    for c in FIT {
        fit = fit.mul_add(r, V::splat(c));
    }
    let fit = fit.mul(r).mul_add(r, r).add(V::splat(1.0));
    fit.mul(n.add(V::splat(ROUND + 127.0)).to_exponent())
}
