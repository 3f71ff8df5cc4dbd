// As x.wgsl, in one load: for an x whose width, offset and stride are multiples of 4.

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;

fn x_at(row: u32, k: u32) -> vec4<f32> {
    return x[(p.x_offset + min(row, p.rows - 1u) * p.x_stride + k) / 4u];
}
