// x[row, start ..] := scale x + min(coef + gain (x . s), most) s, for each edit, over its `width` columns
//
// s is source[source_row, source_start ..]. x: [any, any] in place, source: [any, any],
// their rows a stride apart. edits: [count] of `Edit`, no two of the same columns of a
// row. One workgroup an edit. CPU twin: `cpu::edit::edit`.

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

// One of `edits`, which lies among lists of other words.
struct Edit {
    row: u32,
    start: u32,
    width: u32,
    source_row: u32,
    source_start: u32,
    scale: f32,
    coef: f32,
    gain: f32,
    most: f32,
}

const EDIT_WORDS = 9u;
const LANES = 64u;

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> edits: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

fn edit_at(at: u32) -> Edit {
    return Edit(
        edits[at],
        edits[at + 1u],
        edits[at + 2u],
        edits[at + 3u],
        edits[at + 4u],
        bitcast<f32>(edits[at + 5u]),
        bitcast<f32>(edits[at + 6u]),
        bitcast<f32>(edits[at + 7u]),
        bitcast<f32>(edits[at + 8u]),
    );
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = place(group);
    if i >= p.count {
        return;
    }
    let edit = edit_at(p.list + i * EDIT_WORDS);
    let to = p.x_offset + edit.row * p.x_stride + edit.start;
    let source_at = p.source_offset + edit.source_row * p.source_stride + edit.source_start;

    var along = 0.0;
    if p.has_source != 0u && edit.gain != 0.0 {
        for (var c = lane; c < edit.width; c += LANES) {
            along += x[to + c] * source[source_at + c];
        }
    }
    let coef = min(edit.coef + edit.gain * sum(lane, along), edit.most);

    for (var c = lane; c < edit.width; c += LANES) {
        // Replacing must not keep a NaN or an infinity that it replaces.
        var value = 0.0;
        if edit.scale != 0.0 {
            value = edit.scale * x[to + c];
        }
        if p.has_source != 0u {
            value += coef * source[source_at + c];
        }
        x[to + c] = value;
    }
}
