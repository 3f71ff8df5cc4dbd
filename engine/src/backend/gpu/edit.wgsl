// x[row, start ..] := scale x + min(coef + gain (x . s), most) s, for each edit, over its `width` columns
//
// s is source[source_row, source_start ..]. x: [any, any] in place, source: [any, any],
// their rows a stride apart. edits: 9 words each, in the order of `RowEdit`; no two
// edit the same columns of a row. One workgroup an edit. CPU twin: cpu/edit.rs, `edit`.

struct Params {
    list: u32, // where the edits start in `edits`
    across: u32, // workgroups side by side
    count: u32,
    x_offset: u32,
    x_stride: u32,
    source_offset: u32,
    source_stride: u32,
    has_source: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> edits: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

var<workgroup> lanes: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.y * p.across + group.x;
    if i >= p.count {
        return;
    }
    let at = p.list + i * 9u;
    let to = p.x_offset + edits[at] * p.x_stride + edits[at + 1u];
    let width = edits[at + 2u];
    let source_at = p.source_offset + edits[at + 3u] * p.source_stride + edits[at + 4u];
    let scale = bitcast<f32>(edits[at + 5u]);
    let gain = bitcast<f32>(edits[at + 7u]);

    var along = 0.0;
    if p.has_source != 0u && gain != 0.0 {
        for (var c = lane; c < width; c += 64u) {
            along += x[to + c] * source[source_at + c];
        }
    }
    lanes[lane] = along;
    workgroupBarrier();
    for (var span = 32u; span > 0u; span /= 2u) {
        if lane < span {
            lanes[lane] += lanes[lane + span];
        }
        workgroupBarrier();
    }
    let most = bitcast<f32>(edits[at + 8u]);
    let coef = min(bitcast<f32>(edits[at + 6u]) + gain * lanes[0], most);

    for (var c = lane; c < width; c += 64u) {
        // Replacing must not keep a NaN or an infinity that it replaces.
        var value = 0.0;
        if scale != 0.0 {
            value = scale * x[to + c];
        }
        if p.has_source != 0u {
            value += coef * source[source_at + c];
        }
        x[to + c] = value;
    }
}
