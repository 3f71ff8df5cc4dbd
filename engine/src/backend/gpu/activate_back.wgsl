// out[r, c] = dy[r, c] f'(x[r, c]); by relevance dy[r, c] f(x[r, c]) / x[r, c]
//
// f is one of the functions of shared/activation.wgsl, f' and f(x) / x are in
// shared/slope.wgsl. dy, x: [rows, columns], their rows a stride apart;
// out: [rows, columns]. One invocation an element. CPU twin: `cpu::backward::activate_back`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    dy_offset: u32,
    dy_stride: u32,
    x_offset: u32,
    x_stride: u32,
    function: u32,
    rule: u32,
}

const RELP = 1u;
const ELEMENTS = 256u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    let v = x[p.x_offset + row * p.x_stride + column];
    var by = share(p.function, v);
    if p.rule != RELP {
        by = slope(p.function, by, v);
    }
    out[i] = dy[p.dy_offset + row * p.dy_stride + column] * by;
}
