//! Where the checkpoint's tensors go: the only list of their names and shapes.

use super::gpt2::{Block, LayerNorm, Linear};
use super::head::{HEAD, Head};
use super::table::Table;
use super::{Config, Gpt2, ModelError};
use crate::backend::{Backend, Result};

/// A reserved tensor that waits for the values of one of the checkpoint.
pub(super) struct Place<B: Backend> {
    /// As in the checkpoint.
    pub name: String,
    pub shape: Vec<usize>,
    /// Values in a row.
    pub width: usize,
    /// The tensor, in pieces of so many rows each.
    pieces: Vec<B::Tensor>,
    rows_per_piece: usize,
}

impl<B: Backend> Place<B> {
    /// Fills whole rows from `row` on.
    pub fn fill(&self, b: &B, mut row: usize, mut values: &[f32]) -> Result<()> {
        while !values.is_empty() {
            let (piece, first) = (row / self.rows_per_piece, row % self.rows_per_piece);
            let room = (self.rows_per_piece - first) * self.width;
            let (now, later) = values.split_at(values.len().min(room));
            b.fill(&self.pieces[piece], first, now)?;
            row += now.len() / self.width;
            values = later;
        }
        Ok(())
    }
}

impl<B: Backend> Gpt2<B> {
    /// A model with room for its weights and no weights yet.
    pub(super) fn reserve(b: &B, config: Config) -> std::result::Result<Self, ModelError> {
        let s = config.shape;
        let (n, inner) = (s.n_embd, s.n_inner);
        let norm = || {
            Ok::<_, ModelError>(LayerNorm {
                weight: b.reserve([1, n])?,
                bias: b.reserve([1, n])?,
            })
        };
        let linear = |from, to| {
            Ok::<_, ModelError>(Linear {
                weight: b.reserve_weight([from, to])?,
                bias: b.reserve([1, to])?,
            })
        };
        let block = |_| {
            Ok::<_, ModelError>(Block {
                ln_1: norm()?,
                c_attn: linear(n, 3 * n)?,
                attn_c_proj: linear(n, n)?,
                ln_2: norm()?,
                c_fc: linear(n, inner)?,
                mlp_c_proj: linear(inner, n)?,
            })
        };
        let lm_head = match config.tied_head {
            true => None,
            false => Some(Table::reserve(b, s.n_vocab, n)?),
        };
        Ok(Self {
            wte: Table::reserve(b, s.n_vocab, n)?,
            wpe: b.reserve([s.n_positions, n])?,
            h: (0..s.n_layer)
                .map(block)
                .collect::<std::result::Result<_, _>>()?,
            ln_f: norm()?,
            lm_head,
            config,
        })
    }

    /// Every tensor that the checkpoint must have, with room for a head of its own
    /// where it has one, by the names that it has there.
    pub(super) fn places_for(
        &mut self,
        b: &B,
        head: &Head,
    ) -> std::result::Result<Vec<Place<B>>, ModelError> {
        let s = self.config.shape;
        if head.is_own() && self.lm_head.is_none() {
            self.lm_head = Some(Table::reserve(b, s.n_vocab, s.n_embd)?);
        }
        let mut places = self.places();
        for place in &mut places {
            place.name = head.name_of(&place.name);
        }
        Ok(places)
    }

    /// The same by their names within the `transformer` module.
    pub(super) fn places(&self) -> Vec<Place<B>> {
        let s = self.config.shape;
        let (n, inner) = (s.n_embd, s.n_inner);
        let mut places = vec![
            table("wte.weight", &self.wte, s.n_vocab, n),
            matrix("wpe.weight", &self.wpe, s.n_positions, n),
        ];
        places.extend(
            self.lm_head
                .iter()
                .map(|head| table(HEAD, head, s.n_vocab, n)),
        );
        let mut norm = |name: &str, norm: &LayerNorm<B>| {
            places.push(row(format!("{name}.weight"), &norm.weight, n));
            places.push(row(format!("{name}.bias"), &norm.bias, n));
        };
        norm("ln_f", &self.ln_f);
        for (l, block) in self.h.iter().enumerate() {
            norm(&format!("h.{l}.ln_1"), &block.ln_1);
            norm(&format!("h.{l}.ln_2"), &block.ln_2);
        }
        for (l, block) in self.h.iter().enumerate() {
            for (name, linear, from, to) in [
                ("attn.c_attn", &block.c_attn, n, 3 * n),
                ("attn.c_proj", &block.attn_c_proj, n, n),
                ("mlp.c_fc", &block.c_fc, n, inner),
                ("mlp.c_proj", &block.mlp_c_proj, inner, n),
            ] {
                let weight = format!("h.{l}.{name}.weight");
                places.push(matrix(&weight, &linear.weight, from, to));
                places.push(row(format!("h.{l}.{name}.bias"), &linear.bias, to));
            }
        }
        places
    }
}

fn table<B: Backend>(name: &str, table: &Table<B>, rows: usize, width: usize) -> Place<B> {
    Place {
        name: name.into(),
        shape: vec![rows, width],
        width,
        pieces: table.pieces.clone(),
        rows_per_piece: table.first_id(1),
    }
}

fn matrix<B: Backend>(name: &str, x: &B::Tensor, rows: usize, width: usize) -> Place<B> {
    Place {
        name: name.into(),
        shape: vec![rows, width],
        width,
        pieces: vec![x.clone()],
        rows_per_piece: rows,
    }
}

fn row<B: Backend>(name: String, x: &B::Tensor, width: usize) -> Place<B> {
    Place {
        name,
        shape: vec![width],
        width,
        pieces: vec![x.clone()],
        rows_per_piece: 1,
    }
}

impl Config {
    /// Values of all weights, a tied head counted once.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let s = self.shape;
        // A config may name any sizes, so that every step has to end somewhere.
        let [n, inner, vocab, positions, layers] =
            [s.n_embd, s.n_inner, s.n_vocab, s.n_positions, s.n_layer].map(|x| x as u64);
        let size = |rows: u64, columns: u64| rows.saturating_mul(columns);
        let linear = |from: u64, to: u64| size(from.saturating_add(1), to);
        let sum = |parts: &[u64]| parts.iter().fold(0, |a: u64, b| a.saturating_add(*b));
        let norm = size(2, n);
        let block = sum(&[
            size(2, norm),
            linear(n, size(3, n)),
            linear(n, n),
            linear(n, inner),
            linear(inner, n),
        ]);
        let head = if self.tied_head { 0 } else { size(vocab, n) };
        let tables = size(vocab.saturating_add(positions), n);
        sum(&[tables, head, size(layers, block), norm])
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Config;

    #[test]
    fn parameters_are_counted_and_those_of_the_largest_sizes_too() {
        let gpt2 = include_str!("../bin/patchbay/gpt2.config.json");
        let of = |config: &str| Config::from_json(config.as_bytes()).unwrap().parameters();
        assert_eq!(of(gpt2), crate::source::GPT2.parameters);
        let largest = gpt2
            .replace("\"n_layer\": 12", "\"n_layer\": 1024")
            .replace("\"n_embd\": 768", "\"n_embd\": 4194300");
        assert_ne!(largest, gpt2);
        assert!(of(&largest) > 1 << 57);
    }
}
