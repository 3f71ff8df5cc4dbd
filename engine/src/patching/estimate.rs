//! What gradients say of a group's grids: a pass backwards a case instead of a patched run
//! a cell. The cell's edits are those that would be made; each counts by what it changes,
//! times the gradient there.

use super::bases::{Base, Group};
use super::frame::exists;
use super::layout::On;
use super::setup::Setup;
use super::steps::Steps;
use crate::backend::{Backend, Rule};
use crate::experiment::{Agreement, AttributionMethod, EstimateReport, Frame, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::lab::overflow::{CELL, sound};
use crate::model::{Gradients, KEPT_FOR_GRADIENTS, Logits};
use crate::numbers::norm;
use crate::rows::{Edit, Op, Run, Shape, Source, Trace};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// The estimates of all sweeps over the cases so far.
pub(crate) struct Estimates {
    /// By sweep: what was estimated.
    grids: Vec<Option<Sums>>,
    /// By sweep: the sums of the unpatched runs' metrics.
    bases: Vec<Vec<f64>>,
}

/// `[metric][cell]`: a sum, and of how many cases it is.
type Sums = Vec<Vec<(f64, f64)>>;

/// A cell's edits, and where the cell is.
type CellEdits = (usize, Vec<Edit>);

impl Estimates {
    pub fn new(setup: &Setup, frames: &[Frame]) -> Self {
        let grid = |frame: &Frame| {
            let cells = frame.rows.len() * frame.columns.len();
            frame
                .sweep
                .estimate
                .map(|_| vec![vec![(0.0, 0.0); cells]; setup.metrics])
        };
        Self {
            grids: frames.iter().map(grid).collect(),
            bases: vec![vec![0.0; setup.metrics]; frames.len()],
        }
    }

    /// Adds those of a group.
    pub async fn add<B: Backend>(
        &mut self,
        lab: &mut Lab<B>,
        setup: &Setup,
        frames: &[Frame],
        group: &Group,
        task: Task<'_, impl Host>,
    ) -> Result<(), SessionError> {
        let of_sweep = |frame: &Frame| match frame.sweep.estimate.map(|e| e.method) {
            None => 0,
            Some(AttributionMethod::Atp | AttributionMethod::Relp) => 1,
            Some(AttributionMethod::IntegratedGradients { points }) => {
                points * frame.sweep.site.layers(lab.model.config.shape.n_layer)
            }
        };
        let passes = frames.iter().map(of_sweep).sum::<usize>() * group.bases.len();
        let steps = &mut Steps::of(passes, task);
        for (s, frame) in frames.iter().enumerate() {
            let Some(attribution) = frame.sweep.estimate else {
                continue;
            };
            for case in 0..group.bases.len() {
                let on = On::of(setup, group, s, case);
                let cells = cells(&lab.model.config.shape, frame, &on, task).await?;
                let found = match attribution.method {
                    AttributionMethod::Atp => {
                        once(lab, group, &on, &cells, Rule::Exact, steps).await?
                    }
                    AttributionMethod::Relp => {
                        once(lab, group, &on, &cells, Rule::Relp, steps).await?
                    }
                    AttributionMethod::IntegratedGradients { points } => {
                        integrated(lab, group, &on, &cells, points, steps).await?
                    }
                };
                self.enter(s, &on.bases.varied(on.sweep).report.metrics, &cells, &found);
            }
        }
        Ok(())
    }

    fn enter(&mut self, s: usize, base: &[f32], cells: &[CellEdits], found: &[Option<Vec<f64>>]) {
        for (sum, base) in self.bases[s].iter_mut().zip(base) {
            *sum += f64::from(*base);
        }
        let grid = self.grids[s].iter_mut().flatten();
        for ((of_metric, changes), base) in grid.zip(found).zip(base) {
            let Some(changes) = changes else { continue };
            for ((cell, _), change) in cells.iter().zip(changes) {
                of_metric[*cell].0 += f64::from(*base) + change;
                of_metric[*cell].1 += 1.0;
            }
        }
    }

    /// The cells of each sweep that are patched, too: those that the estimate of the first
    /// metric that has one moves the furthest; `None` where all are.
    pub fn chosen(&self, frames: &[Frame]) -> Vec<Option<HashSet<usize>>> {
        let of = |s: usize, frame: &Frame| {
            let most = frame.sweep.estimate?.most?;
            let grid = self.grids[s].as_ref()?;
            let known = |m: &&Vec<(f64, f64)>| m.iter().any(|(_, cases)| *cases > 0.0);
            let metric = grid.iter().position(|m| known(&m))?;
            let cases = grid[metric].iter().map(|cell| cell.1).fold(1.0, f64::max);
            let base = self.bases[s][metric] / cases;
            let mut cells: Vec<(usize, f64)> = (0..)
                .zip(&grid[metric])
                .filter(|(_, (_, cases))| *cases > 0.0)
                .map(|(cell, (sum, cases))| (cell, (sum / cases - base).abs()))
                .collect();
            // Stable: of equal cells the first.
            cells.sort_by(|a, b| b.1.total_cmp(&a.1));
            Some(cells.iter().take(most).map(|(cell, _)| *cell).collect())
        };
        frames
            .iter()
            .enumerate()
            .map(|(s, frame)| of(s, frame))
            .collect()
    }

    /// What is told of a sweep's, beside what its patched cells gave.
    pub fn report(
        &self,
        s: usize,
        frame: &Frame,
        exact: &[Vec<Vec<Option<f32>>>],
    ) -> Option<EstimateReport> {
        let columns = frame.columns.len();
        #[allow(clippy::cast_possible_truncation)] // f64 only carried the sums
        let mean = |(sum, cases): &(f64, f64)| (*cases > 0.0).then(|| (sum / cases) as f32);
        let rows = |of_metric: &Vec<(f64, f64)>| -> Vec<Vec<Option<f32>>> {
            let row = |row: &[(f64, f64)]| row.iter().map(mean).collect();
            of_metric.chunks(columns.max(1)).map(row).collect()
        };
        let values: Vec<_> = self.grids[s].as_ref()?.iter().map(rows).collect();
        let both = exact.iter().zip(&values);
        Some(EstimateReport {
            agreement: both.map(|(exact, of)| Agreement::of(exact, of)).collect(),
            values,
        })
    }
}

/// The edits of every cell that there is.
async fn cells(
    shape: &Shape,
    frame: &Frame,
    on: &On<'_>,
    task: Task<'_, impl Host>,
) -> Result<Vec<CellEdits>, SessionError> {
    let columns = frame.columns.len();
    let mut cells = Vec::new();
    for cell in 0..frame.rows.len() * columns {
        let (row, column) = (cell / columns, cell % columns);
        if exists(&frame.sweep, row, column) {
            cells.push((cell, on.edits(shape, row, column)?));
        }
        if cell % 64 == 0 {
            task.host.breathe().await?;
        }
    }
    Ok(cells)
}

/// For each metric, how far each cell changes it by one gradient, that of the run that is
/// patched; `None` of a metric that has none.
async fn once<B: Backend, H: Host>(
    lab: &mut Lab<B>,
    group: &Group,
    on: &On<'_>,
    cells: &[CellEdits],
    rule: Rule,
    steps: &mut Steps<'_, H>,
) -> Result<Vec<Option<Vec<f64>>>, SessionError> {
    let base = on.bases.varied(on.sweep);
    let run = (&base.trace, &base.logits);
    let found = Slopes::of(lab, group, on, run, rule, &places(cells), steps).await?;
    let activations = Activations::of(lab, on, cells).await?;
    let shape = lab.model.config.shape;
    let change = |(_, edits): &CellEdits, u: usize| -> f64 {
        let each = edits.iter();
        each.map(|e| activations.change(&shape, on, e, &found.by, u))
            .sum()
    };
    let of_metric = found
        .runs
        .iter()
        .map(|u| u.map(|u| cells.iter().map(|cell| change(cell, u)).collect()));
    Ok(of_metric.collect())
}

/// The same by the mean of the gradients on the way from the run's own activations to what
/// the cells bring, one site of one layer at a time.
async fn integrated<B: Backend, H: Host>(
    lab: &mut Lab<B>,
    group: &Group,
    on: &On<'_>,
    cells: &[CellEdits],
    points: usize,
    steps: &mut Steps<'_, H>,
) -> Result<Vec<Option<Vec<f64>>>, SessionError> {
    let task = steps.task;
    let base = on.bases.varied(on.sweep);
    let shape = lab.model.config.shape;
    let activations = Activations::of(lab, on, cells).await?;
    let metrics = on.case.metrics.len();
    let mut sums: Vec<Option<Vec<f64>>> = vec![None; metrics];
    for place in places(cells) {
        let here: BTreeMap<_, &Edit> = cells
            .iter()
            .flat_map(|(_, edits)| edits)
            .filter(|e| (e.site, e.layer) == place)
            // Cells overlap where they share a layer: each activation is moved once.
            .map(|e| ((e.position, e.head, e.part), e))
            .collect();
        for point in 1..=points {
            #[allow(clippy::cast_precision_loss)] // a hundred at most
            let share = point as f32 / points as f32;
            let moved = here
                .values()
                .map(|e| activations.towards(&shape, on, e, share));
            // Whole, as the given edits are made anew.
            let mut run = Run::of(base.trace.tokens.clone());
            run.edits = base.trace.edits.iter().cloned().chain(moved).collect();
            run.reads = vec![base.trace.tokens.len() - 1];
            let run = run.kept(&lab.store.pool, KEPT_FOR_GRADIENTS);
            let (pulse, runs) = (Beats::quiet(task.host), [run]);
            let (mut reads, _) = lab.compute(&runs, &group.wishes.wanted(), &pulse).await?;
            let [run] = runs;
            let logits = reads.first_mut().and_then(|r| r.first_mut()?.take());
            let logits = logits.ok_or_else(|| SessionError::lost("a moved run read nothing"))?;
            if !sound(&logits) {
                return Err(lab.overflow(CELL, &run, task).await);
            }
            let Some(trace) = run.keep else { continue };
            let (run, only) = ((&trace, &logits), BTreeSet::from([place]));
            let found = Slopes::of(lab, group, on, run, Rule::Exact, &only, steps).await?;
            for (sum, u) in sums.iter_mut().zip(&found.runs) {
                let Some(u) = u else { continue };
                let sum = sum.get_or_insert_with(|| vec![0.0; cells.len()]);
                for (sum, (_, edits)) in sum.iter_mut().zip(cells) {
                    let here = edits.iter().filter(|e| (e.site, e.layer) == place);
                    let change = here.map(|e| activations.change(&shape, on, e, &found.by, *u));
                    #[allow(clippy::cast_precision_loss)] // a hundred at most
                    let share = change.sum::<f64>() / points as f64;
                    *sum += share;
                }
            }
        }
    }
    Ok(sums)
}

/// The sites and layers that cells edit.
fn places(cells: &[CellEdits]) -> BTreeSet<(Site, usize)> {
    let edits = cells.iter().flat_map(|(_, edits)| edits);
    edits.map(|e| (e.site, e.layer)).collect()
}

/// The gradients of all metrics in a run.
struct Slopes {
    by: Gradients,
    /// By metric, its number among what they are of; `None` of one without a derivative.
    runs: Vec<Option<usize>>,
}

impl Slopes {
    /// One pass backwards over a run, as often as there are metrics with a derivative.
    async fn of<B: Backend, H: Host>(
        lab: &mut Lab<B>,
        group: &Group,
        on: &On<'_>,
        (trace, logits): (&Rc<Trace>, &Logits),
        rule: Rule,
        wanted: &BTreeSet<(Site, usize)>,
        steps: &mut Steps<'_, H>,
    ) -> Result<Self, SessionError> {
        let (mut seeds, mut runs) = (Vec::new(), Vec::new());
        for metric in on.case.metrics.iter() {
            let slope = group.wishes.slope(metric, logits, &on.bases.clean.logits);
            runs.push(slope.is_some().then_some(seeds.len()));
            seeds.extend(slope);
        }
        let traces = vec![trace.clone(); seeds.len()];
        let last = trace.tokens.len() - 1;
        let reads: Vec<(usize, usize)> = (0..seeds.len()).map(|u| (u, last)).collect();
        let Lab {
            backend,
            model,
            store,
            ..
        } = lab;
        let reads = (reads.as_slice(), model.seed(backend, &seeds)?);
        let pulse = Beats::quiet(steps.task.host);
        let back = model.backward(backend, store, &traces, reads, rule, wanted, &pulse);
        let by = back.await?;
        steps.next().await?;
        Ok(Self { by, runs })
    }
}

/// Activations as numbers: of the run that is patched, and of those that are copied from.
struct Activations {
    /// By trace, site and layer: all positions' rows.
    rows: HashMap<(*const Trace, Site, usize), Vec<f32>>,
}

impl Activations {
    /// Reads all that the edits of some cells need.
    async fn of<B: Backend>(
        lab: &mut Lab<B>,
        on: &On<'_>,
        cells: &[CellEdits],
    ) -> Result<Self, SessionError> {
        let base = &on.bases.varied(on.sweep).trace;
        let mut wanted: BTreeMap<(*const Trace, Site, usize), &Rc<Trace>> = BTreeMap::new();
        for edit in cells.iter().flat_map(|(_, edits)| edits) {
            let source = match edit.source() {
                Some(Source::Trace(trace, _)) => Some(trace),
                Some(Source::Vector(_)) | None => None,
            };
            for trace in [Some(base), source].into_iter().flatten() {
                if edit.site != Site::Pattern {
                    wanted.insert((Rc::as_ptr(trace), edit.site, edit.layer), trace);
                }
            }
        }
        let (b, mut tensors) = (&lab.backend, Vec::new());
        for ((_, site, layer), trace) in &wanted {
            let rows = lab.store.rows(b, trace, *site, *layer);
            tensors.push(rows?);
        }
        let tensors: Vec<&B::Tensor> = tensors.iter().collect();
        let values = b.read_all(&tensors).await?;
        Ok(Self {
            rows: wanted.into_keys().zip(values).collect(),
        })
    }

    /// Some columns of a row.
    fn some(
        &self,
        trace: &Rc<Trace>,
        edit: &Edit,
        position: usize,
        columns: (usize, usize),
    ) -> &[f32] {
        let all = self.rows.get(&(Rc::as_ptr(trace), edit.site, edit.layer));
        let all = all.map_or(&[][..], Vec::as_slice);
        let width = all.len() / trace.tokens.len().max(1);
        let first = position * width + columns.0;
        all.get(first..first + columns.1).unwrap_or(&[])
    }

    /// What is there before an edit, of the columns that it touches.
    fn before<'s>(&'s self, shape: &Shape, on: &'s On<'_>, edit: &Edit) -> &'s [f32] {
        let Base {
            trace, patterns, ..
        } = on.bases.varied(on.sweep);
        let (first, count) = edit.columns(shape, trace.tokens.len());
        if edit.site != Site::Pattern {
            return self.some(trace, edit, edit.position, (first, count));
        }
        let row = patterns.rows.get(&(edit.site, edit.layer, edit.position));
        row.and_then(|row| row.get(first..first + count))
            .unwrap_or(&[])
    }

    /// What an edit adds to the activation.
    fn difference(&self, shape: &Shape, on: &On<'_>, edit: &Edit) -> Vec<f32> {
        let x = self.before(shape, on, edit);
        let columns = edit.columns(shape, on.bases.varied(on.sweep).trace.tokens.len());
        let source = |s: &'_ Source| -> Vec<f32> {
            match s {
                Source::Trace(trace, position) => self.some(trace, edit, *position, columns).into(),
                Source::Vector(v) => v[..columns.1.min(v.len())].into(),
            }
        };
        match &edit.op {
            Op::Replace(s) => source(s).iter().zip(x).map(|(s, x)| s - x).collect(),
            Op::Add(s, by) => source(s).iter().map(|s| by * s).collect(),
            Op::Scale(by) => x.iter().map(|x| by * x - x).collect(),
            Op::SetProjection(v, to) => along(x, v, |at| to - at),
            Op::CapProjection(v, to) => along(x, v, |at| (to - at).min(0.0)),
        }
    }

    /// How far an edit changes run `u`'s number, to first order.
    fn change(&self, shape: &Shape, on: &On<'_>, edit: &Edit, by: &Gradients, u: usize) -> f64 {
        let Some(gradient) = by.of(edit.site, edit.layer, u, edit.position) else {
            return 0.0;
        };
        let (first, _) = edit.columns(shape, on.bases.varied(on.sweep).trace.tokens.len());
        let difference = self.difference(shape, on, edit);
        let pairs = difference.iter().zip(&gradient[first..]);
        pairs.map(|(d, g)| f64::from(*d) * f64::from(*g)).sum()
    }

    /// The edit that goes a share of another one's way.
    fn towards(&self, shape: &Shape, on: &On<'_>, edit: &Edit, share: f32) -> Edit {
        let difference = self.difference(shape, on, edit);
        let x = self.before(shape, on, edit);
        let at = x.iter().zip(&difference).map(|(x, d)| x + share * d);
        Edit {
            op: Op::Replace(Source::Vector(at.collect())),
            ..edit.clone()
        }
    }
}

/// So much along a direction as `by` makes of the projection on it.
fn along(x: &[f32], v: &[f32], by: impl Fn(f32) -> f32) -> Vec<f32> {
    let length = norm(v);
    let at = x.iter().zip(v).map(|(x, v)| x * v / length).sum();
    let by = by(at);
    v.iter().map(|v| by * v / length).collect()
}
