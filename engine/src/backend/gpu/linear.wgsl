// out[r, c] = then(bias[c] + sum_k x[r, k] weight[k, c])
//
// Shapes and `then` as in shared/linear_call.wgsl, the work divided as in
// shared/tile.wgsl; weight.wgsl or weight_4.wgsl reads the weight.
// CPU twin: `cpu::products::linear`.

const COLUMN_PITCH = 16u;

fn fetch(k0: u32, first_column: u32, lane: u32) {
    for (var i = lane; i < 256u; i += 128u) {
        column_tile[i] = weight_at(k0 + i / 16u, first_column + (i % 16u) * 4u);
    }
}
