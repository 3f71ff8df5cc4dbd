// out[r, c] = then(bias[c] + sum_k x[r, k] weight[k, c]), for at most 4 rows
//
// Shapes as in shared/linear_call.wgsl, the work divided as in shared/parts.wgsl. With few rows the time
// goes into reading the weights once. CPU twin: `cpu::products::linear`.

@compute @workgroup_size(4, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first_column = place(group) * COLUMNS;
    if first_column >= p.columns {
        return;
    }
    let column = first_column + local.x * 4u;
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k = local.y * 4u; k < p.inner; k += STEP) {
        let w = weights(k, column);
        sum0 += w * x_at(0u, k);
        sum1 += w * x_at(1u, k);
        if p.rows > 2u {
            sum2 += w * x_at(2u, k);
            sum3 += w * x_at(3u, k);
        }
    }
    add_up(0u, first_column, lane, sum0, sum1);
    if p.rows > 2u {
        add_up(2u, first_column, lane, sum2, sum3);
    }
}
