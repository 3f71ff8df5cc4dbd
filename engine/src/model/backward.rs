//! The pass backwards: the derivative of a number that is made of the logits with respect
//! to every activation of kept runs, in the formula's order from its end.
//!
//! It goes over the same rows and slots as the pass that kept them, and through the same
//! edits; only rows between what is measured and what is asked for are computed.
//! Shapes are those of [`super::gpt2`].

use super::gpt2::{Block, LayerNorm};
use super::{Gpt2, ModelError, Pulse, Store};
use crate::backend::{Backend, Rule};
use crate::experiment::Site;
use crate::rows::{Cost, Edit, SeenBy, SlotTable, Trace, index, rounds, rounds_back};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

/// What a trace must keep for a pass backwards: the arguments of all that is not linear.
pub const KEPT_FOR_GRADIENTS: &[Site] = &[
    Site::ResidPre,
    Site::Q,
    Site::K,
    Site::V,
    Site::ResidMid,
    Site::MlpPre,
    Site::ResidPost,
];

/// Derivatives of a number of each run with respect to the run's activations, as they were
/// after the edits of their site.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    found: HashMap<(Site, usize), Found>,
}

/// Of one site: which run and position is in which row, and the rows.
#[derive(Clone, Debug)]
struct Found {
    at: HashMap<(usize, usize), usize>,
    width: usize,
    values: Vec<f32>,
}

impl Gradients {
    /// The derivative with respect to a row: as wide as the site, over all heads; of a
    /// pattern as many columns a head as the longest run has keys. `None` where it is 0,
    /// because nothing that was measured depends on the row, or where it was not asked for.
    #[must_use]
    pub fn of(&self, site: Site, layer: usize, run: usize, position: usize) -> Option<&[f32]> {
        let found = self.found.get(&(site, layer))?;
        let row = found.at.get(&(run, position))?;
        found.values.get(row * found.width..(row + 1) * found.width)
    }
}

/// Rows of a pass backwards: run and position of each.
type Rows = Rc<[(usize, usize)]>;

impl<B: Backend> Gpt2<B> {
    /// The derivatives of one number a read row. `reads` has the run, among `traces`, and
    /// the position of each row, `seed [reads.len(), n]` the number's derivative with
    /// respect to the row after `ln_f` ([`Gpt2::seed`]). The traces keep
    /// [`KEPT_FOR_GRADIENTS`] and have computed all their positions themselves.
    ///
    /// # Errors
    /// When the device fails, an edit has no derivative, or `pulse` asks to stop.
    #[allow(clippy::too_many_arguments)] // what a pass forwards finds in its plan
    pub async fn backward(
        &self,
        b: &B,
        store: &mut Store<B>,
        traces: &[Rc<Trace>],
        (reads, seed): (&[(usize, usize)], B::Tensor),
        rule: Rule,
        wanted: &BTreeSet<(Site, usize)>,
        pulse: &impl Pulse,
    ) -> Result<Gradients> {
        let mut back = Back::of((b, self), store, traces, rule, wanted);
        back.all((reads, seed), pulse).await?;
        back.told().await
    }

    /// The same of one trace with respect to each node's own input, which is the stream
    /// before its LayerNorm as that node alone reads it.
    ///
    /// # Errors
    /// As [`Gpt2::backward`].
    pub(super) async fn backward_to_inputs(
        &self,
        b: &B,
        store: &mut Store<B>,
        trace: &Rc<Trace>,
        seed: B::Tensor,
        rule: Rule,
        pulse: &impl Pulse,
    ) -> Result<Vec<Received<B>>> {
        let (traces, nothing) = (std::slice::from_ref(trace), BTreeSet::new());
        let mut back = Back::of((b, self), store, traces, rule, &nothing);
        back.inputs = Some(Vec::new());
        back.all((&[(0, trace.tokens.len() - 1)], seed), pulse)
            .await?;
        Ok(back.inputs.unwrap_or_default())
    }
}

/// The derivative with respect to a stage's inputs: of a layer's heads their queries', then
/// their keys', then their values'; of an MLP, and of the logits, one.
pub(super) struct Received<B: Backend> {
    pub stage: Stage,
    /// By input: the positions, and a row for each. Elsewhere it is 0.
    pub inputs: Vec<(Vec<usize>, B::Tensor)>,
}

/// What reads the stream at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Heads(usize),
    Mlp(usize),
    Logits,
}

struct Back<'a, B: Backend> {
    b: &'a B,
    model: &'a Gpt2<B>,
    store: &'a mut Store<B>,
    traces: &'a [Rc<Trace>],
    rule: Rule,
    wanted: &'a BTreeSet<(Site, usize)>,
    found: Vec<((Site, usize), Rows, B::Tensor)>,
    /// Where those are wanted, from the logits down.
    inputs: Option<Vec<Received<B>>>,
}

