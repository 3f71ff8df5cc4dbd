// into_a[list[i], c] := a[i, c], and into_b[list[i], c] := b[i, c]: keys and values kept
//
// a, b: [rows, columns], their rows a stride apart; list: [rows], distinct; into_a,
// into_b: [any, columns]. One invocation an element of a, and the same of b.
// CPU twin: `Backend::scatter_pair`.

struct Params {
    list: u32, // where the list starts in `lists`
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    a_offset: u32,
    a_stride: u32,
    b_offset: u32,
    b_stride: u32,
    into_a_offset: u32,
    into_a_stride: u32,
    into_b_offset: u32,
    into_b_stride: u32,
}

const ELEMENTS = 256u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> into_a: array<f32>;
@group(0) @binding(5) var<storage, read_write> into_b: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    let to = lists[p.list + row];
    into_a[p.into_a_offset + to * p.into_a_stride + column] = a[p.a_offset + row * p.a_stride + column];
    into_b[p.into_b_offset + to * p.into_b_stride + column] = b[p.b_offset + row * p.b_stride + column];
}
