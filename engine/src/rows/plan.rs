use super::cost::{Cost, cost};
use super::reach::{Reached, reach};
use super::rounds::{EditRound, rounds};
use super::{Edit, OWN_ROW, PlanError, Run, Shape, SlotTable, Trace};
use crate::experiment::{Origin, Place, Site};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One token position of one run of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// Its place among the planned runs, from 0.
    pub run: usize,
    /// From 0.
    pub position: usize,
}

/// A point in a layer at which rows leave and enter the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// Which of the rows before this point go on; `None` when all do.
    pub carried: Option<Vec<u32>>,
    /// Slots of the rows that enter, from their parents' traces, after the carried ones.
    pub entering: Vec<u32>,
    /// The rows after this point, in order.
    pub rows: Vec<RowId>,
}

/// What happens at one site of one layer besides the formula.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HookPlan {
    /// Made one after the other.
    pub rounds: Vec<EditRound>,
    /// Rows to keep, and the slots to keep them in.
    pub keep: (Vec<u32>, Vec<u32>),
    /// Rows to hand back: the run, which of its captures, the row.
    pub captures: Vec<(usize, usize, u32)>,
}

/// What is computed in one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerPlan {
    /// Before the layer: these rows get new queries, keys and values.
    pub pre: Stage,
    /// At attention: these rows attend; those that enter bring the parent's query.
    pub attend: Stage,
    /// Before the MLP.
    pub mid: Stage,
    /// The keys and values that the rows of `attend` see.
    pub table: SlotTable,
    /// By site, where anything is to be done; with the first layer what comes before it.
    pub hooks: BTreeMap<Site, HookPlan>,
}

/// A batch of runs, laid out layer by layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Token and position of the rows that start at the embedding, in order.
    pub embed: Vec<(u32, u32)>,
    /// The layers in order, and after them what is left for the last LayerNorm.
    pub layers: Vec<LayerPlan>,
    /// Rows of the last LayerNorm whose logits are wanted: the run, which of its
    /// reads, the row. Reads that the run's edits do not reach are left out:
    /// they are as the parent's.
    pub reads: Vec<(usize, usize, u32)>,
    /// `logits` captures: the run, which of its captures, the row.
    pub captured_logits: Vec<(usize, usize, u32)>,
    /// Of all layers; the unembedding is not counted.
    pub cost: Cost,
}

impl Plan {
    /// Lays out `runs`.
    ///
    /// # Errors
    /// [`PlanError`] when a run does not fit the model or its parent.
    pub fn new(shape: &Shape, runs: &[Run]) -> Result<Self, PlanError> {
        let mut reached = Vec::with_capacity(runs.len());
        for run in runs {
            check(shape, run)?;
            reached.push(reach(shape, run)?);
        }
        let mut plan = Self::default();
        let mut rows: Vec<RowId> = start(&reached);
        for row in &rows {
            let token = runs[row.run].tokens[row.position];
            plan.embed.push((token, index(row.position)));
        }
        for l in 0..shape.n_layer {
            let layer = lay_out(shape, runs, &reached, l, &rows);
            plan.cost += cost(shape, &layer);
            rows.clone_from(&layer.mid.rows);
            plan.layers.push(layer);
        }
        plan.end(shape, runs, &reached, &rows);
        Ok(plan)
    }

