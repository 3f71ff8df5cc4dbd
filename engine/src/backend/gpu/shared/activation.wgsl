// The five activation functions of `config.json`, for kernels that end in one of them.
//
// WGSL promises little about its own `tanh`, least of all for large arguments,
// and has no `erf`, so both are spelled out here.
// CPU twin: `patchbay_kernels::activate`.

const GELU_NEW = 0u;
const GELU = 1u;
const RELU = 2u;
const SILU = 3u;
const TANH = 4u;

// To 1e-7. At 12 it is 1 in f32, so nothing is lost by stopping there.
fn tanh_safe(v: f32) -> f32 {
    let e = exp(2.0 * min(abs(v), 12.0));
    return sign(v) * (1.0 - 2.0 / (e + 1.0));
}

// To 1.4e-7: Chebyshev fits of erf(v) / v over v^2 in 0 .. 1, and of
// erfc(v) exp(v^2) over t = 1 / (1 + v / 2), v in 1 .. 4.4. At 4 it is 1 in f32.
fn erf(v: f32) -> f32 {
    let a = min(abs(v), 4.0);
    let s = a * a;
    if a < 1.0 {
        var r = 7.875875e-5;
        r = r * s - 8.0168643e-4;
        r = r * s + 5.1890872e-3;
        r = r * s - 2.6854211e-2;
        r = r * s + 0.11283594;
        r = r * s - 0.37612626;
        r = r * s + 1.1283791;
        return v * r;
    }
    let t = 1.0 / (1.0 + 0.5 * a);
    var r = 0.11882006;
    r = r * t - 0.46926165;
    r = r * t + 0.5602358;
    r = r * t - 0.10098782;
    r = r * t + 0.34644842;
    r = r * t + 0.26010439;
    r = r * t + 0.28484184;
    r = r * t - 1.4908951e-4;
    return sign(v) * (1.0 - exp(-s) * r);
}

fn activation(function: u32, v: f32) -> f32 {
    switch function {
        case GELU_NEW: {
            // sqrt(2 / pi)
            return 0.5 * v * (1.0 + tanh_safe(0.7978845608 * (v + 0.044715 * v * v * v)));
        }
        case GELU: {
            // 1 / sqrt(2)
            return 0.5 * v * (1.0 + erf(v * 0.7071067812));
        }
        case RELU: {
            return max(v, 0.0);
        }
        case SILU: {
            // exp(80) is still finite, and the quotient is nil by then.
            return v / (1.0 + exp(min(-v, 80.0)));
        }
        case TANH, default: {
            return tanh_safe(v);
        }
    }
}
