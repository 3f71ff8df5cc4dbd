// Four adjacent values of a row of x, 0 where there are none: for an x of any width
// and alignment. Rows that are not there are the last one. Part of the kernels for
// some rows; see x_4.wgsl.

@group(0) @binding(1) var<storage, read> x: array<f32>;

fn x_at(row: u32, k: u32) -> vec4<f32> {
    let at = p.x_offset + min(row, p.rows - 1u) * p.x_stride + k;
    var v = vec4<f32>();
    for (var i = 0u; i < 4u; i++) {
        if k + i < p.inner {
            v[i] = x[at + i];
        }
    }
    return v;
}
