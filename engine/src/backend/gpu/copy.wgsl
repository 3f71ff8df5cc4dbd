// out[r, c] = x[r, c]: the numbers of a view, one after the other
//
// x: [rows, columns], its rows `x_stride` apart; out: [rows, columns].
// One invocation an element. CPU twin: `cpu::Cpu::columns`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
}

const ELEMENTS = 256u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    out[i] = x[p.x_offset + row * p.x_stride + column];
}
