// What the `LANES` invocations of a workgroup, a power of two, make of one value each:
// halves are put together until one is left, which every lane gets.

var<workgroup> lanes: array<f32, LANES>;

fn sum(lane: u32, value: f32) -> f32 {
    // What was there before may still be read.
    workgroupBarrier();
    lanes[lane] = value;
    workgroupBarrier();
    for (var span = LANES / 2u; span > 0u; span /= 2u) {
        if lane < span {
            lanes[lane] += lanes[lane + span];
        }
        workgroupBarrier();
    }
    return lanes[0];
}

fn largest(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    lanes[lane] = value;
    workgroupBarrier();
    for (var span = LANES / 2u; span > 0u; span /= 2u) {
        if lane < span {
            lanes[lane] = max(lanes[lane], lanes[lane + span]);
        }
        workgroupBarrier();
    }
    return lanes[0];
}
