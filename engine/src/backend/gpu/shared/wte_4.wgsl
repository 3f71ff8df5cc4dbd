// As wte.wgsl, in one load: for a wte whose width, offset and stride are multiples of 4.

@group(0) @binding(2) var<storage, read> wte: array<vec4<f32>>;

fn wte_at(token: u32, k: u32) -> vec4<f32> {
    return wte[(p.wte_offset + min(token, p.columns - 1u) * p.wte_stride + k) / 4u];
}
