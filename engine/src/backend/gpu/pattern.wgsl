// out[r, h t + j] = softmax over the keys j < len_r of scale (q[r, h] . key(r, j)[h]); 0 for j >= len_r
//
// q: [rows, heads * width], k: [own rows, heads * width], kept: [slots, heads * width],
// each with its rows a stride apart; out: [rows, heads * t].
// slots: run [rows], then len [rows], then for each run the slots of its t positions:
// with the highest bit set a row of k, with it clear a row of kept.
// One workgroup a row and head. A lane writes and reads back the scores of its own
// keys only, so they need no barrier. CPU twin: cpu/attention.rs, `pattern`.

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
    kept_offset: u32,
    kept_stride: u32,
    scale: f32,
}

const OWN_ROW = 0x80000000u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> kept: array<f32>;
@group(0) @binding(4) var<storage, read> slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

var<workgroup> lanes: array<f32, 64>;

fn largest(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    lanes[lane] = value;
    workgroupBarrier();
    for (var span = 32u; span > 0u; span /= 2u) {
        if lane < span {
            lanes[lane] = max(lanes[lane], lanes[lane + span]);
        }
        workgroupBarrier();
    }
    return lanes[0];
}

fn sum(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    lanes[lane] = value;
    workgroupBarrier();
    for (var span = 32u; span > 0u; span /= 2u) {
        if lane < span {
            lanes[lane] += lanes[lane + span];
        }
        workgroupBarrier();
    }
    return lanes[0];
}

fn score(q_first: u32, slot: u32, head: u32) -> f32 {
    var dot = 0.0;
    if (slot & OWN_ROW) != 0u {
        let first = p.k_offset + (slot & ~OWN_ROW) * p.k_stride + head * p.width;
        for (var i = 0u; i < p.width; i++) {
            dot += q[q_first + i] * k[first + i];
        }
    } else {
        let first = p.kept_offset + slot * p.kept_stride + head * p.width;
        for (var i = 0u; i < p.width; i++) {
            dot += q[q_first + i] * kept[first + i];
        }
    }
    return p.scale * dot;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.y * p.across + group.x;
    if i >= p.rows * p.heads {
        return;
    }
    let row = i / p.heads;
    let head = i % p.heads;
    let first_slot = 2u * p.rows + slots[row] * p.t;
    let len = slots[p.rows + row];
    let q_first = p.q_offset + row * p.q_stride + head * p.width;
    let first = i * p.t;

    var high = -3.4e38;
    for (var j = lane; j < len; j += 64u) {
        let s = score(q_first, slots[first_slot + j], head);
        out[first + j] = s;
        high = max(high, s);
    }
    high = largest(lane, high);
    var total = 0.0;
    for (var j = lane; j < len; j += 64u) {
        let e = exp(out[first + j] - high);
        out[first + j] = e;
        total += e;
    }
    total = sum(lane, total);
    for (var j = lane; j < p.t; j += 64u) {
        if j < len {
            out[first + j] = out[first + j] / total;
        } else {
            out[first + j] = 0.0;
        }
    }
}
