// out[r] = log(sum_c exp(x[r, c]))
//
// x: [rows, columns], its rows `x_stride` apart; out: [rows, 1]. The row's largest
// value is taken out first, so that no exponential overflows.
// One workgroup a row. CPU twin: `cpu::reduce::log_sum_exp`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
}

const LANES = 256u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = place(group);
    if row >= p.rows {
        return;
    }
    let first = p.x_offset + row * p.x_stride;
    var high = -3.4e38;
    for (var c = lane; c < p.columns; c += LANES) {
        high = max(high, x[first + c]);
    }
    high = largest(lane, high);
    var total = 0.0;
    for (var c = lane; c < p.columns; c += LANES) {
        total += exp(x[first + c] - high);
    }
    total = sum(lane, total);
    if lane == 0u {
        out[row] = high + log(total);
    }
}
