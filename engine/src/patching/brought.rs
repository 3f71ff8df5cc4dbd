//! What a sweep puts in the place of activations, and where it is kept.

use super::problem::PatchingProblem;
use crate::experiment::{Field, Site};
use crate::host::SessionError;
use crate::rows::{Op, Shape, Source, Trace};
use std::collections::HashMap;
use std::rc::Rc;

/// Activations to copy.
#[derive(Clone, Debug)]
pub(crate) enum Brought {
    /// A run's, on the device; the patterns, whose width is the run's, as numbers.
    Run {
        trace: Rc<Trace>,
        patterns: Rc<Numbers>,
    },
    /// Means.
    Numbers(Rc<Numbers>),
    Zero,
}

/// Whole rows of sites, by site, layer and position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    pub rows: HashMap<(Site, usize, usize), Rc<[f32]>>,
    /// Whether one row stands for all positions.
    pub over_positions: bool,
}

impl Numbers {
    fn row(&self, (site, layer): (Site, usize), position: usize) -> Result<&[f32], SessionError> {
        let position = if self.over_positions { 0 } else { position };
        let row = self.rows.get(&(site, layer, position));
        row.map(|r| &**r).ok_or_else(|| {
            let problem = PatchingProblem::NothingToCopy {
                site,
                layer,
                position,
            };
            SessionError::of(Field::Sweeps, problem)
        })
    }
}

impl Brought {
    /// Replaces a site, or a head or part of it, by what is copied from position `from`.
    pub fn op(
        &self,
        shape: &Shape,
        site: (Site, usize),
        head: Option<usize>,
        part: Option<(usize, usize)>,
        from: usize,
    ) -> Result<Op, SessionError> {
        let numbers = match self {
            Self::Zero => return Ok(Op::Scale(0.0)),
            Self::Run { trace, .. } if site.0 != Site::Pattern => {
                return Ok(Op::Replace(Source::Trace(trace.clone(), from)));
            }
            Self::Run { patterns, .. } => patterns,
            Self::Numbers(numbers) => numbers,
        };
        let row = numbers.row(site, from)?;
        let width = match head {
            None => row.len(),
            Some(_) => row.len() / shape.n_head,
        };
        let start = head.unwrap_or(0) * width;
        let (first, count) = part.unwrap_or((0, width));
        let values = &row[start + first..start + first + count];
        Ok(Op::Replace(Source::Vector(values.into())))
    }
}
