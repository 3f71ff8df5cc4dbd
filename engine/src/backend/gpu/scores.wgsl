// out[r, h t + j] = scale (q[r, h] . key(r, j)[h]) of the keys j < len_r; 0 for j >= len_r
//
// pattern.wgsl before its softmax; shapes as in shared/pattern_call.wgsl. One workgroup a
// row and head. CPU twin: `cpu::attention::scores`.

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
    for (var j = lane; j < p.t; j += LANES) {
        var s = 0.0;
        if j < len {
            s = score(q_first, slots[slot + j], head);
        }
        out[i * p.t + j] = s;
    }
}
