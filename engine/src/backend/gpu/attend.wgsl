// out[r, h] = sum over the keys j < len_r of softmax(scale (q[r, h] . key(r, j)[h])) value(r, j)[h]
//
// pattern.wgsl and mix.wgsl in one, where nobody looks at the pattern; shapes and
// slots as there, `width` columns a head; kept_k and kept_v: [slots, heads * width].
// One workgroup a row and head goes over the keys in stretches of 64, a lane a key
// and then a lane a column. What was summed before is shrunk when a larger score
// comes. Every lane finds the largest score and the total for itself: that is less
// than waiting for each other. A lane reads back only what it wrote to `out` itself.
// CPU twin: `Backend::attend`.

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
    v_offset: u32,
    v_stride: u32,
    kept_k_offset: u32,
    kept_k_stride: u32,
    kept_v_offset: u32,
    kept_v_stride: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> kept_k: array<f32>;
@group(0) @binding(5) var<storage, read> kept_v: array<f32>;
@group(0) @binding(6) var<storage, read> slots: array<u32>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

var<workgroup> scores: array<f32, 64>; // of the stretch's keys
var<workgroup> weights: array<f32, 64>; // their exponentials
var<workgroup> places: array<u32, 64>; // their slots

@compute @workgroup_size(64)
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

    var high = -3.4e38;
    var total = 0.0;
    for (var first = 0u; first < len; first += 64u) {
        let count = min(64u, len - first);
        if lane < count {
            let key = slots[slot + first + lane];
            places[lane] = key;
            scores[lane] = score(q_first, key, head);
        }
        workgroupBarrier();
        let before = high;
        for (var j = 0u; j < count; j++) {
            high = max(high, scores[j]);
        }
        if lane < count {
            weights[lane] = exp(scores[lane] - high);
        }
        workgroupBarrier();
        let shrink = exp(before - high);
        total *= shrink;
        for (var j = 0u; j < count; j++) {
            total += weights[j];
        }
        for (var c = lane; c < p.width; c += 64u) {
            let column = head * p.width + c;
            let at = row * p.heads * p.width + column;
            var z = 0.0;
            if first > 0u {
                z = out[at] * shrink;
            }
            for (var j = 0u; j < count; j++) {
                z += weights[j] * value_at(places[j], column);
            }
            if first + 64u >= len {
                z /= total;
            }
            out[at] = z;
        }
        // The next stretch's scores take the place of these.
        workgroupBarrier();
    }
}
