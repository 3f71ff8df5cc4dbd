// out[r, h t + j] = softmax over the keys j < len_r of scale (q[r, h] . key(r, j)[h]); 0 for j >= len_r
//
// Shapes as in shared/pattern_call.wgsl. One workgroup a row and head. A lane writes and
// reads back the scores of its own keys only, so they need no barrier.
// CPU twin: `cpu::attention::pattern`.

const LANES = 64u;

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