    /// Lays out the last LayerNorm and what is read behind it.
    fn end(&mut self, shape: &Shape, runs: &[Run], reached: &[Vec<Reached>], before: &[RowId]) {
        let last = |site: Site| !site.before_layers() && !site.per_layer();
        let wanted = |row: &RowId| {
            let (run, p) = (&runs[row.run], row.position);
            run.reads.contains(&p)
                || run.captures.iter().any(|(s, _, at)| last(*s) && *at == p)
                || run
                    .keep
                    .as_ref()
                    .is_some_and(|t| t.keeps(Site::LnFinal) && p >= t.from)
        };
        let mut end = LayerPlan::default();
        let carried: Vec<u32> = (0..before.len())
            .filter(|i| wanted(&before[*i]))
            .map(index)
            .collect();
        end.pre.rows = carried.iter().map(|i| before[*i as usize]).collect();
        end.pre.carried = (carried.len() < before.len()).then_some(carried);
        let at = places(&end.pre.rows);
        let row_at = |run: usize, position: usize| at.get(&RowId { run, position }).copied();
        let mut edits: Vec<(u32, &Edit)> = Vec::new();
        for (u, run) in runs.iter().enumerate() {
            let (all, _) = run.all_edits();
            for &i in &reached[u][shape.n_layer - 1].edits {
                let place = all[i].site.place();
                if let (Place::Final, Some(row)) = (place, row_at(u, all[i].position)) {
                    edits.push((row, all[i]));
                }
            }
            for (i, &position) in run.reads.iter().enumerate() {
                self.reads
                    .extend(row_at(u, position).map(|row| (u, i, row)));
            }
            for (i, &(site, _, position)) in run.captures.iter().enumerate() {
                let found = row_at(u, position).map(|row| (u, i, row));
                match site.place() {
                    Place::Final if site == Site::Logits => self.captured_logits.extend(found),
                    Place::Final => {
                        end.hooks.entry(site).or_default().captures.extend(found);
                    }
                    Place::Embedding | Place::Pre | Place::Attend | Place::Mid => {}
                }
            }
            if let Some(trace) = &run.keep {
                keep(&mut end.hooks, trace, last, |_, p| row_at(u, p));
            }
        }
        if !edits.is_empty() {
            end.hooks.entry(Site::LnFinal).or_default().rounds = rounds(shape, 0, &edits);
        }
        self.layers.push(end);
    }
}

pub(super) fn check(shape: &Shape, run: &Run) -> Result<(), PlanError> {
    let len = run.tokens.len();
    if len == 0 {
        return Err(PlanError::Empty);
    }
    if len > shape.n_positions {
        return Err(PlanError::TooLong {
            found: len,
            expected: shape.n_positions,
        });
    }
    if let Some(parent) = &run.parent {
        let pairs = parent.tokens.iter().zip(run.tokens.iter());
        if let Some(position) = pairs.into_iter().position(|(a, b)| a != b) {
            return Err(PlanError::NotAChild { position });
        }
    }
    let reads = run.reads.iter().map(|p| (Site::Logits, 0, *p));
    for (site, layer, position) in reads.chain(run.captures.iter().copied()) {
        let n_layer = site.layers(shape.n_layer);
        if position >= len {
            return Err(PlanError::NoSuchPosition {
                site,
                position,
                len,
            });
        }
        if layer >= n_layer {
            return Err(PlanError::NoSuchLayer {
                site,
                layer,
                n_layer,
            });
        }
    }
    Ok(())
}

/// Rows that start at the embedding: computed in layer 0 without entering there.
fn start(reached: &[Vec<Reached>]) -> Vec<RowId> {
    let mut rows = Vec::new();
    for (run, layers) in reached.iter().enumerate() {
        let Some(first) = layers.first() else {
            continue;
        };
        let new = |p: &&usize| first.enter_pre.binary_search(p).is_err();
        rows.extend(
            first
                .pre
                .iter()
                .filter(new)
                .map(|&position| RowId { run, position }),
        );
    }
    rows
}

