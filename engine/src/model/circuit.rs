//! The model as a graph of nodes ([`Graph`]): what each one adds to the residual stream, what
//! a change of that does to a number by way of each edge, and the pass in which some edges
//! carry another run's.
//!
//! What all nodes send is one matrix: node `s` at position `p` in row `s * positions + p`.

use super::backward::Stage;
use super::gpt2::Block;
use super::{Gpt2, Logits, ModelError, Pulse, Store, Wanted};
use crate::backend::{Backend, Rule, Then};
use crate::experiment::{EdgeSet, Graph, HeadPart, Reads, Site};
use crate::rows::{OWN_ROW, RowEdit, SlotTable, Trace, index};
use std::ops::Range;
use std::rc::Rc;

/// What a trace must keep for [`Gpt2::sent`].
pub const KEPT_FOR_SENDERS: &[Site] = &[Site::Embed, Site::Z, Site::MlpOut];

type Result<T> = std::result::Result<T, ModelError>;

/// How far the edges change a number, by position `[position][sender * receivers + receiver]`.
pub type EdgeScores = Vec<Vec<f32>>;

impl<B: Backend> Gpt2<B> {
    /// The graph of this model.
    #[must_use]
    pub fn graph(&self) -> Graph {
        Graph {
            layers: self.config.shape.n_layer,
            heads: self.config.shape.n_head,
        }
    }

    /// What every node sends in a run, whose trace keeps [`KEPT_FOR_SENDERS`]:
    /// `[senders * positions, n]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn sent(&self, b: &B, store: &mut Store<B>, trace: &Trace) -> Result<B::Tensor> {
        let (graph, t) = (self.graph(), trace.tokens.len());
        let sent = b.zeros([graph.senders() * t, self.config.shape.n_embd])?;
        let mut at = 0;
        let mut send = |x: &B::Tensor| {
            let rows = b.shape(x)[0];
            let places: Vec<u32> = (index(at)..).take(rows).collect();
            at += rows;
            b.scatter(&sent, &places, x)
        };
        send(&store.rows(b, trace, Site::Embed, 0)?)?;
        for (l, block) in self.h.iter().enumerate() {
            let z = store.rows(b, trace, Site::Z, l)?;
            send(&block.results(b, graph.heads, &z)?)?;
            send(&store.rows(b, trace, Site::MlpOut, l)?)?;
        }
        Ok(sent)
    }

    /// The change of what is sent, times the derivative of a number of a run with respect to
    /// what each node reads (edge attribution patching, Syed et al., 2023). `seed [1, n]` is
    /// the number's derivative at the run's last position, after `ln_f`; the trace keeps
    /// [`super::KEPT_FOR_GRADIENTS`].
    ///
    /// # Errors
    /// When the device fails, or `pulse` asks to stop.
    #[allow(clippy::too_many_arguments)] // as of the pass backwards
    pub async fn edge_scores(
        &self,
        b: &B,
        store: &mut Store<B>,
        change: &B::Tensor,
        trace: &Rc<Trace>,
        seed: B::Tensor,
        rule: Rule,
        pulse: &impl Pulse,
    ) -> Result<EdgeScores> {
        let (graph, t) = (self.graph(), trace.tokens.len());
        let received = self
            .backward_to_inputs(b, store, trace, seed, rule, pulse)
            .await?;
        let mut parts = Vec::new();
        for of in &received {
            let (first, before) = inputs_of(graph, of.stage);
            for p in 0..t {
                let read = of
                    .inputs
                    .iter()
                    .enumerate()
                    .filter_map(|(i, (positions, rows))| {
                        let row = positions.iter().position(|at| *at == p)?;
                        Some((first + i, index(row), rows))
                    });
                let read: Vec<_> = read.collect();
                if read.is_empty() {
                    continue;
                }
                let here = b.zeros([read.len(), self.config.shape.n_embd])?;
                for (i, (_, row, rows)) in (0..).zip(&read) {
                    b.scatter(&here, &[i], &b.gather(rows, &[*row])?)?;
                }
                let sent: Vec<u32> = (0..before).map(|s| index(s * t + p)).collect();
                let scores = b.unembed(&b.gather(change, &sent)?, &here)?; // [before, inputs]
                let inputs: Vec<usize> = read.into_iter().map(|(r, _, _)| r).collect();
                parts.push((p, inputs, scores));
            }
        }
        let tensors: Vec<&B::Tensor> = parts.iter().map(|(_, _, scores)| scores).collect();
        let told = b.read_all(&tensors).await?;
        let mut scores = vec![vec![0.0; graph.senders() * graph.receivers()]; t];
        for ((p, inputs, _), values) in parts.iter().zip(told) {
            for (s, row) in values.chunks(inputs.len()).enumerate() {
                for (r, value) in inputs.iter().zip(row) {
                    scores[*p][s * graph.receivers() + r] = *value;
                }
            }
        }
        Ok(scores)
    }

    /// The logits at the last position of a run of `tokens` in which an edge that is not
    /// `kept` carries what its sender `other` sent, `[senders * positions, n]`, and not what
    /// it sends in this run.
    ///
    /// # Errors
    /// When the device fails, or `pulse` asks to stop.
    pub async fn through(
        &self,
        b: &B,
        tokens: &[u32],
        kept: &EdgeSet,
        other: &B::Tensor,
        wanted: &Wanted,
        pulse: &impl Pulse,
    ) -> Result<Logits> {
        let graph = self.graph();
        let positions: Vec<u32> = (0..index(tokens.len())).collect();
        let embedded = self.wte.gather(b, tokens)?; // [t, n]
        let mut x = b.add(&embedded, &b.gather(&self.wpe, &positions)?)?;
        let mut through = Through {
            b,
            graph,
            kept,
            other,
            t: tokens.len(),
            // Rows of what was not sent yet are never read.
            missing: b.zeros(b.shape(other))?,
            sent: 0,
        };
        through.send(&embedded)?;
        for (l, block) in self.h.iter().enumerate() {
            let z = through.heads(self, block, l, &x)?; // [t, n]
            through.send(&block.results(b, graph.heads, &z)?)?;
            x = b.add(&x, &block.attn_c_proj.forward(b, &z)?)?;
            let read = through.read(Reads::Mlp { layer: l }, 1, &x)?;
            let normed = block.ln_2.forward(b, &read, &self.config)?;
            let act = Then::Activate(self.config.activation);
            let post = b.linear(&normed, &block.c_fc.weight, &block.c_fc.bias, act)?;
            let out = block.mlp_c_proj.forward(b, &post)?; // [t, n]
            through.send(&out)?;
            x = b.add(&x, &out)?;
            pulse.beat(0).await?;
        }
        let read = through.read(Reads::Logits, 1, &x)?;
        let last = b.gather(&read, &[index(tokens.len() - 1)])?;
        let logits = self.logits(b, &last, wanted).await?;
        Ok(logits.into_iter().next().unwrap_or_default())
    }
}

