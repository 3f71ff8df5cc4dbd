// out[r, c] = then(bias[c] + sum_k x[r, k] weight[k, c])
//
// x: [rows, inner], its rows `x_stride` apart; weight: [inner, columns], its rows
// `weight_stride` apart; bias: [1, columns]; onto: [rows, columns], its rows
// `onto_stride` apart; out: [rows, columns].
// weight.wgsl or weight_4.wgsl reads the weight, then.wgsl ends the product.
// A workgroup makes a tile of 32 rows and 64 columns, an invocation 4 x 4 of it;
// tiles of x and weight, 16 deep, go through workgroup memory, x with its rows
// turned into the lanes of a vector. CPU twin: cpu/products.rs, `linear`.

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

const DEPTH = 16u;
// One more than the 8 groups of 4 rows, to spread the memory's banks.
const X_PITCH = 9u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> onto: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> x_tile: array<vec4<f32>, 144>; // [DEPTH, X_PITCH]
var<workgroup> weight_tile: array<vec4<f32>, 256>; // [DEPTH, 16]

fn x_at(row: u32, k: u32) -> f32 {
    if row < p.rows && k < p.inner {
        return x[p.x_offset + row * p.x_stride + k];
    }
    return 0.0;
}

fn store(row: u32, column: u32, v: vec4<f32>) {
    if row >= p.rows {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        if column + i < p.columns {
            out[row * p.columns + column + i] = ended(row, column + i, v[i]);
        }
    }
}

@compute @workgroup_size(16, 8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Neighbours share columns, and so the weights that they read.
    let tile = group.y * p.across + group.x;
    let tiles_down = (p.rows + 31u) / 32u;
    let first_row = (tile % tiles_down) * 32u;
    let first_column = (tile / tiles_down) * 64u;
    if first_column >= p.columns {
        return;
    }
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k0 = 0u; k0 < p.inner; k0 += DEPTH) {
        let row = first_row + (lane / DEPTH) * 4u;
        let k = k0 + lane % DEPTH;
        x_tile[(lane % DEPTH) * X_PITCH + lane / DEPTH] =
            vec4(x_at(row, k), x_at(row + 1u, k), x_at(row + 2u, k), x_at(row + 3u, k));
        for (var i = lane; i < 256u; i += 128u) {
            weight_tile[i] = weight_at(k0 + i / 16u, first_column + (i % 16u) * 4u);
        }
        workgroupBarrier();
        for (var i = 0u; i < DEPTH; i++) {
            let a = x_tile[i * X_PITCH + local.y];
            let b = weight_tile[i * 16u + local.x];
            sum0 += a.x * b;
            sum1 += a.y * b;
            sum2 += a.z * b;
            sum3 += a.w * b;
        }
        workgroupBarrier();
    }
    let row = first_row + local.y * 4u;
    let column = first_column + local.x * 4u;
    store(row, column, sum0);
    store(row + 1u, column, sum1);
    store(row + 2u, column, sum2);
    store(row + 3u, column, sum3);
}
