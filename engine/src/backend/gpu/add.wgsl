// out[r, c] = a[r, c] + b[r, c]
//
// a, b: [rows, columns], their rows a stride apart; out: [rows, columns].
// One invocation an element. CPU twin: `cpu::elements::add`.

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

const ELEMENTS = 256u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    out[i] = a[p.a_offset + row * p.a_stride + column] + b[p.b_offset + row * p.b_stride + column];
}
