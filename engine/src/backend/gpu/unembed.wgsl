// out[r, v] = sum_k x[r, k] wte[v, k]
//
// x: [rows, inner], its rows `x_stride` apart; wte: [columns, inner], its rows
// `wte_stride` apart; out: [rows, columns], columns being tokens.
// Tiles as in linear.wgsl; here the tokens' rows are turned into the lanes of a
// vector too. CPU twin: cpu/products.rs, `unembed`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    inner: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    wte_offset: u32,
    wte_stride: u32,
}

const DEPTH = 16u;
// One more than the groups of 4 rows (8) and tokens (16), to spread the memory's banks.
const X_PITCH = 9u;
const WTE_PITCH = 17u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> wte: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

var<workgroup> x_tile: array<vec4<f32>, 144>; // [DEPTH, X_PITCH]
var<workgroup> wte_tile: array<vec4<f32>, 272>; // [DEPTH, WTE_PITCH]

fn x_at(row: u32, k: u32) -> f32 {
    if row < p.rows && k < p.inner {
        return x[p.x_offset + row * p.x_stride + k];
    }
    return 0.0;
}

fn wte_at(token: u32, k: u32) -> f32 {
    if token < p.columns && k < p.inner {
        return wte[p.wte_offset + token * p.wte_stride + k];
    }
    return 0.0;
}

fn store(row: u32, column: u32, v: vec4<f32>) {
    if row >= p.rows {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        if column + i < p.columns {
            out[row * p.columns + column + i] = v[i];
        }
    }
}

@compute @workgroup_size(16, 8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Neighbours share tokens, and so the rows of wte that they read.
    let tile = group.y * p.across + group.x;
    let tiles_down = (p.rows + 31u) / 32u;
    let first_row = (tile % tiles_down) * 32u;
    let first_token = (tile / tiles_down) * 64u;
    if first_token >= p.columns {
        return;
    }
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k0 = 0u; k0 < p.inner; k0 += DEPTH) {
        let k = k0 + lane % DEPTH;
        let at = lane / DEPTH;
        let row = first_row + at * 4u;
        x_tile[(lane % DEPTH) * X_PITCH + at] =
            vec4(x_at(row, k), x_at(row + 1u, k), x_at(row + 2u, k), x_at(row + 3u, k));
        for (var i = at; i < 16u; i += 8u) {
            let token = first_token + i * 4u;
            wte_tile[(lane % DEPTH) * WTE_PITCH + i] = vec4(
                wte_at(token, k),
                wte_at(token + 1u, k),
                wte_at(token + 2u, k),
                wte_at(token + 3u, k),
            );
        }
        workgroupBarrier();
        for (var i = 0u; i < DEPTH; i++) {
            let a = x_tile[i * X_PITCH + local.y];
            let b = wte_tile[i * WTE_PITCH + local.x];
            sum0 += a.x * b;
            sum1 += a.y * b;
            sum2 += a.z * b;
            sum3 += a.w * b;
        }
        workgroupBarrier();
    }
    let row = first_row + local.y * 4u;
    let column = first_token + local.x * 4u;
    store(row, column, sum0);
    store(row + 1u, column, sum1);
    store(row + 2u, column, sum2);
    store(row + 3u, column, sum3);
}
