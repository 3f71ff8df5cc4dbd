// out[r, c] = bias[c] + sum_k x[r, k] weight[k, c], for at most 4 rows
//
// Shapes as in linear.wgsl. With few rows the time goes into reading the weights
// once, so a workgroup takes 32 columns, cuts the sum into 8 parts to have enough
// readers, and adds the parts in workgroup memory. The rows are the lanes of a
// vector. CPU twin: candle's `matmul`.

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
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<vec4<f32>, 256>; // [8 parts, 32 columns]

@compute @workgroup_size(32, 8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first_column = (group.y * p.across + group.x) * 32u;
    if first_column >= p.columns {
        return;
    }
    let column = min(first_column + local.x, p.columns - 1u);
    // Rows that are not there read the last one, and are not written.
    let rows = min(vec4(0u, 1u, 2u, 3u), vec4(p.rows - 1u)) * p.x_stride + p.x_offset;
    var sum = vec4<f32>();
    for (var k = local.y; k < p.inner; k += 8u) {
        let v = vec4(x[rows.x + k], x[rows.y + k], x[rows.z + k], x[rows.w + k]);
        sum += weight[p.weight_offset + k * p.weight_stride + column] * v;
    }
    parts[lane] = sum;
    workgroupBarrier();
    if local.y > 0u || first_column + local.x >= p.columns {
        return;
    }
    for (var part = 1u; part < 8u; part++) {
        sum += parts[part * 32u + local.x];
    }
    sum += bias[p.bias_offset + column];
    for (var r = 0u; r < p.rows; r++) {
        out[r * p.columns + column] = sum[r];
    }
}
