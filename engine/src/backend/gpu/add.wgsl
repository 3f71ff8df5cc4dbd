// out[r, c] = a[r, c] + b[r, c]
//
// a, b: [rows, columns], their rows a stride apart; out: [rows, columns].
// One invocation an element. CPU twin: cpu/mod.rs, `add`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    a_offset: u32,
    a_stride: u32,
    b_offset: u32,
    b_stride: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * p.across + group.x) * 256u + lane;
    if i >= p.rows * p.columns {
        return;
    }
    let row = i / p.columns;
    let column = i % p.columns;
    out[i] = a[p.a_offset + row * p.a_stride + column] + b[p.b_offset + row * p.b_stride + column];
}
