// out[r, h d + c] = sum over the keys j < len_r of pattern[r, h t + j] value(r, j)[h d + c]
//
// pattern: [rows, heads * t], v: [own rows, columns], kept: [slots, columns], each with
// its rows a stride apart; out: [rows, columns], columns = heads * width.
// slots: as in pattern.wgsl. One invocation an element; neighbours read adjacent
// values. CPU twin: cpu/attention.rs, `mix`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    width: u32,
    t: u32,
    pattern_offset: u32,
    pattern_stride: u32,
    v_offset: u32,
    v_stride: u32,
    kept_offset: u32,
    kept_stride: u32,
}

const OWN_ROW = 0x80000000u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> pattern: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> kept: array<f32>;
@group(0) @binding(4) var<storage, read> slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * p.across + group.x) * 64u + lane;
    if i >= p.rows * p.columns {
        return;
    }
    let row = i / p.columns;
    let column = i % p.columns;
    let first = p.pattern_offset + row * p.pattern_stride + (column / p.width) * p.t;
    let first_slot = 2u * p.rows + slots[row] * p.t;
    let len = slots[p.rows + row];
    var z = 0.0;
    for (var j = 0u; j < len; j++) {
        let slot = slots[first_slot + j];
        var value: f32;
        if (slot & OWN_ROW) != 0u {
            value = v[p.v_offset + (slot & ~OWN_ROW) * p.v_stride + column];
        } else {
            value = kept[p.kept_offset + slot * p.kept_stride + column];
        }
        z += pattern[first + j] * value;
    }
    out[i] = z;
}
