// out[r, c] = then(bias[c] + sum_k x[r, k] weight[k, c]), for at most 4 rows
//
// Shapes as in linear.wgsl. With few rows the time goes into reading the weights
// once, so a workgroup takes 32 columns, 4 an invocation, cuts the sum into 16 parts
// to have enough readers, and adds the parts in workgroup memory. CPU twin: candle's
// `matmul`.

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

const PARTS = 16u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> onto: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<vec4<f32>, 512>; // [4 rows, PARTS, 8 x 4 columns]

@compute @workgroup_size(8, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first_column = (group.y * p.across + group.x) * 32u;
    if first_column >= p.columns {
        return;
    }
    let column = first_column + local.x * 4u;
    // Rows that are not there read the last one, and are not written.
    let rows = min(vec4(0u, 1u, 2u, 3u), vec4(p.rows - 1u)) * p.x_stride + p.x_offset;
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k = local.y; k < p.inner; k += PARTS) {
        let w = weight_at(k, column);
        sum0 += x[rows.x + k] * w;
        sum1 += x[rows.y + k] * w;
        sum2 += x[rows.z + k] * w;
        sum3 += x[rows.w + k] * w;
    }
    parts[lane] = sum0;
    parts[lane + 128u] = sum1;
    parts[lane + 256u] = sum2;
    parts[lane + 384u] = sum3;
    workgroupBarrier();
    // An invocation each for a row and column.
    let row = lane / 32u;
    let at = lane % 32u;
    if row >= p.rows || first_column + at >= p.columns {
        return;
    }
    var sum = 0.0;
    for (var part = 0u; part < PARTS; part++) {
        sum += parts[row * 128u + part * 8u + at / 4u][at % 4u];
    }
    out[row * p.columns + first_column + at] = ended(row, first_column + at, sum);
}
