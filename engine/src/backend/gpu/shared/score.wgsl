// scale (q[r, h] . key[h]) of the key in a slot, `q_first` being where q[r, h] begins.
// CPU twin: `patchbay_kernels::scores`.

fn score(q_first: u32, slot: u32, head: u32) -> f32 {
    var dot = 0.0;
    if (slot & OWN_ROW) != 0u {
        let first = p.k_offset + (slot & ~OWN_ROW) * p.k_stride + head * p.width;
        for (var i = 0u; i < p.width; i++) {
            dot += q[q_first + i] * k[first + i];
        }
    } else {
        let first = p.kept_k_offset + slot * p.kept_k_stride + head * p.width;
        for (var i = 0u; i < p.width; i++) {
            dot += q[q_first + i] * kept_k[first + i];
        }
    }
    return p.scale * dot;
}
