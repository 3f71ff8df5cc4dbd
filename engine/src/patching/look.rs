//! One patched run of the first pair, seen closely.

use super::bases::{Group, values};
use super::frame::exists;
use super::layout::On;
use super::paths;
use super::problem::PatchingProblem;
use super::seen::{Pattern, Seen, captures, lens, pattern, shows_patterns};
use super::setup::Setup;
use super::sweep::frames;
use crate::backend::Backend;
use crate::experiment::{
    Axes, Cell, CellReport, LensReport, Located, Look, PatternReport, Site, Sweep,
};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::overflow::{CELL, sound};
use crate::lab::{Lab, TOP};
use crate::model::Wanted;
use crate::rows::{Run, Shape};
use std::rc::Rc;

/// Why there is no such cell, where there is none.
pub(crate) fn no_such_cell(
    shape: &Shape,
    setup: &Setup,
    cell: Cell,
) -> Result<Option<PatchingProblem>, SessionError> {
    let frames = frames(shape, setup)?;
    let Some(frame) = frames.get(cell.sweep) else {
        return Ok(Some(PatchingProblem::NoSuchSweep {
            sweep: cell.sweep + 1,
            sweeps: frames.len(),
        }));
    };
    let (rows, columns) = (frame.rows.len(), frame.columns.len());
    let there =
        cell.row < rows && cell.column < columns && exists(&frame.sweep, cell.row, cell.column);
    Ok((!there).then_some(PatchingProblem::NoSuchCell {
        row: cell.row,
        column: cell.column,
        rows,
        columns,
    }))
}

/// The chosen cell's patched run, read closely: one pass, once the two runs that it
/// lies between were `seen`.
pub(crate) async fn cell<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    group: &Group,
    seen: &mut Option<Seen>,
    cell: Cell,
    task: Task<'_, impl Host>,
) -> Result<CellReport, SessionError> {
    let shape = lab.model.config.shape;
    let on = On::of(setup, group, cell.sweep, 0);
    let seen = match seen {
        Some(seen) => seen,
        None => seen.insert(Seen::of(lab, group, &on, task).await?),
    };
    let run = match on.is_path() {
        false => on.patched(&shape, cell.row, cell.column)?,
        true => {
            let path = On::of(setup, group, cell.sweep, 0).path(&shape, cell.row, cell.column);
            let paths: Vec<_> = path.into_iter().collect();
            paths::runs(lab, &paths, task).await?.remove(0)
        }
    };
    let frames = frames(&shape, setup)?;
    let frame = frames.get(cell.sweep);
    let at = frame.and_then(|frame| frame.located(cell.row, cell.column));
    let at = at.or_else(|| of_parts(on.sweep)).unwrap_or_default();
    let (layer, head) = (at.layer, at.head.filter(|_| shows_patterns(&on)));
    let parent = on.bases.varied(on.sweep);
    let len = parent.trace.tokens.len();
    let layers: Vec<usize> = head.iter().map(|_| layer).collect();
    let run = Run {
        captures: captures(&shape, &[Site::ResidPost], &layers, len),
        ..run
    };
    let wanted = Wanted {
        normaliser: true,
        top: TOP.min(shape.n_vocab),
        ..group.wishes.wanted()
    };
    let pulse = Beats::quiet(task.host);
    let (mut reads, mut captured) = lab
        .compute(std::slice::from_ref(&run), &wanted, &pulse)
        .await?;
    let report = match reads[0][0].take() {
        Some(logits) if !sound(&logits) => {
            return Err(lab.overflow(CELL, &run, task).await);
        }
        Some(logits) => {
            let clean = &on.bases.clean.logits;
            let values = values(&group.wishes, &on.case.metrics, &logits, clean);
            lab.run_report(&logits, values)
        }
        // The patch does not reach the last position: the run is its parent's.
        None => parent.report.clone(),
    };
    let varied = match Rc::ptr_eq(&parent.trace, &on.bases.clean.trace) {
        true => 0,
        false => 1,
    };
    // What a patch does not reach is as in the run that it varies.
    let mut resid_post = captured.remove(0);
    let attention = resid_post.split_off(shape.n_layer);
    let rows = resid_post.into_iter().zip(&seen.resid_post[varied]);
    let rows: Vec<Vec<f32>> = rows
        .map(|(own, base)| own.unwrap_or(base.clone()))
        .collect();
    let patterns = match head {
        None => None,
        Some(head) => {
            let base = seen.patterns(lab, &on, layer, task).await?;
            let of = |rows: &Pattern| -> Vec<Vec<f32>> {
                let len = rows.len();
                let part =
                    |row: &Vec<f32>| row.get(head * len..(head + 1) * len).map(<[f32]>::to_vec);
                rows.iter()
                    .map(|row| part(row).unwrap_or_default())
                    .collect()
            };
            let own = pattern(&shape, &attention);
            let patched = attention.iter().zip(own).zip(&base[varied]);
            let patched = patched.map(|((captured, own), base)| match captured {
                Some(_) => own,
                None => base.clone(),
            });
            Some(PatternReport {
                layer,
                head,
                clean: of(&base[0]),
                corrupted: of(&base[1]),
                patched: of(&patched.collect()),
            })
        }
    };
    let patched = lens(lab, group, &on, [&rows]).await?;
    let lens = seen.lens.iter().zip(patched).enumerate();
    let lens = lens.map(|(layer, ([clean, corrupted], patched))| LensReport {
        layer,
        clean: clean.clone(),
        corrupted: corrupted.clone(),
        patched,
    });
    Ok(CellReport {
        cell,
        run: report,
        look: Some(Look {
            patterns,
            lens: lens.collect(),
            head_attribution: seen.head_attribution.clone(),
            mlp_attribution: seen.mlp_attribution.clone(),
        }),
    })
}

/// Parts that are patched together are looked at where the first of them is.
fn of_parts(sweep: &Sweep) -> Option<Located> {
    let Some(Axes::Parts { parts, .. }) = &sweep.axes else {
        return None;
    };
    parts.first().map(Located::part)
}
