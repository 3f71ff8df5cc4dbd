//! One patched run of the first pair, seen closely.

use super::LONGEST_PATTERN;
use super::bases::{Bases, Group, values};
use super::captures::trimmed;
use super::frame::{exists, place};
use super::layout::On;
use super::metric::MetricTokens;
use super::paths;
use super::setup::Setup;
use super::sweep::frames;
use crate::backend::Backend;
use crate::experiment::{Cell, CellReport, LensReport, Look, PatternReport, RunReport, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::overflow::{CELL, sound};
use crate::lab::{Lab, TOP};
use crate::model::{Logits, Wanted};
use crate::rows::{Edit, Op, Run, Shape, kept_for_entry};
use std::rc::Rc;

/// Why there is no such cell, where there is none.
pub(crate) fn no_such_cell(
    shape: &Shape,
    setup: &Setup,
    cell: Cell,
) -> Result<Option<String>, SessionError> {
    let frames = frames(shape, setup)?;
    let Some(frame) = frames.get(cell.sweep) else {
        return Ok(Some(format!(
            "The chosen cell is of sweep {}, but this experiment has {}, so no cell is looked at; choose another.",
            cell.sweep + 1,
            frames.len()
        )));
    };
    let (rows, columns) = (frame.rows.labels.len(), frame.columns.labels.len());
    let there =
        cell.row < rows && cell.column < columns && exists(&frame.sweep, cell.row, cell.column);
    Ok((!there).then(|| {
        format!(
            "The chosen cell is row {}, column {}, but this sweep has {rows} rows and {columns} columns, and not a cell for each, so no cell is looked at; choose another.",
            cell.row, cell.column
        )
    }))
}

/// The chosen cell's patched run, read closely.
pub(crate) async fn cell<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    group: &Group,
    cell: Cell,
    task: Task<'_, impl Host>,
) -> Result<CellReport, SessionError> {
    let shape = lab.model.config.shape;
    let on = On::of(setup, group, cell.sweep, 0);
    let run = match on.is_path() {
        false => on.patched(&shape, cell.row, cell.column)?,
        true => {
            let path = On::of(setup, group, cell.sweep, 0).path(&shape, cell.row, cell.column);
            let paths: Vec<_> = path.into_iter().collect();
            paths::runs(lab, &paths, task).await?.remove(0)
        }
    };
    let wanted = Wanted {
        normaliser: true,
        top: TOP.min(shape.n_vocab),
        ..group.wishes.wanted()
    };
    let pulse = Beats::quiet(task.host);
    let (mut reads, _) = lab
        .compute(std::slice::from_ref(&run), &wanted, &pulse)
        .await?;
    let report = match reads[0][0].take() {
        Some(logits) if !sound(&logits) => {
            return Err(lab.overflow(CELL, &run, task).await);
        }
        Some(logits) => lab.run_report(&logits, values_on(group, &on, &logits)),
        // The patch does not reach the last position: the run is its parent's.
        None => on.bases.varied(on.sweep).report.clone(),
    };
    let look = look(lab, group, &on, cell, run, task).await?;
    Ok(CellReport {
        cell,
        run: report,
        look: Some(look),
    })
}

fn values_on(group: &Group, on: &On<'_>, logits: &Logits) -> Vec<f32> {
    values(
        &group.wishes,
        &on.case.metrics,
        logits,
        &on.bases.clean.logits,
    )
}

