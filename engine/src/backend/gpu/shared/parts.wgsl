// The frame of linear_few.wgsl and linear_some.wgsl: a workgroup takes 16 columns, 4
// an invocation, and cuts the sum into 16 parts to have enough readers; the parts are
// added in workgroup memory, two rows at a time.
//
// So little of it, because browsers set it to zero, and software adapters do so in
// every invocation: they would spend more time on that than on the product.

const COLUMNS = 16u;
const PARTS = 16u;
// How much of the sum a workgroup goes over at once: 4 a part.
const STEP = 64u;

var<workgroup> parts: array<vec4<f32>, 128>; // [2 rows, PARTS, 4 x 4 columns]

// 4 rows of 4 columns of the weight.
fn weights(k: u32, column: u32) -> mat4x4<f32> {
    return mat4x4(
        weight_at(k, column),
        weight_at(k + 1u, column),
        weight_at(k + 2u, column),
        weight_at(k + 3u, column),
    );
}

// Adds the parts of two rows up, an invocation each for a row and column.
fn add_up(first_row: u32, first_column: u32, lane: u32, upper: vec4<f32>, lower: vec4<f32>) {
    // The rows before may still be read.
    workgroupBarrier();
    parts[lane] = upper;
    parts[lane + 64u] = lower;
    workgroupBarrier();
    let row = lane / COLUMNS;
    let at = lane % COLUMNS;
    if row >= 2u || first_row + row >= p.rows || first_column + at >= p.columns {
        return;
    }
    var sum = 0.0;
    for (var part = 0u; part < PARTS; part++) {
        sum += parts[row * 64u + part * 4u + at / 4u][at % 4u];
    }
    let column = first_column + at;
    out[(first_row + row) * p.columns + column] = ended(first_row + row, column, sum);
}