/// A pass in which edges carry one run's or another's.
struct Through<'a, B: Backend> {
    b: &'a B,
    graph: Graph,
    kept: &'a EdgeSet,
    other: &'a B::Tensor,
    /// Positions.
    t: usize,
    /// What the other run sent and this one did not, `[senders * t, n]`.
    missing: B::Tensor,
    /// Nodes that have sent so far.
    sent: usize,
}

impl<B: Backend> Through<'_, B> {
    /// Takes note of what the next nodes send, `[nodes * t, n]`.
    fn send(&mut self, x: &B::Tensor) -> Result<()> {
        let b = self.b;
        let first = self.sent * self.t;
        let rows: Vec<u32> = (index(first)..).take(b.shape(x)[0]).collect();
        let other = b.gather(self.other, &rows)?;
        b.scatter(&self.missing, &rows, &sent_change(b, x, &other)?)?;
        self.sent += rows.len() / self.t;
        Ok(())
    }

    /// The stream as so many inputs from this one on read it, which have the same nodes
    /// before them, `[inputs * t, n]`: by every edge that is not kept, what it misses is added.
    fn read(&self, first: Reads, inputs: usize, x: &B::Tensor) -> Result<B::Tensor> {
        let (b, t, before) = (self.b, self.t, self.graph.before(first));
        let first = self.graph.receiver_at(first);
        let inputs = first..first + inputs;
        let mut cut = Vec::with_capacity(inputs.len() * t * before);
        for r in inputs.clone() {
            let of_input = (0..before).map(|s| f32::from(u8::from(!self.kept.has((s, r)))));
            let of_input: Vec<f32> = of_input.collect();
            (0..t).for_each(|_| cut.extend_from_slice(&of_input));
        }
        let rows: Vec<u32> = inputs.clone().flat_map(|_| 0..index(t)).collect();
        // A sum over nodes at one position, which is what one head of attention does.
        let table = b.upload_table(&SlotTable {
            len: vec![index(before); rows.len()],
            run: rows.clone(),
            slots: (0..t)
                .flat_map(|p| (0..before).map(move |s| index(s * t + p) | OWN_ROW))
                .collect(),
            width: before,
        })?;
        let cut = b.upload([rows.len(), before], &cut)?;
        let missed = b.mix(&cut, &self.missing, &self.missing, &table, 1)?;
        Ok(b.add(&b.gather(x, &rows)?, &missed)?)
    }

    /// What the heads of a layer mix, `[t, n]`, each of what its own inputs read.
    fn heads(
        &self,
        model: &Gpt2<B>,
        block: &Block<B>,
        l: usize,
        x: &B::Tensor,
    ) -> Result<B::Tensor> {
        let (b, t, shape) = (self.b, self.t, model.config.shape);
        let (n, d) = (shape.n_embd, shape.d_head());
        let mut qkv = Vec::new();
        for part in HeadPart::ALL {
            let first = Reads::Head {
                layer: l,
                head: 0,
                part,
            };
            let read = self.read(first, shape.n_head, x)?; // [heads * t, n]
            let normed = block.ln_1.forward(b, &read, &model.config)?;
            let columns = part as usize * n..(part as usize + 1) * n;
            let weight = b.columns(&block.c_attn.weight, columns.clone())?;
            let bias = b.columns(&block.c_attn.bias, columns)?;
            let all = b.linear(&normed, &weight, &bias, Then::Nothing)?; // [heads * t, n]
            // Of each row only its own head's columns are the head's.
            let own = (0..shape.n_head).flat_map(|h| {
                (0..t).map(move |p| RowEdit {
                    row: index(p),
                    start: index(h * d),
                    width: index(d),
                    source_row: index(h * t + p),
                    source_start: index(h * d),
                    scale: 0.0,
                    coef: 1.0,
                    gain: 0.0,
                    most: f32::MAX,
                })
            });
            let own: Vec<RowEdit> = own.collect();
            qkv.push(b.edit(b.zeros([t, n])?, &own, Some(&all))?);
        }
        let table = b.upload_table(&SlotTable {
            run: vec![0; t],
            len: (1..=index(t)).collect(),
            slots: (0..index(t)).map(|p| p | OWN_ROW).collect(),
            width: t,
        })?;
        let [q, k, v] = [&qkv[0], &qkv[1], &qkv[2]];
        let scale = model.config.attention_scale(l);
        Ok(b.attend(q, [k, k], [v, v], &table, shape.n_head, scale)?)
    }
}

