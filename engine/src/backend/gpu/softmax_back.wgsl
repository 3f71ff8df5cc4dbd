// out[r, h t + j] = scale pattern[r, h t + j] (dy[r, h t + j] - sum_i pattern[r, h t + i] dy[r, h t + i])
//
// dy, pattern: [rows, heads * t], their rows a stride apart; out: [rows, heads * t].
// One workgroup a row and head. CPU twin: `cpu::backward::softmax_back`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    heads: u32,
    t: u32,
    dy_offset: u32,
    dy_stride: u32,
    pattern_offset: u32,
    pattern_stride: u32,
    scale: f32,
}

const LANES = 64u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> pattern: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = place(group);
    if i >= p.rows * p.heads {
        return;
    }
    let row = i / p.heads;
    let dy_first = p.dy_offset + row * p.dy_stride + (i % p.heads) * p.t;
    let pattern_first = p.pattern_offset + row * p.pattern_stride + (i % p.heads) * p.t;
    var total = 0.0;
    for (var j = lane; j < p.t; j += LANES) {
        total += pattern[pattern_first + j] * dy[dy_first + j];
    }
    total = sum(lane, total);
    for (var j = lane; j < p.t; j += LANES) {
        out[i * p.t + j] = p.scale * pattern[pattern_first + j] * (dy[dy_first + j] - total);
    }
}
