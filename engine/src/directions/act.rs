//! Directions as edits of rows: where each acts, decided row by row.

use super::problem::DirectionProblem;
use super::{Resolved, Rows, length};
use crate::experiment::{Direction, Field, Operator, Positions, Site, Source as From, Steer, Unit};
use crate::host::SessionError;
use crate::rows::{Edit, Op, Shape, Source};
use std::rc::Rc;

/// One direction at one layer, of z at one head.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    site: Site,
    layer: usize,
    head: Option<usize>,
    positions: Positions,
    rows: Rows,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Add(f32),
    SetProjection(f32),
    Cap(f32),
}

/// Everything that acts, where `mean_norm` is a layer's mean norm at a site. A
/// coefficient of 0 adds nothing, so it is left out.
pub(crate) fn acts(
    steer: &Steer,
    resolved: &[Rc<Resolved>],
    mean_norm: &dyn Fn(Site, usize) -> f32,
    shape: &Shape,
) -> Result<Vec<Act>, SessionError> {
    let mut acts = Vec::new();
    for (i, direction) in steer.directions.iter().enumerate() {
        for layer in &direction.layers {
            let norm = mean_norm(direction.site, *layer);
            let rows = resolved[i].at(direction.from.unwrap_or(*layer));
            if rows.is_none() && resolved[i].chosen {
                continue;
            }
            let field = Field::direction(i);
            acts.extend(act(field, direction, rows, (*layer, norm), shape)?);
        }
    }
    Ok(acts)
}

/// One direction at one layer, where the site's mean norm is `mean_norm`;
/// nothing where it does nothing, at z one for each head that it has.
pub(crate) fn act(
    field: Field,
    direction: &Direction,
    rows: Option<Rows>,
    (layer, mean_norm): (usize, f32),
    shape: &Shape,
) -> Result<Vec<Act>, SessionError> {
    let wrong = |problem: DirectionProblem| SessionError::of(field, problem);
    let name = || direction.name.clone();
    let rows = rows.ok_or_else(|| {
        wrong(DirectionProblem::NoVector {
            name: name(),
            layer,
        })
    })?;
    let c = direction.coefficient;
    let adds = matches!(direction.operator, Operator::Add | Operator::Subtract);
    if adds && c == 0.0 {
        return Ok(Vec::new());
    }
    let size = length(&rows);
    // A file has no prompts that could differ: its zeros do nothing.
    if size == 0.0 && matches!(direction.source, From::Vectors { .. }) {
        return Ok(Vec::new());
    }
    if size == 0.0 {
        return Err(wrong(DirectionProblem::NoLength {
            name: name(),
            layer,
        }));
    }
    let unit = match (direction.unit, adds) {
        (Unit::Absolute, _) => 1.0,
        (Unit::MeanNorm, true) => mean_norm / size,
        (Unit::MeanNorm, false) => mean_norm,
    };
    let kind = match direction.operator {
        Operator::Add => Kind::Add(c * unit),
        Operator::Subtract => Kind::Add(-c * unit),
        Operator::ProjectOut => Kind::SetProjection(0.0),
        Operator::SetProjection => Kind::SetProjection(c * unit),
        Operator::Cap => Kind::Cap(c * unit),
    };
    let reach = match kind {
        Kind::Add(c) => c * size,
        Kind::SetProjection(c) | Kind::Cap(c) => c,
    };
    // A LayerNorm squares it, and gives zeros or no numbers where that overflows.
    if !(reach * reach).is_finite() {
        return Err(wrong(DirectionProblem::TooStrong {
            name: name(),
            length: reach.abs(),
            layer,
        }));
    }
    let site = direction.site;
    let of = |(head, rows)| Act {
        site,
        layer,
        head,
        positions: direction.positions.clone(),
        rows,
        kind,
    };
    if !site.per_head() {
        return Ok(vec![of((None, rows))]);
    }
    let heads = (0..shape.n_head).map(|h| (Some(h), head(&rows, h, shape.d_head())));
    Ok(heads
        .filter(|(_, rows)| length(rows) > 0.0)
        .map(of)
        .collect())
}

/// A head's part of rows.
fn head(rows: &Rows, head: usize, d_head: usize) -> Rows {
    let part = |row: &Rc<[f32]>| Rc::from(&row[head * d_head..(head + 1) * d_head]);
    rows.iter().map(part).collect()
}

impl Act {
    /// The edit of the row at `position`, after a prompt of `prompt` tokens;
    /// `None` where the direction leaves that row alone.
    pub fn edit(&self, position: usize, prompt: usize) -> Option<Edit> {
        let last = self.rows.last();
        let vector = match &self.positions {
            Positions::All => last,
            Positions::Prompt => last.filter(|_| position < prompt),
            Positions::Generated => last.filter(|_| position >= prompt),
            Positions::Last => last.filter(|_| position + 1 >= prompt),
            Positions::First(n) => last.filter(|_| position < *n),
            Positions::Chosen(list) => last.filter(|_| list.contains(&position)),
            Positions::AlignedFront => self.rows.get(position).filter(|_| position < prompt),
            Positions::AlignedBack => (position + self.rows.len())
                .checked_sub(prompt)
                .and_then(|i| self.rows.get(i)),
        }?;
        // Rows of a pair that do not differ, such as BOS, change nothing.
        if vector.iter().all(|x| *x == 0.0) {
            return None;
        }
        let op = match self.kind {
            Kind::Add(c) => Op::Add(Source::Vector(vector.clone()), c),
            Kind::SetProjection(c) => Op::SetProjection(vector.clone(), c),
            Kind::Cap(c) => Op::CapProjection(vector.clone(), c),
        };
        Some(Edit {
            site: self.site,
            layer: self.layer,
            head: self.head,
            part: None,
            position,
            op,
        })
    }
}
