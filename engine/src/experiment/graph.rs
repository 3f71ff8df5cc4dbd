//! GPT-2 as a graph: nodes that write to the residual stream and nodes that read it, in the
//! names of edge attribution patching (`EAP-IG`'s files have them): `input`, `a5.h1`, `m3`,
//! `logits`, and edges `a5.h1->a9.h9<q>`.

use std::fmt;

/// What writes to the residual stream, in the order of the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sender {
    /// The token's embedding, without the position's.
    Input,
    /// A head's part of `attn_out`, without the bias.
    Head {
        /// From 0.
        layer: usize,
        /// From 0.
        head: usize,
    },
    /// An MLP's output.
    Mlp {
        /// From 0.
        layer: usize,
    },
}

/// What reads the residual stream: before its LayerNorm, each for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reads {
    /// A head's queries, keys or values.
    Head {
        /// From 0.
        layer: usize,
        /// From 0.
        head: usize,
        /// Which of the three.
        part: HeadPart,
    },
    /// An MLP.
    Mlp {
        /// From 0.
        layer: usize,
    },
    /// The last LayerNorm, and with it the logits.
    Logits,
}

/// What a head makes of what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HeadPart {
    /// What it looks for.
    Q,
    /// What it is found by.
    K,
    /// What it brings.
    V,
}

impl HeadPart {
    /// All three, in their order in `c_attn`.
    pub const ALL: [Self; 3] = [Self::Q, Self::K, Self::V];

    fn letter(self) -> char {
        match self {
            Self::Q => 'q',
            Self::K => 'k',
            Self::V => 'v',
        }
    }
}

/// The graph of a model of so many layers and heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Layers of the model.
    pub layers: usize,
    /// Heads of each.
    pub heads: usize,
}

/// Some of a graph's edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeSet {
    graph: Graph,
    /// `[sender, receiver]`
    kept: Vec<bool>,
}

impl Graph {
    /// How many nodes write.
    #[must_use]
    pub fn senders(&self) -> usize {
        1 + self.layers * (self.heads + 1)
    }

    /// How many inputs are read.
    #[must_use]
    pub fn receivers(&self) -> usize {
        self.layers * (3 * self.heads + 1) + 1
    }

    /// A writing node by its place in the order of the pass.
    #[must_use]
    pub fn sender(&self, at: usize) -> Sender {
        let Some(at) = at.checked_sub(1) else {
            return Sender::Input;
        };
        let (layer, head) = (at / (self.heads + 1), at % (self.heads + 1));
        match head < self.heads {
            true => Sender::Head { layer, head },
            false => Sender::Mlp { layer },
        }
    }

    /// The place of a writing node.
    #[must_use]
    pub fn sender_at(&self, node: Sender) -> usize {
        match node {
            Sender::Input => 0,
            Sender::Head { layer, head } => 1 + layer * (self.heads + 1) + head,
            Sender::Mlp { layer } => 1 + layer * (self.heads + 1) + self.heads,
        }
    }

    /// An input by its place: layer by layer the heads' queries, their keys, their values
    /// and the MLP; then the logits.
    #[must_use]
    pub fn receiver(&self, at: usize) -> Reads {
        let width = 3 * self.heads + 1;
        let (layer, within) = (at / width, at % width);
        if layer >= self.layers {
            return Reads::Logits;
        }
        match HeadPart::ALL.get(within / self.heads) {
            Some(part) => Reads::Head {
                layer,
                head: within % self.heads,
                part: *part,
            },
            None => Reads::Mlp { layer },
        }
    }

    /// The place of an input.
    #[must_use]
    pub fn receiver_at(&self, input: Reads) -> usize {
        let first = |layer: usize| layer * (3 * self.heads + 1);
        match input {
            Reads::Head { layer, head, part } => first(layer) + part as usize * self.heads + head,
            Reads::Mlp { layer } => first(layer) + 3 * self.heads,
            Reads::Logits => first(self.layers),
        }
    }

    /// How many of the writing nodes come before an input.
    #[must_use]
    pub fn before(&self, input: Reads) -> usize {
        match input {
            Reads::Head { layer, .. } => 1 + layer * (self.heads + 1),
            Reads::Mlp { layer } => 1 + layer * (self.heads + 1) + self.heads,
            Reads::Logits => self.senders(),
        }
    }

