// out[r, v] = sum_k x[r, k] wte[v, k]
//
// Shapes as in shared/unembed_call.wgsl, the work divided as in shared/tile.wgsl; here
// the tokens' rows are turned into the lanes of a vector too.
// CPU twin: `cpu::products::unembed`.

// One more than the 16 groups of 4 tokens, to spread the memory's banks.
const COLUMN_PITCH = 17u;

@group(0) @binding(2) var<storage, read> wte: array<f32>;

fn wte_at(token: u32, k: u32) -> f32 {
    if token < p.columns && k < p.inner {
        return wte[p.wte_offset + token * p.wte_stride + k];
    }
    return 0.0;
}

fn ended(row: u32, column: u32, v: f32) -> f32 {
    return v;
}

fn fetch(k0: u32, first_token: u32, lane: u32) {
    let k = k0 + lane % DEPTH;
    for (var i = lane / DEPTH; i < 16u; i += 8u) {
        let token = first_token + i * 4u;
        column_tile[(lane % DEPTH) * COLUMN_PITCH + i] = vec4(
            wte_at(token, k),
            wte_at(token + 1u, k),
            wte_at(token + 2u, k),
            wte_at(token + 3u, k),
        );
    }
}
