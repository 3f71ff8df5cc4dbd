// Four adjacent columns of a weight, 0 where there are none: for a weight of any
// shape and alignment. Part of the linear kernels; see weight_4.wgsl.

@group(0) @binding(2) var<storage, read> weight: array<f32>;

fn weight_at(k: u32, column: u32) -> vec4<f32> {
    var v = vec4<f32>();
    if k >= p.inner {
        return v;
    }
    let at = p.weight_offset + k * p.weight_stride + column;
    if column + 4u <= p.columns {
        return vec4(weight[at], weight[at + 1u], weight[at + 2u], weight[at + 3u]);
    }
    for (var i = 0u; i < 4u; i++) {
        if column + i < p.columns {
            v[i] = weight[at + i];
        }
    }
    return v;
}
