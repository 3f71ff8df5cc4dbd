// The slot table of the attention kernels: `slots` is run [rows], then len [rows], then
// for each run the slots of its t positions: with the highest bit set a row of this
// batch, with it clear a kept one. CPU twin: `cpu::attention::seen`.

const OWN_ROW = 0x80000000u;

// Where the slots that a row sees begin; there are `seen(row)` of them.
fn first_slot(row: u32) -> u32 {
    return 2u * p.rows + slots[row] * p.t;
}

fn seen(row: u32) -> u32 {
    return slots[p.rows + row];
}
