//! Edits of many rows, grouped so that the device makes them in few operations.

use super::plan::index;
use super::{Edit, NotEditable, Op, PlanError, RowEdit, Shape, Source};
use std::collections::BTreeMap;

/// Where an edit round's source rows are.
#[derive(Clone, Debug, PartialEq)]
pub enum EditSource {
    /// No source: scaling only.
    Nothing,
    /// The kept activations of this site and layer; `source_row` is a slot.
    Kept,
    /// Vectors brought along, row-major, each `width` wide.
    Vectors {
        /// Numbers of a vector.
        width: usize,
        /// `[vectors, width]`
        values: Vec<f32>,
    },
}

/// Edits that can be made at once: no two of the same columns of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRound {
    /// Where each edit's `source_row` is looked up.
    pub source: EditSource,
    /// In any order: none sees what another does.
    pub edits: Vec<RowEdit>,
}

/// The edits of a site backwards: what makes, of the derivative with respect to the rows
/// after them, the one with respect to the rows before. What an edit brings is constant.
///
/// # Errors
/// [`PlanError::NotEditable`] of an edit without a derivative: a cap, where it begins.
pub fn rounds_back(
    shape: &Shape,
    keys: usize,
    edits: &[(u32, &Edit)],
) -> Result<Vec<EditRound>, PlanError> {
    let mut back: Vec<(u32, Edit)> = Vec::new();
    for (row, edit) in edits.iter().rev() {
        let op = match &edit.op {
            Op::Replace(_) => Op::Scale(0.0),
            Op::Add(..) => continue,
            Op::Scale(c) => Op::Scale(*c),
            Op::SetProjection(v, _) => Op::SetProjection(v.clone(), 0.0),
            Op::CapProjection(..) => {
                return Err(PlanError::NotEditable {
                    site: edit.site,
                    why: NotEditable::Bends,
                });
            }
        };
        let edit = (*edit).clone();
        back.push((*row, Edit { op, ..edit }));
    }
    let back: Vec<(u32, &Edit)> = back.iter().map(|(row, edit)| (*row, edit)).collect();
    Ok(rounds(shape, keys, &back))
}

/// Groups edits, each with its row, so that nothing is edited twice in a round and each
/// round has one kind of source; edits that meet keep their order. Rows of a pattern have
/// `keys` columns a head.
#[must_use]
pub fn rounds(shape: &Shape, keys: usize, edits: &[(u32, &Edit)]) -> Vec<EditRound> {
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
