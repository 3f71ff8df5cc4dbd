// out[r, c] = f(x[r, c]), f one of the functions of activation.wgsl, which is part of this kernel.
//
// x: [rows, columns], its rows `x_stride` apart; out: [rows, columns].
// One invocation an element.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    function: u32,
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
    out[i] = activation(p.function, x[p.x_offset + (i / p.columns) * p.x_stride + i % p.columns]);
}
