// out[i, c] = x[i, c]: two of these are a `concat`, one makes a view contiguous.
//
// x: [rows, columns], its rows `x_stride` apart; out: the same shape, adjacent rows
// from `out_offset` on. One invocation an element. CPU twin: cpu/mod.rs, `columns`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    out_offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * p.across + group.x) * 256u + lane;
    if i >= p.rows * p.columns {
        return;
    }
    out[p.out_offset + i] = x[p.x_offset + (i / p.columns) * p.x_stride + i % p.columns];
}