type Result<T> = std::result::Result<T, ModelError>;

impl<'a, B: Backend> Back<'a, B> {
    fn of(
        (b, model): (&'a B, &'a Gpt2<B>),
        store: &'a mut Store<B>,
        traces: &'a [Rc<Trace>],
        rule: Rule,
        wanted: &'a BTreeSet<(Site, usize)>,
    ) -> Self {
        Self {
            b,
            model,
            store,
            traces,
            rule,
            wanted,
            found: Vec::new(),
            inputs: None,
        }
    }

    /// From the read rows to the first layer of which something is wanted.
    async fn all(
        &mut self,
        (reads, seed): (&[(usize, usize)], B::Tensor),
        pulse: &impl Pulse,
    ) -> Result<()> {
        let model = self.model;
        let lens = self.traces.iter().map(|t| t.tokens.len());
        let work = lens.map(|len| Cost::full_pass(&model.config.shape, len).multiplications);
        let share = work.sum::<u64>() / model.h.len() as u64;
        let mut rows: Rows = reads.into();
        let mut d = self.end(&rows, seed)?;
        for (l, block) in model.h.iter().enumerate().rev() {
            if !self.goes_below(l + 1) {
                return Ok(());
            }
            d = self.mlp(block, l, &rows, d)?;
            (rows, d) = self.attention(block, l, &rows, d)?;
            pulse.beat(share).await?;
        }
        self.embedding(&rows, d)
    }

    /// Whether anything is wanted before the end of the first `layers` layers.
    fn goes_below(&self, layers: usize) -> bool {
        let before =
            |(site, l): &(Site, usize)| site.before_layers() || (site.per_layer() && *l < layers);
        self.inputs.is_some() || self.wanted.iter().any(before)
    }
    /// `ln_f`: from the read rows back to the end of the last layer.
    fn end(&mut self, rows: &Rows, d: B::Tensor) -> Result<B::Tensor> {
        let last = self.model.h.len() - 1;
        let d = self.at(Site::LnFinal, 0, rows, d)?;
        let x = self.kept(Site::ResidPost, last, rows)?;
        let d = self.norm(&self.model.ln_f, &d, &x)?;
        self.received(Stage::Logits, || Ok(vec![(positions(rows), d.clone())]))?;
        Ok(d)
    }

    /// `x + c_proj(act(c_fc(ln_2(x))))`
    fn mlp(&mut self, block: &Block<B>, l: usize, rows: &Rows, d: B::Tensor) -> Result<B::Tensor> {
        let b = self.b;
        let d = self.at(Site::ResidPost, l, rows, d)?; // [rows, n]
        let out = self.at(Site::MlpOut, l, rows, d.clone())?;
        let post = self.linear(&block.mlp_c_proj.weight, &out)?; // [rows, n_inner]
        let post = self.at(Site::MlpPost, l, rows, post)?;
        let x = self.kept(Site::MlpPre, l, rows)?;
        let pre = b.activate_back(&post, &x, self.model.config.activation, self.rule)?;
        let pre = self.at(Site::MlpPre, l, rows, pre)?;
        let normed = self.linear(&block.c_fc.weight, &pre)?; // [rows, n]
        let x = self.kept(Site::ResidMid, l, rows)?;
        let into = self.norm(&block.ln_2, &normed, &x)?;
        self.received(Stage::Mlp(l), || Ok(vec![(positions(rows), into.clone())]))?;
        let d = b.add(&d, &into)?;
        self.at(Site::ResidMid, l, rows, d)
    }

