//! Attention over a slot table, and edits of rows.

use super::kernels::Kernel;
use super::named::named;
use super::pool::Kind;
use super::recorder::Dispatch;
use super::tensor::{Table, Tensor, expect, shape, word};
use super::{Gpu, Result};
use crate::rows::{OWN_ROW, RowEdit, SlotTable};
use std::rc::Rc;

impl Gpu {
    pub(super) fn put_table(&self, table: &SlotTable) -> Result<Table> {
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
                return Err(shape("upload_table", expected, found));
            };
            for slot in seen {
                match slot & OWN_ROW {
                    0 => slots = slots.max(slot + 1),
                    _ => own_rows = own_rows.max((slot & !OWN_ROW) + 1),
                }
            }
        }
        if table.run.len() != table.len.len() {
            let expected = format!("a length for each of {} rows", table.run.len());
            return Err(shape("upload_table", expected, table.len.len().to_string()));
        }
        let words = [&table.run[..], &table.len, &table.slots].concat();
        let r = &self.0.recorder;
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

    /// `[k, kept]`: where the keys are looked up.
    pub(super) fn patterns(
        &self,
        q: &Tensor,
        keys: [&Tensor; 2],
        table: &Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Tensor> {
        expect("pattern", q, [table.rows as usize, q.columns as usize])?;
        let heads = word(n_head)?;
        let width = look_up("pattern", keys, table, q.columns, heads)?;
        let [k, kept] = keys;
        let out = self.tensor(q.rows, word(n_head * table.width as usize)?)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Pattern,
            list: None,
            inputs: named![q: &q.held, k: &k.held, kept: &kept.held, slots: &table.held],
            outs: named![out: &out.held],
            params: named![
                rows: q.rows, heads: heads, width: width, t: table.width,
                q_offset: q.offset, q_stride: q.stride, k_offset: k.offset,
                k_stride: k.stride, kept_offset: kept.offset, kept_stride: kept.stride,
                scale: scale.to_bits(),
            ],
            groups: u64::from(q.rows) * u64::from(heads),
            work: table.keys * u64::from(q.columns),
        })?;
        Ok(out)
    }

    /// `[v, kept]`: where the values are looked up.
    pub(super) fn mixed(
        &self,
        pattern: &Tensor,
        values: [&Tensor; 2],
        table: &Table,
        n_head: usize,
    ) -> Result<Tensor> {
        expect(
            "mix",
            pattern,
            [table.rows as usize, n_head * table.width as usize],
        )?;
        let [v, kept] = values;
        let width = look_up("mix", values, table, kept.columns, word(n_head)?)?;
        let out = self.tensor(pattern.rows, kept.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Mix,
            list: None,
            inputs: named![
                pattern: &pattern.held, v: &v.held, kept: &kept.held, slots: &table.held,
            ],
            outs: named![out: &out.held],
            params: named![
                rows: out.rows, columns: out.columns, width: width, t: table.width,
                pattern_offset: pattern.offset, pattern_stride: pattern.stride,
                v_offset: v.offset, v_stride: v.stride, kept_offset: kept.offset,
                kept_stride: kept.stride,
            ],
            groups: out.len().div_ceil(64),
            work: table.keys * u64::from(out.columns),
        })?;
        Ok(out)
    }

    /// [`Self::patterns`] and then [`Self::mixed`], in one; `k` and `v` are each
    /// with what is kept.
    pub(super) fn attended(
        &self,
        q: &Tensor,
        k: [&Tensor; 2],
        v: [&Tensor; 2],
        table: &Table,
        n_head: usize,
        scale: f32,
    ) -> Result<Tensor> {
        expect("attend", q, [table.rows as usize, q.columns as usize])?;
        let heads = word(n_head)?;
        let width = look_up("attend", k, table, q.columns, heads)?;
        look_up("attend", v, table, q.columns, heads)?;
        let ([k, kept_k], [v, kept_v]) = (k, v);
        let out = self.tensor(q.rows, q.columns)?;
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Attend,
            list: None,
            inputs: named![
                q: &q.held, k: &k.held, v: &v.held, kept_k: &kept_k.held,
                kept_v: &kept_v.held, slots: &table.held,
            ],
            outs: named![out: &out.held],
            params: named![
                rows: q.rows, heads: heads, width: width, t: table.width,
                q_offset: q.offset, q_stride: q.stride, k_offset: k.offset,
                k_stride: k.stride, v_offset: v.offset, v_stride: v.stride,
                kept_k_offset: kept_k.offset, kept_k_stride: kept_k.stride,
                kept_v_offset: kept_v.offset, kept_v_stride: kept_v.stride,
                scale: scale.to_bits(),
            ],
            groups: u64::from(q.rows) * u64::from(heads),
            work: 2 * table.keys * u64::from(q.columns),
        })?;
        Ok(out)
    }

    pub(super) fn edited(
        &self,
        x: Tensor,
        edits: &[RowEdit],
        source: Option<&Tensor>,
    ) -> Result<Tensor> {
        for e in edits {
            check_edit(e, &x, source)?;
        }
        if edits.is_empty() {
            return Ok(x);
        }
        // In place where nobody else can see it: the only handle of the buffer, whole or in part.
        let own = Rc::strong_count(&x.held) == 1;
        let x = if own { x } else { self.contiguous(&x)? };
        let mut words = Vec::with_capacity(9 * edits.len());
        for e in edits {
            words.extend([e.row, e.start, e.width, e.source_row, e.source_start]);
            words.extend([e.scale, e.coef, e.gain, e.most].map(f32::to_bits));
        }
        // Something must be bound where there is no source.
        let nothing;
        let (held, offset, stride) = match source {
            Some(s) => (&s.held, s.offset, s.stride),
            None => {
                nothing = self.0.recorder.pool.take(Kind::Result, 4)?;
                (&nothing, 0, 0)
            }
        };
        let touched: u64 = edits.iter().map(|e| u64::from(e.width)).sum();
        self.0.recorder.dispatch(&Dispatch {
            kernel: Kernel::Edit,
            list: Some(&words),
            inputs: named![source: held],
            outs: named![x: &x.held],
            params: named![
                count: word(edits.len())?, x_offset: x.offset, x_stride: x.stride,
                source_offset: offset, source_stride: stride,
                has_source: u32::from(source.is_some()),
            ],
            groups: edits.len() as u64,
            work: 2 * touched,
        })?;
        Ok(x)
    }
}

/// Checks that every slot of the table is a row of `[own, kept]`; the width of a head.
fn look_up(
    operation: &'static str,
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
    match columns.checked_div(heads) {
        Some(width) if width * heads == columns => Ok(width),
        _ => Err(shape(
            operation,
            format!("a multiple of {heads} heads"),
            columns.to_string(),
        )),
    }
}

fn check_edit(e: &RowEdit, x: &Tensor, source: Option<&Tensor>) -> Result<()> {
    let inside = |t: &Tensor, row: u32, start: u32| {
        row < t.rows && u64::from(start) + u64::from(e.width) <= u64::from(t.columns)
    };
    if inside(x, e.row, e.start) && source.is_none_or(|s| inside(s, e.source_row, e.source_start)) {
        return Ok(());
    }
    let source = source.map_or_else(|| "none".into(), |s| format!("{:?}", s.shape()));
    let expected = format!("an edit within {:?}, source {source}", x.shape());
    Err(shape("edit", expected, format!("{e:?}")))
}