impl<B: Backend> Block<B> {
    /// What each head adds to the stream, `[heads * rows, n]`, head by head; the bias is
    /// nobody's.
    fn results(&self, b: &B, heads: usize, z: &B::Tensor) -> Result<B::Tensor> {
        let [rows, n] = b.shape(z);
        let d = n / heads;
        let again: Vec<u32> = (0..heads).flat_map(|_| 0..index(rows)).collect();
        let others = (0..heads).flat_map(|h| {
            (0..rows).flat_map(move |r| {
                let row = index(h * rows + r);
                [0..h * d, (h + 1) * d..n]
                    .into_iter()
                    .filter(|columns| !columns.is_empty())
                    .map(move |columns| scaled(row, columns, 0.0))
            })
        });
        let others: Vec<RowEdit> = others.collect();
        let alone = b.edit(b.gather(z, &again)?, &others, None)?;
        let nothing = b.zeros([1, n])?;
        Ok(b.linear(&alone, &self.attn_c_proj.weight, &nothing, Then::Nothing)?)
    }
}

/// `to` less `from`, each what some nodes send in a run.
///
/// # Errors
/// When the device fails.
pub fn sent_change<B: Backend>(b: &B, from: &B::Tensor, to: &B::Tensor) -> Result<B::Tensor> {
    let [rows, width] = b.shape(from);
    let all: Vec<u32> = (0..index(rows)).collect();
    let minus = all.iter().map(|row| scaled(*row, 0..width, -1.0));
    let minus: Vec<RowEdit> = minus.collect();
    // Of a copy: an edit may write in place.
    let minus = b.edit(b.gather(from, &all)?, &minus, None)?;
    Ok(b.add(to, &minus)?)
}

/// The first input of a stage, and how many nodes have sent by then.
fn inputs_of(graph: Graph, stage: Stage) -> (usize, usize) {
    let first = match stage {
        Stage::Heads(layer) => Reads::Head {
            layer,
            head: 0,
            part: HeadPart::Q,
        },
        Stage::Mlp(layer) => Reads::Mlp { layer },
        Stage::Logits => Reads::Logits,
    };
    (graph.receiver_at(first), graph.before(first))
}

/// Columns of a row, times a number.
fn scaled(row: u32, columns: Range<usize>, by: f32) -> RowEdit {
    RowEdit {
        row,
        start: index(columns.start),
        width: index(columns.len()),
        source_row: 0,
        source_start: 0,
        scale: by,
        coef: 0.0,
        gain: 0.0,
        most: f32::MAX,
    }
}
