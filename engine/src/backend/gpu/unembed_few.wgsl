// out[r, v] = sum_k x[r, k] wte[v, k], for at most 4 rows
//
// Shapes as in unembed.wgsl. A workgroup takes 8 tokens with 32 readers each,
// which walk a row of wte side by side; their parts are added in workgroup memory.
// The rows are the lanes of a vector. CPU twin: candle's `matmul`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    inner: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    wte_offset: u32,
    wte_stride: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> wte: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> parts: array<vec4<f32>, 256>; // [8 tokens, 32 parts]

@compute @workgroup_size(32, 8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first_token = (group.y * p.across + group.x) * 8u;
    if first_token >= p.columns {
        return;
    }
    let token = min(first_token + local.y, p.columns - 1u);
    // Rows that are not there read the last one, and are not written.
    let rows = min(vec4(0u, 1u, 2u, 3u), vec4(p.rows - 1u)) * p.x_stride + p.x_offset;
    let first = p.wte_offset + token * p.wte_stride;
    var sum = vec4<f32>();
    for (var k = local.x; k < p.inner; k += 32u) {
        sum += wte[first + k] * vec4(x[rows.x + k], x[rows.y + k], x[rows.z + k], x[rows.w + k]);
    }
    parts[lane] = sum;
    workgroupBarrier();
    for (var span = 16u; span > 0u; span /= 2u) {
        if local.x < span {
            parts[lane] += parts[lane + span];
        }
        workgroupBarrier();
    }
    if local.x > 0u || first_token + local.y >= p.columns {
        return;
    }
    for (var r = 0u; r < p.rows; r++) {
        out[r * p.columns + token] = parts[lane][r];
    }
}
