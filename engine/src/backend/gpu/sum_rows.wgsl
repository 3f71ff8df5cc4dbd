// out[i, c] = a[list[i], c] + b[list[rows + i], c]: tokens and positions embedded
//
// a, b: [any, columns], their rows a stride apart; list: [2 rows]; out: [rows, columns].
// One invocation an element. CPU twin: `Backend::sum_rows`.

struct Params {
    list: u32, // where the list starts in `lists`
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
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    let at = p.list + row;
    out[i] = a[p.a_offset + lists[at] * p.a_stride + column]
        + b[p.b_offset + lists[at + p.rows] * p.b_stride + column];
}