fn lay_out(
    shape: &Shape,
    runs: &[Run],
    reached: &[Vec<Reached>],
    l: usize,
    before: &[RowId],
) -> LayerPlan {
    let pick = |f: fn(&Reached) -> &Vec<usize>, row: &RowId| {
        f(&reached[row.run][l]).binary_search(&row.position).is_ok()
    };
    let stage = |before: &[RowId],
                 carry: fn(&Reached) -> &Vec<usize>,
                 enter: fn(&Reached) -> &Vec<usize>| {
        let mut stage = Stage::default();
        let carried: Vec<u32> = (0..before.len())
            .filter(|i| pick(carry, &before[*i]))
            .map(index)
            .collect();
        stage.rows = carried.iter().map(|i| before[*i as usize]).collect();
        stage.carried = (carried.len() < before.len()).then_some(carried);
        for (run, layers) in reached.iter().enumerate() {
            let Some(parent) = &runs[run].parent else {
                continue;
            };
            for &position in enter(&layers[l]) {
                stage.entering.push(parent.slots[position]);
                stage.rows.push(RowId { run, position });
            }
        }
        stage
    };
    let pre = stage(before, |r| &r.pre, |r| &r.enter_pre);
    let attend = stage(&pre.rows, |r| &r.carry_attend, |r| &r.enter_attend);
    let mut mid = stage(&[], |r| &r.pre, |r| &r.enter_mid);
    mid.rows = attend.rows.iter().copied().chain(mid.rows).collect();

    let table = table(runs, &places(&pre.rows), &attend.rows);
    let mut layer = LayerPlan {
        pre,
        attend,
        mid,
        table,
        hooks: BTreeMap::new(),
    };
    let stages = [
        places(&layer.pre.rows),
        places(&layer.attend.rows),
        places(&layer.mid.rows),
        places(before),
    ];
    // What comes before the layers is laid out with the first of them.
    let here = |site: Site| site.per_layer() || (site.before_layers() && l == 0);
    let row_at = |site: Site, run: usize, position: usize| {
        let at = match site.place() {
            Place::Embedding => &stages[3],
            Place::Pre => &stages[0],
            // The rows of the MLP begin with it.
            Place::Attend if site.origin() == Origin::Entered => &stages[2],
            Place::Attend => &stages[1],
            Place::Mid | Place::Final => &stages[2],
        };
        at.get(&RowId { run, position }).copied()
    };
    let mut edits: BTreeMap<Site, Vec<(u32, &Edit)>> = BTreeMap::new();
    for (u, run) in runs.iter().enumerate() {
        let (all, _) = run.all_edits();
        for &i in &reached[u][l].edits {
            let edit = all[i];
            if let (true, Some(row)) = (here(edit.site), row_at(edit.site, u, edit.position)) {
                edits.entry(edit.site).or_default().push((row, edit));
            }
        }
        for (i, &(site, at, position)) in run.captures.iter().enumerate() {
            if at == l
                && here(site)
                && let Some(row) = row_at(site, u, position)
            {
                layer
                    .hooks
                    .entry(site)
                    .or_default()
                    .captures
                    .push((u, i, row));
            }
        }
        if let Some(trace) = &run.keep {
            keep(&mut layer.hooks, trace, here, |site, p| row_at(site, u, p));
        }
    }
    for (site, edits) in edits {
        layer.hooks.entry(site).or_default().rounds = rounds(shape, layer.table.width, &edits);
    }
    layer
}

fn keep(
    hooks: &mut BTreeMap<Site, HookPlan>,
    trace: &Rc<Trace>,
    here: impl Fn(Site) -> bool,
    row_at: impl Fn(Site, usize) -> Option<u32>,
) {
    for &site in trace.kept().iter().filter(|s| here(**s)) {
        let (rows, slots) = &mut hooks.entry(site).or_default().keep;
        for p in trace.from..trace.tokens.len() {
            if let Some(row) = row_at(site, p) {
                rows.push(row);
                slots.push(trace.slots[p]);
            }
        }
    }
}

fn places(rows: &[RowId]) -> BTreeMap<RowId, u32> {
    rows.iter()
        .enumerate()
        .map(|(i, r)| (*r, index(i)))
        .collect()
}

fn table(runs: &[Run], own: &BTreeMap<RowId, u32>, attending: &[RowId]) -> SlotTable {
    let width = attending.iter().map(|r| r.position + 1).max().unwrap_or(0);
    let mut table = SlotTable {
        width,
        ..SlotTable::default()
    };
    let mut of_run: BTreeMap<usize, u32> = BTreeMap::new();
    for row in attending {
        let next = index(of_run.len());
        let u = *of_run.entry(row.run).or_insert_with(|| {
            let run = &runs[row.run];
            for position in 0..width {
                let place = RowId {
                    run: row.run,
                    position,
                };
                table.slots.push(match (own.get(&place), &run.parent) {
                    (Some(row), _) => row | OWN_ROW,
                    (None, Some(parent)) => parent.slots.get(position).copied().unwrap_or(0),
                    // Past the run's end: no row attends there.
                    (None, None) => 0,
                });
            }
            next
        });
        table.run.push(u);
        table.len.push(index(row.position + 1));
    }
    table
}

/// Row numbers fit 31 bits: a batch of two billion rows fits no machine.
pub(crate) fn index(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(u32::MAX)
}