    /// The node that an input belongs to, among those that write; none of the logits.
    #[must_use]
    pub fn node(&self, input: Reads) -> Option<usize> {
        match input {
            Reads::Head { layer, head, .. } => Some(self.sender_at(Sender::Head { layer, head })),
            Reads::Mlp { layer } => Some(self.sender_at(Sender::Mlp { layer })),
            Reads::Logits => None,
        }
    }

    /// Every edge, as places of its two ends, in the order of `EAP-IG`'s files.
    pub fn edges(self) -> impl Iterator<Item = (usize, usize)> {
        let stages = (0..self.layers).flat_map(move |layer| {
            let heads = (0..self.heads).flat_map(move |head| {
                HeadPart::ALL.map(|part| self.receiver_at(Reads::Head { layer, head, part }))
            });
            [
                heads.collect(),
                vec![self.receiver_at(Reads::Mlp { layer })],
            ]
        });
        let stages = stages.chain([vec![self.receiver_at(Reads::Logits)]]);
        stages.flat_map(move |inputs| {
            let before = inputs.first().map_or(0, |r| self.before(self.receiver(*r)));
            (0..before).flat_map(move |s| inputs.clone().into_iter().map(move |r| (s, r)))
        })
    }

    /// How many edges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let of = |r: usize| self.before(self.receiver(r));
        (0..self.receivers()).map(of).sum()
    }

    /// Whether there are none: never, as the input always reaches the logits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// An edge's name.
    #[must_use]
    pub fn name(&self, (sender, receiver): (usize, usize)) -> String {
        format!("{}->{}", self.sender(sender), self.receiver(receiver))
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("input"),
            Self::Head { layer, head } => write!(f, "a{layer}.h{head}"),
            Self::Mlp { layer } => write!(f, "m{layer}"),
        }
    }
}

impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head { layer, head, part } => write!(f, "a{layer}.h{head}<{}>", part.letter()),
            Self::Mlp { layer } => write!(f, "m{layer}"),
            Self::Logits => f.write_str("logits"),
        }
    }
}

impl EdgeSet {
    /// All edges.
    #[must_use]
    pub fn all(graph: Graph) -> Self {
        let mut set = Self::none(graph);
        for edge in graph.edges() {
            set.put(edge, true);
        }
        set
    }

    /// No edge.
    #[must_use]
    pub fn none(graph: Graph) -> Self {
        Self {
            graph,
            kept: vec![false; graph.senders() * graph.receivers()],
        }
    }

    /// The `n` edges of the largest absolute scores, `[sender, receiver]`; of equal ones the
    /// first in the order of the pass.
    #[must_use]
    pub fn strongest(graph: Graph, scores: &[f64], n: usize) -> Self {
        let mut order: Vec<(usize, usize)> = graph.edges().collect();
        let score = |(s, r): &(usize, usize)| scores[s * graph.receivers() + r].abs();
        order.sort_unstable();
        order.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let mut set = Self::none(graph);
        for edge in order.into_iter().take(n) {
            set.put(edge, true);
        }
        set
    }

    /// `n` edges from the logits up, each time the strongest into a node that has one out of
    /// it already; a head is in with its queries, keys and values.
    #[must_use]
    pub fn greedy(graph: Graph, scores: &[f64], n: usize) -> Self {
        let mut set = Self::none(graph);
        let width = graph.receivers();
        let mut open: Vec<usize> = vec![graph.receiver_at(Reads::Logits)];
        let mut inside = vec![false; graph.senders()];
        for _ in 0..n {
            let mut best: Option<(f64, (usize, usize))> = None;
            for r in &open {
                for s in 0..graph.before(graph.receiver(*r)) {
                    let (score, edge) = (scores[s * width + r].abs(), (s, *r));
                    let better = best.is_none_or(|(most, at)| {
                        score > most || (score.total_cmp(&most).is_eq() && edge < at)
                    });
                    if !set.has(edge) && better {
                        best = Some((score, edge));
                    }
                }
            }
            let Some((_, edge)) = best else { break };
            set.put(edge, true);
            if !std::mem::replace(&mut inside[edge.0], true) {
                let of_node = |r: &usize| graph.node(graph.receiver(*r)) == Some(edge.0);
                open.extend((0..width).filter(of_node));
            }
        }
        set
    }

