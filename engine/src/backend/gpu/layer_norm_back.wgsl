// out[r, c] = (g[r, c] - mean_r(g) - h[r, c] mean_r(g h)) / s_r, g = dy weight; by relevance without h
//
// The derivative of layer_norm.wgsl with respect to x: h[r, c] = (x[r, c] - mean_r(x)) / s_r,
// s_r = sqrt(var_r(x) + epsilon). By relevance s_r is held as it is.
// dy, x: [rows, columns], their rows a stride apart; weight: [1, columns];
// out: [rows, columns]. One workgroup a row. CPU twin: `cpu::backward::layer_norm_back`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    dy_offset: u32,
    dy_stride: u32,
    x_offset: u32,
    x_stride: u32,
    weight_offset: u32,
    epsilon: f32,
    rule: u32,
}

const RELP = 1u;
const LANES = 64u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn g(row: u32, column: u32) -> f32 {
    return dy[p.dy_offset + row * p.dy_stride + column] * weight[p.weight_offset + column];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = place(group);
    if row >= p.rows {
        return;
    }
    let first = p.x_offset + row * p.x_stride;
    let n = f32(p.columns);
    var total = 0.0;
    var total_g = 0.0;
    for (var c = lane; c < p.columns; c += LANES) {
        total += x[first + c];
        total_g += g(row, c);
    }
    let mean = sum(lane, total) / n;
    let mean_g = sum(lane, total_g) / n;
    var squares = 0.0;
    var along = 0.0;
    for (var c = lane; c < p.columns; c += LANES) {
        let d = x[first + c] - mean;
        squares += d * d;
        along += g(row, c) * d;
    }
    let scale = 1.0 / sqrt(sum(lane, squares) / n + p.epsilon);
    // mean(g h), of which h has another factor of `scale`.
    along = sum(lane, along) / n * scale;
    if p.rule == RELP {
        along = 0.0;
    }
    for (var c = lane; c < p.columns; c += LANES) {
        let h = (x[first + c] - mean) * scale;
        out[row * p.columns + c] = (g(row, c) - mean_g - h * along) * scale;
    }
}
