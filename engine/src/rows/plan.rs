use super::reach::{Reached, reach};
use super::{Edit, OWN_ROW, Op, PlanError, RowEdit, Run, Shape, SlotTable, Source, Trace};
use crate::experiment::Site;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One token position of one run of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    pub run: usize,
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

/// Where an edit round's source rows are.
#[derive(Clone, Debug, PartialEq)]
pub enum EditSource {
    /// No source: scaling only.
    Nothing,
    /// The kept activations of this site and layer; `source_row` is a slot.
    Kept,
    /// Vectors brought along, row-major, each `width` wide.
    Vectors { width: usize, values: Vec<f32> },
}

/// Edits that can be made at once: no two of the same columns of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRound {
    pub source: EditSource,
    pub edits: Vec<RowEdit>,
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
    pub table: SlotTable,
    pub hooks: BTreeMap<Site, HookPlan>,
}

/// Arithmetic planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows that pass an MLP, summed over layers.
    pub layer_rows: u64,
    /// Multiplications in the layers.
    pub multiplications: u64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.layer_rows += other.layer_rows;
        self.multiplications += other.multiplications;
    }
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
                if let (Site::LnFinal, Some(row)) = (all[i].site, row_at(u, all[i].position)) {
                    edits.push((row, all[i]));
                }
            }
            for (i, &position) in run.reads.iter().enumerate() {
                self.reads
                    .extend(row_at(u, position).map(|row| (u, i, row)));
            }
            for (i, &(site, _, position)) in run.captures.iter().enumerate() {
                let found = row_at(u, position).map(|row| (u, i, row));
                match site {
                    Site::Logits => self.captured_logits.extend(found),
                    Site::LnFinal => {
                        end.hooks.entry(site).or_default().captures.extend(found);
                    }
                    _ => {}
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

impl Cost {
    /// What computing `run` costs, without laying it out.
    ///
    /// # Errors
    /// [`PlanError`] when the run does not fit the model or its parent.
    pub fn of(shape: &Shape, run: &Run) -> Result<Self, PlanError> {
        check(shape, run)?;
        let mut cost = Self::default();
        for layer in reach(shape, run)? {
            let attending = || layer.carry_attend.iter().chain(&layer.enter_attend);
            let keys = attending().map(|p| *p as u64 + 1).sum();
            let rows = attending().count();
            cost += Self::layer(
                shape,
                layer.pre.len(),
                rows,
                keys,
                rows + layer.enter_mid.len(),
            );
        }
        Ok(cost)
    }

    /// One layer: `pre` rows get queries, keys and values, `attend` rows see
    /// `keys` keys in all, `mid` rows pass the MLP.
    fn layer(shape: &Shape, pre: usize, attend: usize, keys: u64, mid: usize) -> Self {
        let d = shape.n_embd as u64;
        Self {
            layer_rows: mid as u64,
            multiplications: pre as u64 * 3 * d * d
                + attend as u64 * d * d
                + keys * 2 * d
                + mid as u64 * 2 * d * shape.n_inner as u64,
        }
    }

    /// What one full pass over `len` tokens costs.
    #[must_use]
    pub fn full_pass(shape: &Shape, len: usize) -> Self {
        let (d, t) = (shape.n_embd as u64, len as u64);
        let linear = t * (4 * d * d + 2 * d * shape.n_inner as u64);
        Self {
            layer_rows: t * shape.n_layer as u64,
            multiplications: (linear + t * (t + 1) * d) * shape.n_layer as u64,
        }
    }
}

fn cost(shape: &Shape, layer: &LayerPlan) -> Cost {
    let keys = layer.table.len.iter().map(|n| u64::from(*n)).sum();
    let [pre, attend, mid] = [&layer.pre, &layer.attend, &layer.mid].map(|s| s.rows.len());
    Cost::layer(shape, pre, attend, keys, mid)
}

fn check(shape: &Shape, run: &Run) -> Result<(), PlanError> {
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
        let at = match site {
            Site::Embed | Site::PosEmbed => &stages[3],
            Site::ResidPre | Site::Q | Site::K | Site::V => &stages[0],
            Site::Pattern | Site::Z | Site::AttnOut => &stages[1],
            _ => &stages[2],
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

/// Groups edits so that nothing is edited twice in a round and each round has
/// one kind of source; edits that meet keep their order.
fn rounds(shape: &Shape, keys: usize, edits: &[(u32, &Edit)]) -> Vec<EditRound> {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum From {
        Nothing,
        Kept,
        Vectors(usize),
    }
    let mut seen: BTreeMap<u32, Vec<(std::ops::Range<usize>, usize)>> = BTreeMap::new();
    let mut rounds: BTreeMap<(usize, From), EditRound> = BTreeMap::new();
    for (row, edit) in edits {
        let (start, width) = edit.columns(shape, keys);
        let of_row = seen.entry(*row).or_default();
        let met = of_row
            .iter()
            .filter(|(columns, _)| columns.start < start + width && start < columns.end);
        let turn = met.map(|(_, turn)| turn + 1).max().unwrap_or(0);
        of_row.push((start..start + width, turn));
        let most = match edit.op {
            // Along a unit vector only shortening is left.
            Op::CapProjection(..) => 0.0,
            _ => f32::MAX,
        };
        let (from, vector, source_row, scale, coef, gain) = match &edit.op {
            Op::Scale(c) => (From::Nothing, None, 0, *c, 0.0, 0.0),
            Op::Replace(s) | Op::Add(s, _) => {
                let (scale, coef) = match edit.op {
                    Op::Add(_, c) => (1.0, c),
                    _ => (0.0, 1.0),
                };
                match s {
                    Source::Trace(t, p) => (From::Kept, None, t.slots[*p], scale, coef, 0.0),
                    Source::Vector(v) => (
                        From::Vectors(width),
                        Some(v[..width].to_vec()),
                        0,
                        scale,
                        coef,
                        0.0,
                    ),
                }
            }
            Op::SetProjection(v, c) | Op::CapProjection(v, c) => {
                let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
                let unit = v[..width].iter().map(|x| x / norm).collect();
                (From::Vectors(width), Some(unit), 0, 1.0, *c, -1.0)
            }
        };
        let kept = from == From::Kept;
        let round = rounds
            .entry((turn, from))
            .or_insert_with_key(|(_, from)| EditRound {
                source: match from {
                    From::Nothing => EditSource::Nothing,
                    From::Kept => EditSource::Kept,
                    From::Vectors(width) => EditSource::Vectors {
                        width: *width,
                        values: Vec::new(),
                    },
                },
                edits: Vec::new(),
            });
        let mut row_edit = RowEdit {
            row: *row,
            start: index(start),
            width: index(width),
            source_row,
            source_start: if kept { index(start) } else { 0 },
            scale,
            coef,
            gain,
            most,
        };
        if let (EditSource::Vectors { width, values }, Some(vector)) = (&mut round.source, vector) {
            row_edit.source_row = index(values.len() / *width);
            values.extend(vector);
        }
        round.edits.push(row_edit);
    }
    rounds.into_values().collect()
}

/// Row numbers fit 31 bits: a batch of two billion rows fits no machine.
fn index(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(u32::MAX)
}
