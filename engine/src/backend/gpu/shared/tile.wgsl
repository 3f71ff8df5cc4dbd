// The frame of the matrix products with many rows: a workgroup makes a tile of TALL
// rows and WIDE columns, an invocation 4 x 4 of it; tiles of both factors, DEPTH deep, go
// through workgroup memory, x with its rows turned into the lanes of a vector.
//
// The kernel says in `fetch` how the other factor comes into `column_tile`, whose rows
// are COLUMN_PITCH apart, and in `ended` what becomes of an element of the product.

const TALL = 32u;
const WIDE = 64u;
const DEPTH = 16u;
// One more than the 8 groups of 4 rows, to spread the memory's banks.
const X_PITCH = 9u;

@group(0) @binding(1) var<storage, read> x: array<f32>;

var<workgroup> x_tile: array<vec4<f32>, 144>; // [DEPTH, X_PITCH]
var<workgroup> column_tile: array<vec4<f32>, DEPTH * COLUMN_PITCH>;

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
    // Neighbours share columns, and so what they read of the other factor.
    let tile = place(group);
    let tiles_down = (p.rows + TALL - 1u) / TALL;
    let first_row = (tile % tiles_down) * TALL;
    let first_column = (tile / tiles_down) * WIDE;
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
        fetch(k0, first_column, lane);
        workgroupBarrier();
        for (var i = 0u; i < DEPTH; i++) {
            let a = x_tile[i * X_PITCH + local.y];
            let b = column_tile[i * COLUMN_PITCH + local.x];
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
