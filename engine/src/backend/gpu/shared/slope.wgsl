// The derivatives of the functions of shared/activation.wgsl, and their shares f(v) / v,
// from which most derivatives are made.
// CPU twin: `patchbay_kernels::slope::Activation::slope`.

fn share(function: u32, v: f32) -> f32 {
    switch function {
        case GELU_NEW: {
            return 0.5 * (1.0 + tanh_safe(0.7978845608 * (v + 0.044715 * v * v * v)));
        }
        case GELU: {
            return 0.5 * (1.0 + erf(v * 0.7071067812));
        }
        case RELU: {
            return select(0.0, 1.0, v > 0.0);
        }
        case SILU: {
            return 1.0 / (1.0 + exp(min(-v, 80.0)));
        }
        case TANH, default: {
            // Near 0, where the quotient of two small numbers says little, its series.
            let s = v * v;
            if s < 0.01 {
                return 1.0 - s / 3.0 + s * s * 0.1333333333;
            }
            return tanh_safe(v) / v;
        }
    }
}

// With the share `s` of `v`.
fn slope(function: u32, s: f32, v: f32) -> f32 {
    // Beyond it nothing bends in f32, and no square overflows.
    let a = clamp(v, -80.0, 80.0);
    switch function {
        case GELU_NEW: {
            // tanh is 2 s - 1, so its derivative is 4 s (1 - s).
            return s + 2.0 * a * s * (1.0 - s) * 0.7978845608 * (1.0 + 0.134145 * a * a);
        }
        case GELU: {
            // 1 / sqrt(2 pi)
            return s + a * 0.3989422804 * exp(-0.5 * a * a);
        }
        case RELU: {
            return s;
        }
        case SILU: {
            return s * (1.0 + a * (1.0 - s));
        }
        case TANH, default: {
            let t = tanh_safe(a);
            return 1.0 - t * t;
        }
    }
}
