// out[r] = log(sum_c exp(x[r, c]))
//
// x: [rows, columns], its rows `x_stride` apart; out: [rows, 1]. The row's largest
// value is taken out first, so that no exponential overflows.
// One workgroup a row. CPU twin: cpu/reduce.rs, `log_sum_exp`.

struct Params {
    list: u32, // unused
    across: u32, // workgroups side by side
    rows: u32,
    columns: u32,
    x_offset: u32,
    x_stride: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

var<workgroup> lanes: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y * p.across + group.x;
    if row >= p.rows {
        return;
    }
    let first = p.x_offset + row * p.x_stride;
    var high = -3.4e38;
    for (var c = lane; c < p.columns; c += 256u) {
        high = max(high, x[first + c]);
    }
    lanes[lane] = high;
    workgroupBarrier();
    for (var span = 128u; span > 0u; span /= 2u) {
        if lane < span {
            lanes[lane] = max(lanes[lane], lanes[lane + span]);
        }
        workgroupBarrier();
    }
    high = lanes[0];
    workgroupBarrier();
    var total = 0.0;
    for (var c = lane; c < p.columns; c += 256u) {
        total += exp(x[first + c] - high);
    }
    lanes[lane] = total;
    workgroupBarrier();
    for (var span = 128u; span > 0u; span /= 2u) {
        if lane < span {
            lanes[lane] += lanes[lane + span];
        }
        workgroupBarrier();
    }
    if lane == 0u {
        out[row] = high + log(lanes[0]);
    }
}
