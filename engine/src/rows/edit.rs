use super::{NotEditable, PlanError, Shape, Trace};
use crate::experiment::Site;
use std::rc::Rc;

/// What is done to one site at one position.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Which activation is edited.
    pub site: Site,
    /// 0 at a site that has no layer.
    pub layer: usize,
    /// One head of a per-head site; all of them when `None`.
    pub head: Option<usize>,
    /// Only so many columns from this one on, of the head's or the whole
    /// vector: neurons, or the keys of a pattern. All of them when `None`.
    pub part: Option<(usize, usize)>,
    /// From 0, in the run's own tokens.
    pub position: usize,
    /// What its row becomes.
    pub op: Op,
}

/// The operators, on the row's vector `x` and a source vector `s`.
#[derive(Clone, Debug)]
pub enum Op {
    /// `x := s`
    Replace(Source),
    /// `x := x + c s`
    Add(Source, f32),
    /// `x := c x`; 0 is zero ablation
    Scale(f32),
    /// `x := x - (x . u) u + c u` with `u = s / |s|`: sets the projection on
    /// the direction to `c`; 0 projects it out. The source must be a vector.
    SetProjection(Rc<[f32]>, f32),
    /// The same where the projection is larger than `c`; else nothing.
    CapProjection(Rc<[f32]>, f32),
}

/// Where an edit's vector comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The same site and layer (and head) of a kept run, at a position of its own.
    Trace(Rc<Trace>, usize),
    /// Numbers: a direction, a mean, noise. Width of the site, or of one head.
    Vector(Rc<[f32]>),
}

/// An edit as a backend applies it, to columns `start .. start + width` of one
/// row `x`, with `s` the same number of columns of a source row from `source_start` on:
///
/// `x := scale x + min(coef + gain (x . s), most) s`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowEdit {
    /// Row of the batch, from 0.
    pub row: u32,
    /// First column that is edited.
    pub start: u32,
    /// How many columns are.
    pub width: u32,
    /// Row of the source: a slot of what is kept, or a vector's number; 0 without a
    /// source.
    pub source_row: u32,
    /// First column of `s` in that row.
    pub source_start: u32,
    /// 0 forgets `x`, be it a NaN.
    pub scale: f32,
    /// The factor of `s`, as far as it does not depend on `x`.
    pub coef: f32,
    /// What it grows by for each unit of `x . s`; 0 but for projections.
    pub gain: f32,
    /// [`f32::MAX`] where nothing is capped.
    pub most: f32,
}

impl Edit {
    /// First column and number of columns that the edit touches. A head's
    /// pattern has `keys` columns, of which a row sees those up to its own.
    pub(crate) fn columns(&self, shape: &Shape, keys: usize) -> (usize, usize) {
        let full = shape.width(self.site).unwrap_or(shape.n_head * keys);
        let (start, width) = match (self.head, self.site) {
            (None, _) => (0, full),
            (Some(h), Site::Pattern) => (h * keys, self.position + 1),
            (Some(h), _) => (h * full / shape.n_head, full / shape.n_head),
        };
        match self.part {
            None => (start, width),
            Some((first, count)) => (start + first, count),
        }
    }

    /// Whether the edit changes nothing, whatever the activation is.
    pub(super) fn is_identity(&self) -> bool {
        match &self.op {
            Op::Add(_, c) => *c == 0.0,
            Op::Scale(c) => *c == 1.0,
            Op::Replace(_) | Op::SetProjection(..) | Op::CapProjection(..) => false,
        }
    }

    pub(crate) fn source(&self) -> Option<&Source> {
        match &self.op {
            Op::Replace(s) | Op::Add(s, _) => Some(s),
            Op::Scale(_) | Op::SetProjection(..) | Op::CapProjection(..) => None,
        }
    }

    /// Checks everything about the edit that does not depend on other runs.
    pub(super) fn check(&self, shape: &Shape, len: usize) -> Result<(), PlanError> {
        let site = self.site;
        if site == Site::Logits {
            return Err(PlanError::NotEditable {
                site,
                why: NotEditable::IsRead,
            });
        }
        let n_layer = site.layers(shape.n_layer);
        if self.layer >= n_layer {
            return Err(PlanError::NoSuchLayer {
                site,
                layer: self.layer,
                n_layer,
            });
        }
        if self.position >= len {
            return Err(PlanError::NoSuchPosition {
                site,
                position: self.position,
                len,
            });
        }
        if let Some(head) = self.head {
            if !site.per_head() {
                return Err(PlanError::NotPerHead { site });
            }
            if head >= shape.n_head {
                return Err(PlanError::NoSuchHead {
                    site,
                    head,
                    n_head: shape.n_head,
                });
            }
        }
        self.check_part(shape)?;
        self.check_source(shape, len)
    }

    fn check_part(&self, shape: &Shape) -> Result<(), PlanError> {
        let Some((first, count)) = self.part else {
            return Ok(());
        };
        let site = self.site;
        let whole = match (site, self.head) {
            (Site::Pattern, None) => {
                return Err(PlanError::NotEditable {
                    site,
                    why: NotEditable::SomeKeys,
                });
            }
            // A row sees no key after its own: there is nothing to edit.
            (Site::Pattern, Some(_)) => self.position + 1,
            (_, None) => shape.width(site).unwrap_or(0),
            (_, Some(_)) => shape.d_head(),
        };
        match count > 0 && first.saturating_add(count) <= whole {
            true => Ok(()),
            false => Err(PlanError::NoSuchColumns {
                site,
                first,
                count,
                whole,
            }),
        }
    }

    fn check_source(&self, shape: &Shape, len: usize) -> Result<(), PlanError> {
        let site = self.site;
        let finite = |c: f32| {
            c.is_finite()
                .then_some(())
                .ok_or(PlanError::NotFinite { site })
        };
        let vector = |v: &[f32]| {
            if site == Site::Pattern && self.head.is_none() {
                return Err(PlanError::NotEditable {
                    site,
                    why: NotEditable::VectorOfKeys,
                });
            }
            let expected = self.columns(shape, len).1;
            // A pattern's row may come with keys that only later rows see.
            let longer = site == Site::Pattern && self.part.is_none() && v.len() > expected;
            if v.len() != expected && !longer {
                return Err(PlanError::Width {
                    site,
                    found: v.len(),
                    expected,
                });
            }
            v.iter().try_for_each(|c| finite(*c))
        };
        match &self.op {
            Op::Scale(c) => return finite(*c),
            Op::SetProjection(v, c) | Op::CapProjection(v, c) => {
                finite(*c)?;
                vector(v)?;
                if v.iter().all(|x| *x == 0.0) {
                    return Err(PlanError::NotEditable {
                        site,
                        why: NotEditable::NoLength,
                    });
                }
            }
            Op::Add(_, c) => finite(*c)?,
            Op::Replace(_) => {}
        }
        match self.source() {
            Some(Source::Vector(v)) => vector(v),
            Some(Source::Trace(trace, position)) => {
                if !trace.keeps(site) {
                    return Err(PlanError::NotKept { site });
                }
                if *position >= trace.tokens.len() {
                    return Err(PlanError::NoSuchPosition {
                        site,
                        position: *position,
                        len: trace.tokens.len(),
                    });
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}
