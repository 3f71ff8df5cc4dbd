// into[list[i], c] := x[i, c]
//
// x: [rows, columns], its rows `x_stride` apart; list: [rows], distinct; into: [any, columns].
// One invocation an element. CPU twin: `cpu::rows::scatter`.

struct Params {
    list: u32, // where the list starts in `lists`
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    into_offset: u32,
    into_stride: u32,
}

const ELEMENTS = 256u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> into: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    into[p.into_offset + lists[p.list + row] * p.into_stride + column] =
        x[p.x_offset + row * p.x_stride + column];
}
