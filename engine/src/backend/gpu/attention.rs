//! Attention over a slot table.

use super::calls::{attend, mix, pattern};
use super::kernels::Kernel;
use super::pool::Kind;
use super::recorder::Dispatch;
use super::tensor::{Table, Tensor, expect, shape, word};
use super::{Gpu, Operation, Result};
use crate::rows::{OWN_ROW, SlotTable};

/// Elements that a workgroup of `mix` and `mix_back` handles.
pub(super) const ELEMENTS: u64 = 64;

pub(super) fn upload_table(gpu: &Gpu, table: &SlotTable) -> Result<Table> {
    let mut longest: Vec<u32> = Vec::new(); // of each run's rows
    for (run, len) in table.run.iter().zip(&table.len) {
        let run = *run as usize;
        if run >= longest.len() {
            longest.resize(run + 1, 0);
        }
        longest[run] = longest[run].max(*len);
    }
    let (mut slots, mut own_rows) = (0, 0);
    for (run, len) in longest.iter().enumerate() {
        let first = run * table.width;
        let seen = table.slots.get(first..first + *len as usize);
        let Some(seen) = seen.filter(|s| s.len() <= table.width) else {
            let expected = format!("{len} slots of run {run}");
            let found = format!("{} slots, {} a run", table.slots.len(), table.width);
            return Err(shape(Operation::UploadTable, expected, found));
        };
        for slot in seen {
            if slot & OWN_ROW == 0 {
                slots = slots.max(slot + 1);
            } else {
                own_rows = own_rows.max((slot & !OWN_ROW) + 1);
            }
        }
    }
    if table.run.len() != table.len.len() {
        let expected = format!("a length for each of {} rows", table.run.len());
        let found = table.len.len().to_string();
        return Err(shape(Operation::UploadTable, expected, found));
    }
    let words = [&table.run[..], &table.len, &table.slots].concat();
    let r = &gpu.0.recorder;
    let held = r.pool.take(Kind::Result, 4 * words.len() as u64)?;
    r.write(&held, bytemuck::cast_slice(&words));
    Ok(Table {
        held,
        rows: word(table.run.len())?,
        width: word(table.width)?,
        keys: table.len.iter().map(|l| u64::from(*l)).sum(),
        slots,
        own_rows,
    })
}

/// `[k, kept_k]`: where the keys are looked up.
pub(super) fn pattern(
    gpu: &Gpu,
    q: &Tensor,
    keys: [&Tensor; 2],
    table: &Table,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    let kernel = (Operation::Pattern, Kernel::Pattern);
    of_keys(gpu, kernel, q, keys, table, (n_head, scale))
}

/// `[k, kept_k]`: where the keys are looked up.
pub(super) fn scores(
    gpu: &Gpu,
    q: &Tensor,
    keys: [&Tensor; 2],
    table: &Table,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    let kernel = (Operation::Scores, Kernel::Scores);
    of_keys(gpu, kernel, q, keys, table, (n_head, scale))
}

/// A number for each row, head and key.
fn of_keys(
    gpu: &Gpu,
    (operation, kernel): (Operation, Kernel),
    q: &Tensor,
    keys: [&Tensor; 2],
    table: &Table,
    (n_head, scale): (usize, f32),
) -> Result<Tensor> {
    expect(operation, q, [table.rows as usize, q.columns as usize])?;
    let heads = word(n_head)?;
    let width = look_up(operation, keys, table, q.columns, heads)?;
    let [k, kept_k] = keys;
    let out = gpu.tensor(q.rows, word(n_head * table.width as usize)?)?;
    gpu.dispatch(&Dispatch {
        kernel,
        call: &pattern::Call {
            p: pattern::Params {
                rows: q.rows,
                heads,
                width,
                t: table.width,
                q_offset: q.offset,
                q_stride: q.stride,
                k_offset: k.offset,
                k_stride: k.stride,
                kept_k_offset: kept_k.offset,
                kept_k_stride: kept_k.stride,
                scale,
            },
            q: &q.held,
            k: &k.held,
            kept_k: &kept_k.held,
            slots: &table.held,
            out: &out.held,
        },
        groups: u64::from(q.rows) * u64::from(heads),
        work: table.keys * u64::from(q.columns),
    })?;
    Ok(out)
}

