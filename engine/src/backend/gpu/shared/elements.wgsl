// The frame of the kernels that make [rows, columns] element by element, an invocation
// each. The kernel says what is done, in `element`, and how many a workgroup does, in
// `ELEMENTS`; neighbours do adjacent columns.

@compute @workgroup_size(ELEMENTS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = place(group) * ELEMENTS + lane;
    if i >= p.rows * p.columns {
        return;
    }
    element(i, i / p.columns, i % p.columns);
}
