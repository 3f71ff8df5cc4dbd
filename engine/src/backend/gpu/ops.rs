//! The operations: shapes checked, kernels and their parameters chosen. What
//! each computes is at the head of its `.wgsl` file.

use super::kernels::Kernel;
use super::named::named;
use super::pool::Kind;
use super::recorder::Dispatch;
use super::tensor::{Tensor, expect, shape, word};
use super::{Gpu, Result, Then};
use crate::model::Activation;

/// A tensor that is larger gets a buffer of its own size, destroyed with it: it
/// is a weight, and weights come and go once.
const WEIGHT: u64 = 1 << 20;

/// Elements that a workgroup of the element by element kernels handles.
const ELEMENTS: u64 = 256;

/// Rows of a step of generation: a matrix product takes as long as reading the matrix.
const FEW: u32 = 4;

/// Rows of a prompt: it still waits for the matrix more than it multiplies.
const SOME: u32 = 16;

/// What `then.wgsl` knows besides the activation functions.
const NOTHING: u32 = 5;
const ADD: u32 = 6;

impl Gpu {
    /// A contiguous tensor for a result, its numbers whatever they were.
    pub(super) fn tensor(&self, rows: u32, columns: u32) -> Result<Tensor> {
        self.tensor_of(Kind::Result, rows, columns)
    }

    fn tensor_of(&self, kind: Kind, rows: u32, columns: u32) -> Result<Tensor> {
        let bytes = 4 * u64::from(rows) * u64::from(columns);
        Ok(Tensor {
            held: self.0.recorder.pool.take(kind, bytes)?,
            rows,
            columns,
            offset: 0,
            stride: columns,
        })
    }

    pub(super) fn upload_values(
        &self,
        [rows, columns]: [usize; 2],
        values: &[f32],
    ) -> Result<Tensor> {
        if rows.checked_mul(columns) != Some(values.len()) {
            let found = format!("{} values", values.len());
            return Err(shape("upload", format!("{rows} x {columns} values"), found));
        }
        let r = &self.0.recorder;
        let bytes: &[u8] = bytemuck::cast_slice(values);
        if bytes.len() as u64 <= WEIGHT {
            let out = self.tensor_of(Kind::Lasting, word(rows)?, word(columns)?)?;
            r.write(&out.held, bytes);
            return Ok(out);
        }
        let out = self.reserved([rows, columns])?;
        r.write_now(&out.held, 0, bytes);
        Ok(out)
    }

    /// Room for a weight. One of its own size, destroyed with it, where that is worth it.
    pub(super) fn reserved(&self, [rows, columns]: [usize; 2]) -> Result<Tensor> {
        let (rows, columns) = (word(rows)?, word(columns)?);
        let bytes = 4 * u64::from(rows) * u64::from(columns);
        if bytes <= WEIGHT {
            return self.tensor_of(Kind::Lasting, rows, columns);
        }
        Ok(Tensor {
            held: self.0.recorder.pool.take_new(bytes)?,
            rows,
            columns,
            offset: 0,
            stride: columns,
        })
    }

    pub(super) fn fill_rows(&self, into: &Tensor, first_row: usize, values: &[f32]) -> Result<()> {
        let width = into.columns as usize;
        let rows = values.len() / width.max(1);
        if rows * width != values.len() || first_row + rows > into.rows as usize {
            let expected = format!("whole rows within {:?}", into.shape());
            let found = format!("{} values from row {first_row} on", values.len());
            return Err(shape("fill", expected, found));
        }
        let at = 4 * first_row as u64 * u64::from(into.columns);
        let r = &self.0.recorder;
        if r.pool.recording() {
            // A small tensor's buffer may be one that a recorded command used.
            r.submit();
        }
        r.write_now(&into.held, at, bytemuck::cast_slice(values));
        Ok(())
    }

    pub(super) fn zeroed(&self, [rows, columns]: [usize; 2]) -> Result<Tensor> {
        let out = self.tensor_of(Kind::Lasting, word(rows)?, word(columns)?)?;
        if out.len() > 0 {
            self.0.recorder.clear(&out.held, out.bytes());
        }
        Ok(out)
    }

