// out[r, h t + j] = softmax over the keys j < len_r of scale (q[r, h] . key(r, j)[h]); 0 for j >= len_r
//
// q: [rows, heads * width], k: [own rows, heads * width], kept_k: [slots, heads * width],
// each with its rows a stride apart; out: [rows, heads * t].
// slots: see shared/slots.wgsl.
// One workgroup a row and head. A lane writes and reads back the scores of its own
// keys only, so they need no barrier. CPU twin: `cpu::attention::pattern`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    heads: u32,
    width: u32,
    t: u32,
    q_offset: u32,
    q_stride: u32,
    k_offset: u32,
    k_stride: u32,
    kept_k_offset: u32,
    kept_k_stride: u32,
    scale: f32,
}

const LANES = 64u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> kept_k: array<f32>;
@group(0) @binding(4) var<storage, read> slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = place(group);
    if i >= p.rows * p.heads {
        return;
    }
    let row = i / p.heads;
    let head = i % p.heads;
    let slot = first_slot(row);
    let len = seen(row);
    let q_first = p.q_offset + row * p.q_stride + head * p.width;
    let first = i * p.t;

    var high = -3.4e38;
    for (var j = lane; j < len; j += LANES) {
        let s = score(q_first, slots[slot + j], head);
        out[first + j] = s;
        high = max(high, s);
    }
    high = largest(lane, high);
    var total = 0.0;
    for (var j = lane; j < len; j += LANES) {
        let e = exp(out[first + j] - high);
        out[first + j] = e;
        total += e;
    }
    total = sum(lane, total);
    for (var j = lane; j < p.t; j += LANES) {
        if j < len {
            out[first + j] = out[first + j] / total;
        } else {
            out[first + j] = 0.0;
        }
    }
}
