// How a matrix product ends: what is done to its element `v` at [row, column]
// before it is stored. Part of the linear kernels, with activation.wgsl, whose
// functions are the smaller values of `p.then`. Twin of `Then` in backend/mod.rs.

const NOTHING = 5u;
const ADD = 6u;

fn ended(row: u32, column: u32, v: f32) -> f32 {
    let sum = v + bias[p.bias_offset + column];
    if p.then == NOTHING {
        return sum;
    }
    if p.then == ADD {
        return onto[p.onto_offset + row * p.onto_stride + column] + sum;
    }
    return activation(p.then, sum);
}