/// `[v, kept_v]`: where the values are looked up.
pub(super) fn mix(
    gpu: &Gpu,
    pattern: &Tensor,
    values: [&Tensor; 2],
    table: &Table,
    n_head: usize,
) -> Result<Tensor> {
    let operation = Operation::Mix;
    let patterns = [table.rows as usize, n_head * table.width as usize];
    expect(operation, pattern, patterns)?;
    let [v, kept_v] = values;
    let width = look_up(operation, values, table, kept_v.columns, word(n_head)?)?;
    let out = gpu.tensor(pattern.rows, kept_v.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Mix,
        call: &mix::Call {
            p: mix::Params {
                rows: out.rows,
                columns: out.columns,
                width,
                t: table.width,
                pattern_offset: pattern.offset,
                pattern_stride: pattern.stride,
                v_offset: v.offset,
                v_stride: v.stride,
                kept_v_offset: kept_v.offset,
                kept_v_stride: kept_v.stride,
            },
            pattern: &pattern.held,
            v: &v.held,
            kept_v: &kept_v.held,
            slots: &table.held,
            out: &out.held,
        },
        groups: out.len().div_ceil(ELEMENTS),
        work: table.keys * u64::from(out.columns),
    })?;
    Ok(out)
}

/// [`pattern()`] and then [`mix()`], in one; `k` and `v` are each with what is kept.
pub(super) fn attend(
    gpu: &Gpu,
    q: &Tensor,
    keys: [&Tensor; 2],
    values: [&Tensor; 2],
    table: &Table,
    n_head: usize,
    scale: f32,
) -> Result<Tensor> {
    let operation = Operation::Attend;
    expect(operation, q, [table.rows as usize, q.columns as usize])?;
    let heads = word(n_head)?;
    let width = look_up(operation, keys, table, q.columns, heads)?;
    look_up(operation, values, table, q.columns, heads)?;
    let ([k, kept_k], [v, kept_v]) = (keys, values);
    let out = gpu.tensor(q.rows, q.columns)?;
    gpu.dispatch(&Dispatch {
        kernel: Kernel::Attend,
        call: &attend::Call {
            p: attend::Params {
                rows: q.rows,
                heads,
                width,
                t: table.width,
                q_offset: q.offset,
                q_stride: q.stride,
                k_offset: k.offset,
                k_stride: k.stride,
                v_offset: v.offset,
                v_stride: v.stride,
                kept_k_offset: kept_k.offset,
                kept_k_stride: kept_k.stride,
                kept_v_offset: kept_v.offset,
                kept_v_stride: kept_v.stride,
                scale,
            },
            q: &q.held,
            k: &k.held,
            v: &v.held,
            kept_k: &kept_k.held,
            kept_v: &kept_v.held,
            slots: &table.held,
            out: &out.held,
        },
        groups: u64::from(q.rows) * u64::from(heads),
        work: 2 * table.keys * u64::from(q.columns),
    })?;
    Ok(out)
}

/// Checks that every slot of the table is a row of `[own, kept]`; the width of a head.
fn look_up(
    operation: Operation,
    [own, kept]: [&Tensor; 2],
    table: &Table,
    columns: u32,
    heads: u32,
) -> Result<u32> {
    for (x, rows) in [(own, table.own_rows), (kept, table.slots)] {
        // One whose rows nothing names only stands in.
        if rows > 0 && (x.rows < rows || x.columns != columns) {
            let expected = format!("at least {rows} rows of {columns} columns");
            return Err(shape(operation, expected, format!("{:?}", x.shape())));
        }
    }
    width(operation, columns, heads)
}

/// Columns of each of so many heads, of all of which there are `columns`.
pub(super) fn width(operation: Operation, columns: u32, heads: u32) -> Result<u32> {
    match columns.checked_div(heads) {
        Some(width) if width * heads == columns => Ok(width),
        Some(_) | None => Err(shape(
            operation,
            format!("a multiple of {heads} heads"),
            columns.to_string(),
        )),
    }
}