/// Patterns, lens and attributions of the clean, the corrupted and the patched run.
async fn look<B: Backend>(
    lab: &mut Lab<B>,
    group: &Group,
    on: &On<'_>,
    cell: Cell,
    patched: Run,
    task: Task<'_, impl Host>,
) -> Result<Look, SessionError> {
    let shape = lab.model.config.shape;
    let (layer, head) = place(&shape, on.sweep, cell.row, cell.column);
    let shortest = on.case.clean.len().max(on.case.corrupted.len());
    let head = head.filter(|_| shortest <= LONGEST_PATTERN);
    let captures = |len: usize| {
        let last = len - 1;
        let mut all: Vec<(Site, usize, usize)> = (0..shape.n_layer)
            .map(|l| (Site::ResidPost, l, last))
            .collect();
        all.extend((0..shape.n_layer).map(|l| (Site::AttnOut, l, last)));
        all.extend((0..shape.n_layer).map(|l| (Site::MlpOut, l, last)));
        if head.is_some() {
            all.extend((0..len).map(|p| (Site::Pattern, layer, p)));
        }
        all
    };
    let whole = |bases: &Bases, clean: bool| {
        let base = if clean {
            &bases.clean
        } else {
            &bases.corrupted
        };
        Run {
            edits: base.trace.edits.to_vec(),
            captures: captures(base.trace.tokens.len()),
            ..Run::of(base.trace.tokens.clone())
        }
    };
    // The clean run is kept, so that heads can be taken out of it one by one.
    let clean = whole(on.bases, true).kept(&lab.store.pool, &kept_for_entry([Site::Z]));
    let parent = on.bases.varied(on.sweep);
    let runs = [
        clean,
        whole(on.bases, false),
        Run {
            reads: Vec::new(),
            captures: captures(parent.trace.tokens.len()),
            ..patched
        },
    ];
    let pulse = Beats::quiet(task.host);
    let (_, captured) = lab.compute(&runs, &Wanted::default(), &pulse).await?;
    // What a patch does not reach is as in the run that it varies.
    let of_parent = match Rc::ptr_eq(&parent.trace, &on.bases.clean.trace) {
        true => 0,
        false => 1,
    };
    let row = |run: usize, i: usize| -> Vec<f32> {
        let own = captured[run][i].as_ref();
        own.or(captured[of_parent][i].as_ref())
            .cloned()
            .unwrap_or_default()
    };
    let patterns = head.map(|head| {
        let first = 3 * shape.n_layer;
        let of = |run: usize| -> Vec<Vec<f32>> {
            let len = runs[run].tokens.len();
            let head_row = |p: usize| {
                let row = trimmed(&shape, &row(run, first + p), len);
                row.get(head * len..(head + 1) * len)
                    .unwrap_or_default()
                    .to_vec()
            };
            (0..len).map(head_row).collect()
        };
        PatternReport {
            layer,
            head,
            clean: of(0),
            corrupted: of(1),
            patched: of(2),
        }
    });
    let lens = lens(lab, group, on, &row).await?;
    let (mut head_attribution, mut mlp_attribution) = (Vec::new(), Vec::new());
    if let Some(metric) = on.case.metrics.first() {
        let last = row(0, shape.n_layer - 1);
        let direction = towards(lab, metric, &last).await?;
        let clean = &runs[0];
        let written = written_by_heads(lab, clean, task, |l| row(0, shape.n_layer + l)).await?;
        head_attribution = written
            .iter()
            .map(|heads| heads.iter().map(|x| dot(x, &direction)).collect())
            .collect();
        mlp_attribution = (0..shape.n_layer)
            .map(|l| dot(&row(0, 2 * shape.n_layer + l), &direction))
            .collect();
    }
    Ok(Look {
        patterns,
        lens,
        head_attribution,
        mlp_attribution,
    })
}

/// The logit lens after every layer of the three runs.
async fn lens<B: Backend>(
    lab: &mut Lab<B>,
    group: &Group,
    on: &On<'_>,
    resid_post: impl Fn(usize, usize) -> Vec<f32>,
) -> Result<Vec<LensReport>, SessionError> {
    let layers = lab.model.config.shape.n_layer;
    let rows: Vec<f32> = (0..layers)
        .flat_map(|l| (0..3).flat_map(move |run| [(run, l)]))
        .flat_map(|(run, l)| resid_post(run, l))
        .collect();
    let wanted = Wanted {
        normaliser: true,
        top: 1,
        ..group.wishes.wanted()
    };
    let read = lab.model.lens(&lab.backend, &rows, &wanted).await?;
    let report =
        |logits: &Logits| -> RunReport { lab.run_report(logits, values_on(group, on, logits)) };
    let layer = |(layer, runs): (usize, &[Logits])| LensReport {
        layer,
        clean: report(&runs[0]),
        corrupted: report(&runs[1]),
        patched: report(&runs[2]),
    };
    Ok(read.chunks_exact(3).enumerate().map(layer).collect())
}

