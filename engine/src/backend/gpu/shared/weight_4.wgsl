// As weight.wgsl, in one load: for a weight whose columns, offset and stride are
// multiples of 4, as those of every GPT-2 are.

@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;

fn weight_at(k: u32, column: u32) -> vec4<f32> {
    if k >= p.inner || column >= p.columns {
        return vec4<f32>();
    }
    return weight[(p.weight_offset + k * p.weight_stride + column) / 4u];
}
