// out[k, h d + c] = sum over the rows r that have key k at a place j of weights[r, h t + j] x[r, h d + c]
//
// weights: [any, heads * t], x: [any, columns], their rows a stride apart;
// lists: [rows + 1], where each key's rows begin and the last one's end, and then the rows,
// each with the place: pairs of r and j; out: [rows, columns], a row a key,
// columns = heads * width. One invocation an element; neighbours read adjacent values.
// CPU twin: `cpu::backward::mix_back`.

struct Params {
    list: u32, // where the lists start
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    width: u32,
    t: u32,
    weights_offset: u32,
    weights_stride: u32,
    x_offset: u32,
    x_stride: u32,
}

const ELEMENTS = 64u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    let weight = p.weights_offset + (column / p.width) * p.t;
    let pairs = p.list + p.rows + 1u;
    let end = lists[p.list + row + 1u];
    var total = 0.0;
    for (var at = lists[p.list + row]; at < end; at++) {
        let r = lists[pairs + 2u * at];
        let j = lists[pairs + 2u * at + 1u];
        total += weights[weight + r * p.weights_stride + j]
            * x[p.x_offset + r * p.x_stride + column];
    }
    out[i] = total;
}
