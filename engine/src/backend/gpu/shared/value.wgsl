// A column of the value in a slot. CPU twin: `cpu::attention::look_up`.

fn value_at(slot: u32, column: u32) -> f32 {
    if (slot & OWN_ROW) != 0u {
        return v[p.v_offset + (slot & ~OWN_ROW) * p.v_stride + column];
    }
    return kept_v[p.kept_v_offset + slot * p.kept_v_stride + column];
}