    pub(super) fn gather_rows(&self, x: &Tensor, rows: &[u32]) -> Result<Tensor> {
        within("gather", rows, x.rows)?;
        let out = self.tensor(word(rows.len())?, x.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Gather,
            list: Some(rows),
            inputs: named![x: &x.held],
            outs: named![out: &out.held],
            params: named![
                rows: out.rows, columns: out.columns, x_offset: x.offset,
                x_stride: x.stride,
            ],
            groups: out.len().div_ceil(ELEMENTS),
            work: out.len(),
        })?;
        Ok(out)
    }

    pub(super) fn scatter_rows(&self, into: &Tensor, rows: &[u32], x: &Tensor) -> Result<()> {
        within("scatter", rows, into.rows)?;
        expect("scatter", x, [rows.len(), into.columns as usize])?;
        // A kernel cannot read the buffer that it writes.
        let x = match x.held.id == into.held.id {
            true => &self.contiguous(x)?,
            false => x,
        };
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Scatter,
            list: Some(rows),
            inputs: named![x: &x.held],
            outs: named![into: &into.held],
            params: named![
                rows: x.rows, columns: x.columns, x_offset: x.offset, x_stride: x.stride,
                into_offset: into.offset, into_stride: into.stride,
            ],
            groups: x.len().div_ceil(ELEMENTS),
            work: x.len(),
        })
    }

    /// `into[rows] := x` for two matrices of one shape and the same rows.
    pub(super) fn scatter_two(
        &self,
        [into_a, into_b]: [&Tensor; 2],
        rows: &[u32],
        [a, b]: [&Tensor; 2],
    ) -> Result<()> {
        let apart = |x: &Tensor, into: &Tensor| x.held.id != into.held.id;
        let apart =
            apart(into_a, into_b) && [a, b].iter().all(|x| apart(x, into_a) && apart(x, into_b));
        if !apart || a.columns != b.columns {
            // A kernel writes a buffer through one binding, and reads it through none.
            self.scatter_rows(into_a, rows, a)?;
            return self.scatter_rows(into_b, rows, b);
        }
        for (into, x) in [(into_a, a), (into_b, b)] {
            within("scatter", rows, into.rows)?;
            expect("scatter", x, [rows.len(), into.columns as usize])?;
        }
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::ScatterPair,
            list: Some(rows),
            inputs: named![a: &a.held, b: &b.held],
            outs: named![into_a: &into_a.held, into_b: &into_b.held],
            params: named![
                rows: a.rows, columns: a.columns, a_offset: a.offset, a_stride: a.stride,
                b_offset: b.offset, b_stride: b.stride, into_a_offset: into_a.offset,
                into_a_stride: into_a.stride, into_b_offset: into_b.offset,
                into_b_stride: into_b.stride,
            ],
            groups: a.len().div_ceil(ELEMENTS),
            work: 2 * a.len(),
        })
    }

    /// `a[a_rows]`, then `b[b_rows]`.
    pub(super) fn join_rows(
        &self,
        (a, a_rows): (&Tensor, &[u32]),
        (b, b_rows): (&Tensor, &[u32]),
    ) -> Result<Tensor> {
        within("join", a_rows, a.rows)?;
        within("join", b_rows, b.rows)?;
        expect("join", b, [b.rows as usize, a.columns as usize])?;
        let out = self.tensor(word(a_rows.len() + b_rows.len())?, a.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Join,
            list: Some(&[a_rows, b_rows].concat()),
            inputs: named![a: &a.held, b: &b.held],
            outs: named![out: &out.held],
            params: named![
                rows: out.rows, columns: out.columns, a_rows: word(a_rows.len())?,
                a_offset: a.offset, a_stride: a.stride, b_offset: b.offset,
                b_stride: b.stride,
            ],
            groups: out.len().div_ceil(ELEMENTS),
            work: out.len(),
        })?;
        Ok(out)
    }

    /// `a[a_rows] + b[b_rows]`
    pub(super) fn sum_of_rows(
        &self,
        (a, a_rows): (&Tensor, &[u32]),
        (b, b_rows): (&Tensor, &[u32]),
    ) -> Result<Tensor> {
        within("sum_rows", a_rows, a.rows)?;
        within("sum_rows", b_rows, b.rows)?;
        expect("sum_rows", b, [b.rows as usize, a.columns as usize])?;
        if a_rows.len() != b_rows.len() {
            let expected = format!("{} rows of each", a_rows.len());
            return Err(shape("sum_rows", expected, b_rows.len().to_string()));
        }
        let out = self.tensor(word(a_rows.len())?, a.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::SumRows,
            list: Some(&[a_rows, b_rows].concat()),
            inputs: named![a: &a.held, b: &b.held],
            outs: named![out: &out.held],
            params: named![
                rows: out.rows, columns: out.columns, a_offset: a.offset,
                a_stride: a.stride, b_offset: b.offset, b_stride: b.stride,
            ],
            groups: out.len().div_ceil(ELEMENTS),
            work: out.len(),
        })?;
        Ok(out)
    }

    pub(super) fn sum(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        expect("add", b, a.shape())?;
        let out = self.tensor(a.rows, a.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Add,
            list: None,
            inputs: named![a: &a.held, b: &b.held],
            outs: named![out: &out.held],
            params: named![
                rows: a.rows, columns: a.columns, a_offset: a.offset, a_stride: a.stride,
                b_offset: b.offset, b_stride: b.stride,
            ],
            groups: out.len().div_ceil(ELEMENTS),
            work: out.len(),
        })?;
        Ok(out)
    }

    pub(super) fn activated(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let out = self.tensor(x.rows, x.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Activate,
            list: None,
            inputs: named![x: &x.held],
            outs: named![out: &out.held],
            params: named![
                rows: x.rows, columns: x.columns, x_offset: x.offset, x_stride: x.stride,
                function: function(activation),
            ],
            groups: out.len().div_ceil(ELEMENTS),
            work: 16 * out.len(),
        })?;
        Ok(out)
    }

    pub(super) fn normalised(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        epsilon: f32,
    ) -> Result<Tensor> {
        expect("layer_norm", weight, [1, x.columns as usize])?;
        expect("layer_norm", bias, [1, x.columns as usize])?;
        let out = self.tensor(x.rows, x.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::LayerNorm,
            list: None,
            inputs: named![x: &x.held, weight: &weight.held, bias: &bias.held],
            outs: named![out: &out.held],
            params: named![
                rows: x.rows, columns: x.columns, x_offset: x.offset, x_stride: x.stride,
                weight_offset: weight.offset, bias_offset: bias.offset,
                epsilon: epsilon.to_bits(),
            ],
            groups: u64::from(x.rows),
            work: 4 * out.len(),
        })?;
        Ok(out)
    }

    pub(super) fn product(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        then: Then<Tensor>,
    ) -> Result<Tensor> {
        expect(
            "linear",
            weight,
            [x.columns as usize, weight.columns as usize],
        )?;
        expect("linear", bias, [1, weight.columns as usize])?;
        let out = self.tensor(x.rows, weight.columns)?;
        // Something must be bound where nothing is added.
        let (then, onto) = match then {
            Then::Nothing => (NOTHING, bias),
            Then::Activate(activation) => (function(activation), bias),
            Then::Add(onto) => {
                expect("linear", onto, out.shape())?;
                (ADD, onto)
            }
        };
        let columns = u64::from(out.columns);
        let narrow = columns.div_ceil(16);
        let wide = columns.div_ceil(64) * u64::from(x.rows).div_ceil(32);
        let (kernel, groups) = match (x.rows, in_fours(weight), in_fours(x)) {
            (0..=FEW, true, true) => (Kernel::LinearFew, narrow),
            (0..=FEW, ..) => (Kernel::LinearFewAny, narrow),
            (..=SOME, true, true) => (Kernel::LinearSome, narrow),
            (..=SOME, ..) => (Kernel::LinearSomeAny, narrow),
            (_, true, _) => (Kernel::Linear, wide),
            (_, false, _) => (Kernel::LinearAny, wide),
        };
        self.0.recorder.dispatch(&Dispatch {
            kernel,
            list: None,
            inputs: named![x: &x.held, weight: &weight.held, bias: &bias.held, onto: &onto.held],
            outs: named![out: &out.held],
            params: named![
                rows: x.rows, inner: x.columns, columns: out.columns, x_offset: x.offset,
                x_stride: x.stride, weight_offset: weight.offset,
                weight_stride: weight.stride, bias_offset: bias.offset, then: then,
                onto_offset: onto.offset, onto_stride: onto.stride,
            ],
            groups: if x.rows == 0 { 0 } else { groups },
            work: out.len() * u64::from(x.columns),
        })?;
        Ok(out)
    }

    pub(super) fn scores(&self, x: &Tensor, wte: &Tensor) -> Result<Tensor> {
        expect("unembed", wte, [wte.rows as usize, x.columns as usize])?;
        let out = self.tensor(x.rows, wte.rows)?;
        let tokens = u64::from(wte.rows);
        let wide = tokens.div_ceil(64) * u64::from(x.rows).div_ceil(32);
        let (kernel, groups) = match (x.rows <= FEW, in_fours(x) && in_fours(wte)) {
            (true, true) => (Kernel::UnembedFew, tokens.div_ceil(16)),
            (true, false) => (Kernel::UnembedFewAny, tokens.div_ceil(16)),
            (false, _) => (Kernel::Unembed, wide),
        };
        self.0.recorder.dispatch(&Dispatch {
            kernel,
            list: None,
            inputs: named![x: &x.held, wte: &wte.held],
            outs: named![out: &out.held],
            params: named![
                rows: x.rows, inner: x.columns, columns: wte.rows, x_offset: x.offset,
                x_stride: x.stride, wte_offset: wte.offset, wte_stride: wte.stride,
            ],
            groups: if x.rows == 0 { 0 } else { groups },
            work: out.len() * u64::from(x.columns),
        })?;
        Ok(out)
    }
}

/// Whether four adjacent values of a row are one aligned load.
fn in_fours(x: &Tensor) -> bool {
    [x.columns, x.offset, x.stride]
        .iter()
        .all(|size| size % 4 == 0)
}

/// The number of an activation function in `activation.wgsl`.
fn function(activation: Activation) -> u32 {
    match activation {
        Activation::GeluNew => 0,
        Activation::Gelu => 1,
        Activation::Relu => 2,
        Activation::Silu => 3,
        Activation::Tanh => 4,
    }
}

/// # Errors
/// When a row is not below `have`.
fn within(operation: &'static str, rows: &[u32], have: u32) -> Result<()> {
    match rows.iter().find(|r| **r >= have) {
        None => Ok(()),
        Some(row) => Err(shape(
            operation,
            format!("rows below {have}"),
            format!("row {row}"),
        )),
    }
}
