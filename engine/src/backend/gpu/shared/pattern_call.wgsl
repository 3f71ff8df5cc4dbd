// What pattern.wgsl and scores.wgsl are called with.
//
// q: [rows, heads * width], k: [own rows, heads * width], kept_k: [slots, heads * width],
// each with its rows a stride apart; out: [rows, heads * t].
// slots: see shared/slots.wgsl.
// CPU twin: `cpu::attention::scores_then`.

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

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> kept_k: array<f32>;
@group(0) @binding(4) var<storage, read> slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
