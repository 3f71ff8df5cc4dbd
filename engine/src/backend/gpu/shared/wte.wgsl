// Four adjacent values of a token's row of wte, 0 where there are none: for a wte of
// any width and alignment. Tokens that are not there are the last one. Part of
// unembed_few.wgsl; see wte_4.wgsl.

@group(0) @binding(2) var<storage, read> wte: array<f32>;

fn wte_at(token: u32, k: u32) -> vec4<f32> {
    let at = p.wte_offset + min(token, p.columns - 1u) * p.wte_stride + k;
    var v = vec4<f32>();
    for (var i = 0u; i < 4u; i++) {
        if k + i < p.inner {
            v[i] = wte[at + i];
        }
    }
    return v;
}