    /// `x + c_proj(softmax(q k^T * scale) v)`. Earlier rows are seen by these, so there are
    /// more of them afterwards.
    fn attention(
        &mut self,
        block: &Block<B>,
        l: usize,
        rows: &Rows,
        d: B::Tensor,
    ) -> Result<(Rows, B::Tensor)> {
        let (b, config) = (self.b, &self.model.config);
        let (n, n_head) = (config.shape.n_embd, config.shape.n_head);
        let out = self.at(Site::AttnOut, l, rows, d.clone())?; // [rows, n]
        let z = self.linear(&block.attn_c_proj.weight, &out)?;
        let z = self.at(Site::Z, l, rows, z)?;

        let (host, keys) = (self.table(rows), self.earlier(rows));
        let seen_by = SeenBy::of(&host, &self.keys(&host, rows, &keys));
        let table = b.upload_table(&host)?;
        let q = self.kept(Site::Q, l, rows)?;
        let [k, v] = [
            self.store.get(b, Site::K, l)?,
            self.store.get(b, Site::V, l)?,
        ];
        let scale = config.attention_scale(l);
        let pattern = b.pattern(&q, &q, &k, &table, n_head, scale)?; // [rows, n_head t]
        let pattern = self.forwards((Site::Pattern, l), rows, pattern)?;

        let dv = b.mix_back(&pattern, &z, &seen_by, n_head)?; // [keys, n]
        let dv = self.at(Site::V, l, &keys, dv)?;
        let dp = b.scores(&z, &z, &v, &table, n_head, 1.0)?; // [rows, n_head t]
        let dp = self.at(Site::Pattern, l, rows, dp)?;
        let ds = b.softmax_back(&dp, &pattern, n_head, scale)?;
        let dq = b.mix(&ds, &q, &k, &table, n_head)?; // [rows, n]
        let dq = self.at(Site::Q, l, rows, dq)?;
        let dk = b.mix_back(&ds, &q, &seen_by, n_head)?; // [keys, n]
        let dk = self.at(Site::K, l, &keys, dk)?;

        let of_q = self.linear_of(&block.c_attn.weight, 0..n, &dq)?;
        let of_k = self.linear_of(&block.c_attn.weight, n..2 * n, &dk)?;
        let of_v = self.linear_of(&block.c_attn.weight, 2 * n..3 * n, &dv)?;
        let of_q = self.spread(rows, &keys, of_q)?;
        let normed = b.add(&b.add(&of_q, &of_k)?, &of_v)?; // [keys, n]
        let x = self.kept(Site::ResidPre, l, &keys)?;
        if self.inputs.is_some() {
            let of_rows = self.kept(Site::ResidPre, l, rows)?;
            let parts = [
                (0, rows, &dq, &of_rows),
                (n, &keys, &dk, &x),
                (2 * n, &keys, &dv, &x),
            ];
            let inputs = self.heads(block, parts)?;
            self.received(Stage::Heads(l), || Ok(inputs))?;
        }
        let normed = self.norm(&block.ln_1, &normed, &x)?;
        let d = b.add(&self.spread(rows, &keys, d)?, &normed)?;
        let d = self.at(Site::ResidPre, l, &keys, d)?;
        Ok((keys, d))
    }

    /// Of each part of attention (its first column in `c_attn`, its rows, the derivative and
    /// the stream there), what of the derivative comes to each head's own input.
    fn heads(
        &self,
        block: &Block<B>,
        parts: [(usize, &Rows, &B::Tensor, &B::Tensor); 3],
    ) -> Result<Vec<(Vec<usize>, B::Tensor)>> {
        let (b, shape) = (self.b, &self.model.config.shape);
        let mut inputs = Vec::new();
        for (first, rows, d, x) in parts {
            for h in 0..shape.n_head {
                let of_head = h * shape.d_head()..(h + 1) * shape.d_head();
                let columns = first + of_head.start..first + of_head.end;
                let d = b.columns(d, of_head)?;
                let normed = self.linear_of(&block.c_attn.weight, columns, &d)?;
                inputs.push((positions(rows), self.norm(&block.ln_1, &normed, x)?));
            }
        }
        Ok(inputs)
    }

    fn received(
        &mut self,
        stage: Stage,
        inputs: impl FnOnce() -> Result<Vec<(Vec<usize>, B::Tensor)>>,
    ) -> Result<()> {
        if let Some(all) = &mut self.inputs {
            let inputs = inputs()?;
            all.push(Received { stage, inputs });
        }
        Ok(())
    }

    fn embedding(&mut self, rows: &Rows, d: B::Tensor) -> Result<()> {
        self.at(Site::Embed, 0, rows, d.clone())?;
        self.at(Site::PosEmbed, 0, rows, d)?;
        Ok(())
    }

    fn norm(&self, norm: &LayerNorm<B>, d: &B::Tensor, x: &B::Tensor) -> Result<B::Tensor> {
        let epsilon = self.model.config.layer_norm_epsilon;
        Ok(self
            .b
            .layer_norm_back(d, x, &norm.weight, epsilon, self.rule)?)
    }

    fn linear(&self, weight: &B::Tensor, d: &B::Tensor) -> Result<B::Tensor> {
        self.linear_of(weight, 0..self.b.shape(weight)[1], d)
    }

    fn linear_of(&self, weight: &B::Tensor, of: Range<usize>, d: &B::Tensor) -> Result<B::Tensor> {
        Ok(self.b.linear_back(d, weight, of)?)
    }

    fn wants(&self, site: Site, l: usize) -> bool {
        self.wanted.contains(&(site, l))
    }

    /// Notes the derivative at a site where it is wanted, and carries it to before the
    /// site's edits.
    fn at(&mut self, site: Site, l: usize, rows: &Rows, d: B::Tensor) -> Result<B::Tensor> {
        if self.wants(site, l) {
            self.found.push(((site, l), rows.clone(), d.clone()));
        }
        let (b, shape) = (self.b, &self.model.config.shape);
        let traces = self.traces;
        let edits = edits(traces, site, l, rows);
        if edits.is_empty() {
            return Ok(d);
        }
        let keys = b.shape(&d)[1] / shape.n_head;
        let rounds = rounds_back(shape, keys, &edits)?;
        // An edit may write in place, and what is noted must stay; the stream goes on, too.
        let all: Vec<u32> = (0..index(rows.len())).collect();
        let d = b.gather(&d, &all)?;
        Ok(self.store.edited(b, (site, l), &rounds, d)?)
    }