/// The direction of the residual stream that a metric's logits grow along,
/// with the last LayerNorm's scale held at what it is for `resid [n_embd]`.
async fn towards<B: Backend>(
    lab: &Lab<B>,
    metric: &MetricTokens,
    resid: &[f32],
) -> Result<Vec<f32>, SessionError> {
    let n = resid.len();
    let mut direction = vec![0.0f32; n];
    for (set, sign) in [(&metric.answers, 1.0), (&metric.wrongs, -1.0)] {
        #[allow(clippy::cast_precision_loss)] // a few tokens
        let share = sign / set.len().max(1) as f32;
        for token in set {
            let row = lab.model.unembedding(&lab.backend, *token).await?;
            direction
                .iter_mut()
                .zip(row)
                .for_each(|(d, u)| *d += share * u);
        }
    }
    let weight = lab.model.final_scale(&lab.backend).await?;
    #[allow(clippy::cast_precision_loss)]
    let mean = |x: &[f32]| x.iter().sum::<f32>() / n as f32;
    let centre = mean(resid);
    let squares: Vec<f32> = resid.iter().map(|x| (x - centre).powi(2)).collect();
    let deviation = (mean(&squares) + lab.model.config.layer_norm_epsilon).sqrt();
    direction
        .iter_mut()
        .zip(&weight)
        .for_each(|(d, w)| *d *= w / deviation);
    // The LayerNorm takes the mean off what it reads: so does the direction.
    let centre = mean(&direction);
    direction.iter_mut().for_each(|d| *d -= centre);
    Ok(direction)
}

/// What each head writes at the last position, `[layer][head]`, by taking it
/// out of the attention output (whose bias falls away).
async fn written_by_heads<B: Backend>(
    lab: &mut Lab<B>,
    clean: &Run,
    task: Task<'_, impl Host>,
    attn_out: impl Fn(usize) -> Vec<f32>,
) -> Result<Vec<Vec<Vec<f32>>>, SessionError> {
    let shape = lab.model.config.shape;
    let Some(trace) = &clean.keep else {
        return Ok(Vec::new());
    };
    let position = clean.tokens.len() - 1;
    let without = |layer: usize, head: usize| Run {
        edits: vec![Edit {
            site: Site::Z,
            layer,
            head: Some(head),
            part: None,
            position,
            op: Op::Scale(0.0),
        }],
        captures: vec![(Site::AttnOut, layer, position)],
        ..Run::over(trace)
    };
    let runs: Vec<Run> = (0..shape.n_layer)
        .flat_map(|l| (0..shape.n_head).map(move |h| (l, h)))
        .map(|(l, h)| without(l, h))
        .collect();
    let pulse = Beats::quiet(task.host);
    let (_, captured) = lab.compute(&runs, &Wanted::default(), &pulse).await?;
    let layer = |(l, heads): (usize, &[Vec<Option<Vec<f32>>>])| -> Vec<Vec<f32>> {
        let whole = attn_out(l);
        let write = |captured: &Vec<Option<Vec<f32>>>| match &captured[0] {
            Some(rest) => whole.iter().zip(rest).map(|(w, r)| w - r).collect(),
            None => vec![0.0; whole.len()],
        };
        heads.iter().map(write).collect()
    };
    Ok(captured
        .chunks(shape.n_head)
        .enumerate()
        .map(layer)
        .collect())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
