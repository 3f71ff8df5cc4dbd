// What the linear kernels are called with, whatever their number of rows, and how each
// ends: what is done to an element `v` of the product before it is stored.
//
// x: [rows, inner], its rows `x_stride` apart; weight: [inner, columns], its rows
// `weight_stride` apart; bias: [1, columns]; onto: [rows, columns], its rows
// `onto_stride` apart; out: [rows, columns].
// The smaller values of `then` are those of activation.wgsl.
// CPU twin: `cpu::products::linear`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    inner: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    weight_offset: u32,
    weight_stride: u32,
    bias_offset: u32,
    then: u32,
    onto_offset: u32,
    onto_stride: u32,
}

const NOTHING = 5u;
const ADD = 6u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> onto: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

fn ended(row: u32, column: u32, v: f32) -> f32 {
    let sum = v + bias[p.bias_offset + column];
    if p.then == NOTHING {
        return sum;
    }
    if p.then == ADD {
        return onto[p.onto_offset + row * p.onto_stride + column] + sum;
    }
    return activation(p.then, sum);
}