    /// The site's edits, on what was computed anew.
    fn forwards(
        &mut self,
        (site, l): (Site, usize),
        rows: &Rows,
        x: B::Tensor,
    ) -> Result<B::Tensor> {
        let (b, shape) = (self.b, &self.model.config.shape);
        let edits = edits(self.traces, site, l, rows);
        let keys = b.shape(&x)[1] / shape.n_head;
        let rounds = rounds(shape, keys, &edits);
        Ok(self.store.edited(b, (site, l), &rounds, x)?)
    }

    fn slots(&self, rows: &Rows) -> Vec<u32> {
        rows.iter()
            .map(|(u, p)| self.traces[*u].slots[*p])
            .collect()
    }

    fn kept(&mut self, site: Site, l: usize, rows: &Rows) -> Result<B::Tensor> {
        let kept = self.store.get(self.b, site, l)?;
        Ok(self.b.gather(&kept, &self.slots(rows))?)
    }

    /// Every position of each run up to the last one among `rows`.
    fn earlier(&self, rows: &Rows) -> Rows {
        let last = |u: usize| rows.iter().filter(|r| r.0 == u).map(|r| r.1 + 1).max();
        (0..self.traces.len())
            .flat_map(|u| (0..last(u).unwrap_or(0)).map(move |p| (u, p)))
            .collect()
    }

    /// The run of each key by its number in the table of `rows`, and its position.
    fn keys(&self, table: &SlotTable, rows: &Rows, keys: &Rows) -> Vec<(u32, u32)> {
        let numbers: HashMap<usize, u32> = rows
            .iter()
            .map(|r| r.0)
            .zip(table.run.iter().copied())
            .collect();
        let number = |u: &usize| numbers.get(u).copied().unwrap_or(u32::MAX);
        keys.iter().map(|(u, p)| (number(u), index(*p))).collect()
    }

    /// What each row sees, all of it kept.
    fn table(&self, rows: &Rows) -> SlotTable {
        let width = rows.iter().map(|r| r.1 + 1).max().unwrap_or(0);
        let mut table = SlotTable {
            width,
            ..SlotTable::default()
        };
        let mut of_run: HashMap<usize, u32> = HashMap::new();
        for (u, p) in rows.iter() {
            let next = index(of_run.len());
            let run = *of_run.entry(*u).or_insert_with(|| {
                let slots = self.traces[*u].slots.iter().copied();
                table
                    .slots
                    .extend(slots.chain(std::iter::repeat(0)).take(width));
                next
            });
            table.run.push(run);
            table.len.push(index(p + 1));
        }
        table
    }

    /// Rows among more of them, zeros elsewhere.
    fn spread(&self, rows: &Rows, among: &Rows, x: B::Tensor) -> Result<B::Tensor> {
        if rows == among {
            return Ok(x);
        }
        let at: HashMap<(usize, usize), u32> =
            (0..).zip(among.iter()).map(|(i, r)| (*r, i)).collect();
        let places: Vec<u32> = rows.iter().filter_map(|r| at.get(r).copied()).collect();
        let out = self.b.zeros([among.len(), self.b.shape(&x)[1]])?;
        self.b.scatter(&out, &places, &x)?;
        Ok(out)
    }

    /// Reads what was noted.
    async fn told(self) -> Result<Gradients> {
        let noted: Vec<&B::Tensor> = self.found.iter().map(|(_, _, d)| d).collect();
        let values = self.b.read_all(&noted).await?;
        let mut gradients = Gradients::default();
        for ((key, rows, _), values) in self.found.iter().zip(values) {
            let found = Found {
                at: rows.iter().enumerate().map(|(i, r)| (*r, i)).collect(),
                width: values.len() / rows.len().max(1),
                values,
            };
            gradients.found.insert(*key, found);
        }
        Ok(gradients)
    }
}

fn positions(rows: &Rows) -> Vec<usize> {
    rows.iter().map(|row| row.1).collect()
}

/// The edits of a site that are in force in these rows, each with its row.
fn edits<'a>(traces: &'a [Rc<Trace>], site: Site, l: usize, rows: &Rows) -> Vec<(u32, &'a Edit)> {
    let mut found = Vec::new();
    for (i, (u, p)) in (0..).zip(rows.iter()) {
        let here = |e: &&Edit| e.site == site && e.layer == l && e.position == *p;
        found.extend(traces[*u].edits.iter().filter(here).map(|e| (i, e)));
    }
    found
}
