// out[r, v] = sum_k x[r, k] wte[v, k], for at most 4 rows
//
// Shapes as in shared/unembed_call.wgsl. A workgroup takes 16 tokens, 4 an invocation, with 16
// readers, which walk their rows of wte side by side; their parts are added in
// workgroup memory, a row at a time: see shared/parts.wgsl for why there is so little of it.
// CPU twin: `cpu::products::unembed`.

const TOKENS = 16u;
const PARTS = 16u;
// How much of the sum a workgroup goes over at once: 4 a part.
const STEP = 64u;

var<workgroup> parts: array<vec4<f32>, 64>; // [4 x 4 tokens, PARTS]

// Adds the parts of a row up, an invocation a token.
fn add_up(row: u32, first_token: u32, lane: u32, sum: vec4<f32>) {
    // The row before may still be read.
    workgroupBarrier();
    parts[lane] = sum;
    workgroupBarrier();
    let token = first_token + lane;
    if lane >= TOKENS || row >= p.rows || token >= p.columns {
        return;
    }
    var total = 0.0;
    for (var part = 0u; part < PARTS; part++) {
        total += parts[lane / 4u * PARTS + part][lane % 4u];
    }
    out[row * p.columns + token] = total;
}

@compute @workgroup_size(16, 4)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first_token = place(group) * TOKENS;
    if first_token >= p.columns {
        return;
    }
    let token = first_token + local.y * 4u;
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k = local.x * 4u; k < p.inner; k += STEP) {
        let w = mat4x4(
            wte_at(token, k),
            wte_at(token + 1u, k),
            wte_at(token + 2u, k),
            wte_at(token + 3u, k),
        );
        sum0 += x_at(0u, k) * w;
        if p.rows > 1u {
            sum1 += x_at(1u, k) * w;
        }
        if p.rows > 2u {
            sum2 += x_at(2u, k) * w;
            sum3 += x_at(3u, k) * w;
        }
    }
    add_up(0u, first_token, lane, sum0);
    if p.rows > 1u {
        add_up(1u, first_token, lane, sum1);
    }
    if p.rows > 2u {
        add_up(2u, first_token, lane, sum2);
        add_up(3u, first_token, lane, sum3);
    }
}
