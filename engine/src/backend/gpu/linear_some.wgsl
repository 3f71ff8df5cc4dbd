// out[r, c] = then(bias[c] + sum_k x[r, k] weight[k, c]), for at most 16 rows
//
// Shapes as in linear.wgsl. So few rows, those of one prompt, still wait for the
// weights: a workgroup takes 32 columns only, so that there are more of them, and
// goes 32 deep at a time, a quarter of it for each of 4 parts of the sum, so that
// more is on its way at once. An invocation makes 4 x 4 of a part; the parts are
// added in workgroup memory. CPU twin: candle's `matmul`.

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

const DEPTH = 32u;
const PARTS = 4u;
// One more than the 4 groups of 4 rows, to spread the memory's banks.
const X_PITCH = 5u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> onto: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> x_tile: array<vec4<f32>, 160>; // [DEPTH, X_PITCH]
var<workgroup> weight_tile: array<vec4<f32>, 256>; // [DEPTH, 8]
var<workgroup> parts: array<vec4<f32>, 512>; // [PARTS, 16 rows, 8]

fn x_at(row: u32, k: u32) -> f32 {
    if row < p.rows && k < p.inner {
        return x[p.x_offset + row * p.x_stride + k];
    }
    return 0.0;
}

@compute @workgroup_size(8, 4, 4)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first_column = (group.y * p.across + group.x) * 32u;
    if first_column >= p.columns {
        return;
    }
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k0 = 0u; k0 < p.inner; k0 += DEPTH) {
        let k = k0 + lane % DEPTH;
        let row = (lane / DEPTH) * 4u;
        x_tile[(lane % DEPTH) * X_PITCH + lane / DEPTH] =
            vec4(x_at(row, k), x_at(row + 1u, k), x_at(row + 2u, k), x_at(row + 3u, k));
        for (var i = lane; i < 256u; i += 128u) {
            weight_tile[i] = weight_at(k0 + i / 8u, first_column + (i % 8u) * 4u);
        }
        workgroupBarrier();
        for (var i = local.z * 8u; i < local.z * 8u + 8u; i++) {
            let a = x_tile[i * X_PITCH + local.y];
            let b = weight_tile[i * 8u + local.x];
            sum0 += a.x * b;
            sum1 += a.y * b;
            sum2 += a.z * b;
            sum3 += a.w * b;
        }
        workgroupBarrier();
    }
    let at = (local.z * 16u + local.y * 4u) * 8u + local.x;
    parts[at] = sum0;
    parts[at + 8u] = sum1;
    parts[at + 16u] = sum2;
    parts[at + 24u] = sum3;
    workgroupBarrier();
    // An invocation each for a row and 4 columns.
    let row = lane / 8u;
    let column = first_column + (lane % 8u) * 4u;
    if row >= p.rows {
        return;
    }
    var sum = parts[lane];
    for (var part = 1u; part < PARTS; part++) {
        sum += parts[part * 128u + lane];
    }
    for (var i = 0u; i < 4u; i++) {
        if column + i < p.columns {
            out[row * p.columns + column + i] = ended(row, column + i, sum[i]);
        }
    }
}
