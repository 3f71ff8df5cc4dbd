// out[r, h d + c] = sum over the keys j < len_r of pattern[r, h t + j] value(r, j)[h d + c]
//
// pattern: [rows, heads * t], v: [own rows, columns], kept_v: [slots, columns], each with
// its rows a stride apart; out: [rows, columns], columns = heads * width.
// slots: see shared/slots.wgsl. One invocation an element; neighbours read adjacent
// values. CPU twin: `cpu::attention::mix`.

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
    kept_v_offset: u32,
    kept_v_stride: u32,
}

const ELEMENTS = 64u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> pattern: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> kept_v: array<f32>;
@group(0) @binding(4) var<storage, read> slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

fn element(i: u32, row: u32, column: u32) {
    let first = p.pattern_offset + row * p.pattern_stride + (column / p.width) * p.t;
    let slot = first_slot(row);
    let len = seen(row);
    var z = 0.0;
    for (var j = 0u; j < len; j++) {
        z += pattern[first + j] * value_at(slots[slot + j], column);
    }
    out[i] = z;
}
