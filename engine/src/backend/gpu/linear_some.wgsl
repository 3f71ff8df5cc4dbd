// out[r, c] = then(bias[c] + sum_k x[r, k] weight[k, c]), for at most 16 rows
//
// Shapes as in shared/linear_call.wgsl, the work divided as in shared/parts.wgsl. So few rows, those of
// one prompt, still wait for the weights: an invocation multiplies what it reads of
// them with every row. CPU twin: `cpu::products::linear`.

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
    var sum4 = vec4<f32>();
    var sum5 = vec4<f32>();
    var sum6 = vec4<f32>();
    var sum7 = vec4<f32>();
    var sum8 = vec4<f32>();
    var sum9 = vec4<f32>();
    var sum10 = vec4<f32>();
    var sum11 = vec4<f32>();
    var sum12 = vec4<f32>();
    var sum13 = vec4<f32>();
    var sum14 = vec4<f32>();
    var sum15 = vec4<f32>();
    for (var k = local.y * 4u; k < p.inner; k += STEP) {
        let w = weights(k, column);
        sum0 += w * x_at(0u, k);
        sum1 += w * x_at(1u, k);
        sum2 += w * x_at(2u, k);
        sum3 += w * x_at(3u, k);
        sum4 += w * x_at(4u, k);
        sum5 += w * x_at(5u, k);
        sum6 += w * x_at(6u, k);
        sum7 += w * x_at(7u, k);
        if p.rows > 8u {
            sum8 += w * x_at(8u, k);
            sum9 += w * x_at(9u, k);
            sum10 += w * x_at(10u, k);
            sum11 += w * x_at(11u, k);
            sum12 += w * x_at(12u, k);
            sum13 += w * x_at(13u, k);
            sum14 += w * x_at(14u, k);
            sum15 += w * x_at(15u, k);
        }
    }
    add_up(0u, first_column, lane, sum0, sum1);
    add_up(2u, first_column, lane, sum2, sum3);
    add_up(4u, first_column, lane, sum4, sum5);
    add_up(6u, first_column, lane, sum6, sum7);
    if p.rows > 8u {
        add_up(8u, first_column, lane, sum8, sum9);
        add_up(10u, first_column, lane, sum10, sum11);
        add_up(12u, first_column, lane, sum12, sum13);
        add_up(14u, first_column, lane, sum14, sum15);
    }
}
