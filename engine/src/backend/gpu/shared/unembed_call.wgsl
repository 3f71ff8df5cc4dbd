// What the unembedding kernels are called with, whatever their number of rows.
//
// x: [rows, inner], its rows `x_stride` apart; wte: [columns, inner], its rows
// `wte_stride` apart; out: [rows, columns], columns being tokens.
// CPU twin: `cpu::products::unembed`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    inner: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
    wte_offset: u32,
    wte_stride: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
