//! Which edges of the model's graph carry an answer, and how much of it they keep.

use super::Graph;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// A circuit that is wanted: edges are scored by gradients, some of them are kept, and what
/// they keep of the first metric is computed exactly, everything else sending what it sent
/// in the corrupted run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Circuit {
    /// How edges are scored.
    pub method: EdgeMethod,
    /// How edges are chosen by their scores.
    #[serde(default, skip_serializing_if = "EdgeChoice::is_strongest")]
    pub choice: EdgeChoice,
    /// How many are chosen; those that lead nowhere are then taken out.
    pub edges: usize,
}

/// How an edge is scored: by the change of what its sender sends, corrupted less clean, times
/// a gradient at what its receiver reads, summed over positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EdgeMethod {
    /// The clean run's gradient (edge attribution patching: Syed et al., 2023)
    Eap,
    /// The clean run's relevance instead of its gradient (RelP: Jafari et al., 2025)
    Relp,
    /// The mean gradient of runs whose embeddings go from the corrupted run's towards the
    /// clean run's, which itself is left out (EAP-IG: Hanna et al., 2024)
    EapIg {
        /// How many runs, from 1; 5 is usual.
        points: usize,
    },
}

/// How edges are chosen by their scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EdgeChoice {
    /// Those of the largest absolute scores
    #[default]
    Strongest,
    /// From the logits up, each time the strongest into a node that is in already
    Greedy,
}

impl EdgeChoice {
    fn is_strongest(&self) -> bool {
        *self == Self::Strongest
    }
}

/// A circuit that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CircuitReport {
    /// How many edges the graph has.
    pub total: usize,
    /// The circuit: edges that are kept, in the order of the pass.
    pub edges: Vec<ScoredEdge>,
    /// Scores of all edges, in the order of `EAP-IG`'s files: stage by stage (the heads of a
    /// layer, its MLP, at last the logits), for each sender before it the stage's inputs, of
    /// heads `q`, `k` and `v` head by head.
    pub scores: Vec<f32>,
    /// The first metric of the circuit, and what share of it that is; means over the pairs.
    pub whole: Kept,
    /// The same of as many edges drawn at random, the mean of [`CircuitReport::DRAWS`] draws.
    pub random: Kept,
    /// The same of circuits of other sizes, by the same scores, from none to all.
    pub curve: Vec<Kept>,
    /// The area under the curve of faithfulness over the share of the edges (CPR of the MIB
    /// benchmark: Mueller et al., 2025), at its ten sizes. The larger the better.
    pub cpr: Option<f32>,
    /// The area between that curve and 1 (MIB's CMD). The smaller the better.
    pub cmd: Option<f32>,
}

/// An edge and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScoredEdge {
    /// As in `a5.h1->a9.h9<q>`.
    pub edge: String,
    /// How far the metric would fall if the edge carried the corrupted run's, as estimated.
    pub score: f32,
}

/// What some edges keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kept {
    /// How many they are, those that lead nowhere taken out.
    pub edges: usize,
    /// The metric, raw.
    pub value: f32,
    /// 0 is the corrupted run and 1 the clean one; `null` where the two do not differ.
    pub faithfulness: Option<f32>,
}

impl CircuitReport {
    /// Random circuits that one is compared with.
    pub const DRAWS: usize = 3;

    /// Shares of the edges at which MIB measures.
    pub const SHARES: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
}

impl CircuitReport {
    /// The graph with all scores, as `EAP-IG` reads and writes it (`Graph.from_json`); `n_embd`
    /// is the width of the stream. A node is in where an edge of the circuit ends or begins.
    #[must_use]
    pub fn to_eap_ig(&self, graph: Graph, n_embd: usize) -> String {
        let kept: HashSet<&str> = self.edges.iter().map(|edge| edge.edge.as_str()).collect();
        let mut inside: HashSet<String> = HashSet::new();
        let mut edges = Map::new();
        for (edge, score) in graph.edges().zip(&self.scores) {
            let name = graph.name(edge);
            let in_graph = kept.contains(name.as_str());
            if in_graph {
                inside.insert(graph.sender(edge.0).to_string());
                let into = graph.node(graph.receiver(edge.1));
                inside.insert(
                    into.map_or_else(|| LOGITS.into(), |node| graph.sender(node).to_string()),
                );
            }
            edges.insert(name, json!({"score": score, "in_graph": in_graph}));
        }
        let names = (0..graph.senders()).map(|at| graph.sender(at).to_string());
        let nodes: Map<String, Value> = names
            .chain([LOGITS.into()])
            .map(|name| (name.clone(), json!({"in_graph": inside.contains(&name)})))
            .collect();
        json!({
            "cfg": {
                "n_layers": graph.layers,
                "n_heads": graph.heads,
                "parallel_attn_mlp": false,
                "d_model": n_embd,
            },
            "nodes": nodes,
            "edges": edges,
        })
        .to_string()
    }

    /// The circuit alone in the language of Graphviz, from the input at the bottom up.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut lines = vec!["digraph circuit {".to_string(), "  rankdir=BT;".into()];
        for ScoredEdge { edge, score } in &self.edges {
            let Some((from, to)) = edge.split_once("->") else {
                continue;
            };
            // A head's input is a label, so that the head is one node.
            let (to, part) = to.split_once('<').unwrap_or((to, ""));
            let part = part.trim_end_matches('>');
            lines.push(format!(
                "  \"{from}\" -> \"{to}\" [label=\"{part}\", score={score:?}];"
            ));
        }
        lines.push("}".into());
        lines.join("\n")
    }
}

/// The node that everything is measured at.
const LOGITS: &str = "logits";
