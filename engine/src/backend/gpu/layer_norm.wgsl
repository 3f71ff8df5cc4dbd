// out[r, c] = (x[r, c] - mean_r) / sqrt(var_r + epsilon) * weight[c] + bias[c]
//
// x: [rows, columns], its rows `x_stride` apart; weight, bias: [1, columns];
// out: [rows, columns]. The variance is that of the whole row (divided by
// `columns`), taken in a second pass: residual rows have dimensions in the
// thousands, where sum(x^2) - sum(x)^2 would cancel.
// One workgroup a row. CPU twin: `cpu::layer_norm::layer_norm`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    weight_offset: u32,
    bias_offset: u32,
    epsilon: f32,
}

const LANES = 64u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = place(group);
    if row >= p.rows {
        return;
    }
    let first = p.x_offset + row * p.x_stride;
    var total = 0.0;
    for (var c = lane; c < p.columns; c += LANES) {
        total += x[first + c];
    }
    let mean = sum(lane, total) / f32(p.columns);
    var squares = 0.0;
    for (var c = lane; c < p.columns; c += LANES) {
        let d = x[first + c] - mean;
        squares += d * d;
    }
    let variance = sum(lane, squares) / f32(p.columns);
    // Dividing by an infinite deviation would make zeros, which look like numbers.
    let scale = select(1.0 / sqrt(variance + p.epsilon), variance, variance > 3.4e38);
    for (var c = lane; c < p.columns; c += LANES) {
        out[row * p.columns + c] = (x[first + c] - mean) * scale * weight[p.weight_offset + c]
            + bias[p.bias_offset + c];
    }
}
