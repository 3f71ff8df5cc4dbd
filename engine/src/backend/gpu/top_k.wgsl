// out[r] = the k largest of x[r], largest first, then their columns as numbers
//
// x: [rows, columns], its rows `x_stride` apart; out: [rows, 2 k], k <= columns.
// Among equals the smaller column comes first. Each lane keeps the best of its own
// columns that has not been taken; when the row's best is taken, only its lane looks
// again. One workgroup a row. CPU twin: `cpu::reduce::top_k`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    k: u32,
}

const NONE = 0xffffffffu;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> keys: array<u32, 256>;
var<workgroup> columns: array<u32, 256>;

// A number whose order is that of `f32::total_cmp`.
fn key(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    if (bits & 0x80000000u) != 0u {
        return ~bits;
    }
    return bits | 0x80000000u;
}

fn before(a_key: u32, a_column: u32, b_key: u32, b_column: u32) -> bool {
    return a_key > b_key || (a_key == b_key && a_column < b_column);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = place(group);
    if row >= p.rows {
        return;
    }
    let first = p.x_offset + row * p.x_stride;
    // The one of this lane's columns that was taken last: the next comes after it.
    var taken_key = NONE;
    var taken_column = 0u;
    var any_taken = false;
    var look = true;
    var best_key = 0u;
    var best_column = NONE;
    for (var i = 0u; i < p.k; i++) {
        if look {
            best_key = 0u;
            best_column = NONE;
            for (var c = lane; c < p.columns; c += 256u) {
                let k = key(x[first + c]);
                let free = !any_taken || before(taken_key, taken_column, k, c);
                if free && before(k, c, best_key, best_column) {
                    best_key = k;
                    best_column = c;
                }
            }
            look = false;
        }
        keys[lane] = best_key;
        columns[lane] = best_column;
        workgroupBarrier();
        for (var span = 128u; span > 0u; span /= 2u) {
            if lane < span {
                let other = lane + span;
                if before(keys[other], columns[other], keys[lane], columns[lane]) {
                    keys[lane] = keys[other];
                    columns[lane] = columns[other];
                }
            }
            workgroupBarrier();
        }
        let chosen = columns[0];
        workgroupBarrier();
        if chosen == best_column {
            out[row * 2u * p.k + i] = x[first + chosen];
            out[row * 2u * p.k + p.k + i] = f32(chosen);
            any_taken = true;
            taken_key = best_key;
            taken_column = best_column;
            look = true;
        }
    }
}
