// out[i, c] = x[list[i], c]
//
// x: [any, columns], its rows `x_stride` apart; list: [rows]; out: [rows, columns].
// One invocation an element. CPU twin: cpu/rows.rs, `gather`.

struct Params {
    list: u32, // where the list starts in `lists`
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * p.across + group.x) * 256u + lane;
    if i >= p.rows * p.columns {
        return;
    }
    let row = lists[p.list + i / p.columns];
    out[i] = x[p.x_offset + row * p.x_stride + i % p.columns];
}