    /// Whether an edge is in.
    #[must_use]
    pub fn has(&self, (sender, receiver): (usize, usize)) -> bool {
        let at = sender * self.graph.receivers() + receiver;
        self.kept.get(at).copied().unwrap_or(false)
    }

    /// Takes an edge in, or out.
    pub fn put(&mut self, (sender, receiver): (usize, usize), kept: bool) {
        let at = sender * self.graph.receivers() + receiver;
        if let Some(place) = self.kept.get_mut(at) {
            *place = kept;
        }
    }

    /// Those that are in, in the order of [`Graph::edges`].
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.graph.edges().filter(|edge| self.has(*edge))
    }

    /// How many are in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.iter().filter(|kept| **kept).count()
    }

    /// Whether none is in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Without edges out of nodes that nothing comes into, the input aside, and into nodes
    /// that nothing goes out of, the logits aside; again until there is none.
    #[must_use]
    pub fn pruned(&self) -> Self {
        let (graph, mut left) = (self.graph, self.clone());
        loop {
            let (mut comes, mut goes) =
                (vec![false; graph.senders()], vec![false; graph.senders()]);
            comes[0] = true;
            for (s, r) in left.edges() {
                goes[s] = true;
                if let Some(node) = graph.node(graph.receiver(r)) {
                    comes[node] = true;
                }
            }
            let mut next = left.clone();
            for (s, r) in left.edges() {
                let into = graph.node(graph.receiver(r));
                if !comes[s] || into.is_some_and(|node| !goes[node] || !comes[node]) {
                    next.put((s, r), false);
                }
            }
            if next == left {
                return left;
            }
            left = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_nodes_are_each_others() {
        let graph = Graph {
            layers: 12,
            heads: 12,
        };
        assert_eq!((graph.len(), graph.edges().count()), (32_491, 32_491));
        for at in 0..graph.senders() {
            assert_eq!(graph.sender_at(graph.sender(at)), at);
        }
        for at in 0..graph.receivers() {
            assert_eq!(graph.receiver_at(graph.receiver(at)), at);
        }
        let edge = (
            graph.sender_at(Sender::Head { layer: 5, head: 1 }),
            graph.receiver_at(Reads::Head {
                layer: 9,
                head: 9,
                part: HeadPart::Q,
            }),
        );
        assert_eq!(graph.name(edge), "a5.h1->a9.h9<q>");
        assert_eq!(
            graph.edges().next().map(|e| graph.name(e)).as_deref(),
            Some("input->a0.h0<q>")
        );
        assert_eq!(EdgeSet::all(graph).len(), graph.len());
    }

    #[test]
    fn dead_ends_are_pruned_and_greedy_circuits_have_none_above() {
        let graph = Graph {
            layers: 2,
            heads: 1,
        };
        let at = |s: Sender, r: Reads| (graph.sender_at(s), graph.receiver_at(r));
        let (m0, m1) = (Sender::Mlp { layer: 0 }, Sender::Mlp { layer: 1 });
        let mut set = EdgeSet::none(graph);
        for edge in [
            at(Sender::Input, Reads::Mlp { layer: 0 }),
            at(m0, Reads::Logits),
            // Nothing comes into this head, and nothing goes out of that MLP.
            at(Sender::Head { layer: 0, head: 0 }, Reads::Logits),
            at(m0, Reads::Mlp { layer: 1 }),
        ] {
            set.put(edge, true);
        }
        let pruned = set.pruned();
        let names: Vec<String> = pruned.edges().map(|e| graph.name(e)).collect();
        assert_eq!(names, ["input->m0", "m0->logits"]);
        let mut scores = vec![0.0; graph.senders() * graph.receivers()];
        for (edge, score) in [
            (at(m1, Reads::Logits), -1.0),
            (at(m0, Reads::Mlp { layer: 1 }), 3.0),
        ] {
            scores[edge.0 * graph.receivers() + edge.1] = score;
        }
        let greedy = EdgeSet::greedy(graph, &scores, 2);
        let names: Vec<String> = greedy.edges().map(|e| graph.name(e)).collect();
        assert_eq!(names, ["m0->m1", "m1->logits"]);
        assert_eq!(EdgeSet::strongest(graph, &scores, 1).edges().count(), 1);
        assert_eq!(EdgeSet::greedy(graph, &scores, 1_000).len(), graph.len());
    }
}
