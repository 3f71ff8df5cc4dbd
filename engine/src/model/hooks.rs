//! What happens at the sites besides the formula: rows enter, edits are made,
//! activations are kept and handed back.

use crate::backend::{Backend, Result};
use crate::experiment::Site;
use crate::rows::{EditSource, LayerPlan, Plan, Shape, SlotPool, Stage};
use std::collections::HashMap;

/// The kept activations of all traces: one matrix `[slots, width]` per site and layer.
pub struct Store<B: Backend> {
    /// Where slots come from.
    pub pool: SlotPool,
    shape: Shape,
    kept: HashMap<(Site, usize), B::Tensor>,
    /// Stands in where nothing was ever kept.
    nothing: HashMap<usize, B::Tensor>,
}

impl<B: Backend> Store<B> {
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            pool: SlotPool::default(),
            shape,
            kept: HashMap::new(),
            nothing: HashMap::new(),
        }
    }

    /// The kept rows of a site; one row of zeros where none ever was.
    fn get(&mut self, backend: &B, site: Site, layer: usize) -> Result<B::Tensor> {
        if let Some(kept) = self.kept.get(&(site, layer)) {
            return Ok(kept.clone());
        }
        let width = self.shape.width(site).unwrap_or(1);
        if let Some(nothing) = self.nothing.get(&width) {
            return Ok(nothing.clone());
        }
        let nothing = backend.zeros([1, width])?;
        self.nothing.insert(width, nothing.clone());
        Ok(nothing)
    }

    fn write(
        &mut self,
        backend: &B,
        (site, layer): (Site, usize),
        slots: &[u32],
        rows: &B::Tensor,
    ) -> Result<()> {
        let capacity = self.pool.capacity();
        let width = backend.shape(rows)[1];
        let old = self.kept.get(&(site, layer)).cloned();
        let have = old.as_ref().map_or(0, |t| backend.shape(t)[0]);
        let into = match old {
            Some(kept) if have >= capacity => kept,
            old => {
                // Half as much again, so that a growing run is not copied at every step.
                let grown = backend.zeros([capacity + capacity / 2, width])?;
                if let Some(old) = old {
                    let all: Vec<u32> = (0..).take(have).collect();
                    backend.scatter(&grown, &all, &old)?;
                }
                self.kept.insert((site, layer), grown.clone());
                grown
            }
        };
        backend.scatter(&into, slots, rows)
    }
}

/// Captured rows, still on the device: the run and which of its captures, for
/// each row of a matrix.
pub(super) type Captured<B> = Vec<(Vec<(usize, usize)>, <B as Backend>::Tensor)>;

/// The hooks of one forward pass.
pub(super) struct Hooks<'a, B: Backend> {
    backend: &'a B,
    plan: &'a Plan,
    store: &'a mut Store<B>,
    /// Rows to hand back, still on the device: which captures, and their rows.
    pub captured: Captured<B>,
}

impl<'a, B: Backend> Hooks<'a, B> {
    pub fn new(backend: &'a B, plan: &'a Plan, store: &'a mut Store<B>) -> Self {
        Self {
            backend,
            plan,
            store,
            captured: Vec::new(),
        }
    }

    pub fn layer(&self, l: usize) -> &'a LayerPlan {
        &self.plan.layers[l]
    }

    /// Whether nothing at all is to be done at a site.
    pub fn idle(&self, site: Site, l: usize) -> bool {
        !self.plan.layers[l].hooks.contains_key(&site)
    }

    /// Makes the edits at a site, keeps and hands back what is wanted of it.
    pub fn at(&mut self, site: Site, l: usize, mut x: B::Tensor) -> Result<B::Tensor> {
        let b = self.backend;
        let Some(hook) = self.plan.layers[l].hooks.get(&site) else {
            return Ok(x);
        };
        for round in &hook.rounds {
            let source = match &round.source {
                EditSource::Nothing => None,
                EditSource::Kept => Some(self.store.get(b, site, l)?),
                EditSource::Vectors { width, values } => {
                    Some(b.upload([values.len() / width, *width], values)?)
                }
            };
            x = b.edit(x, &round.edits, source.as_ref())?;
        }
        let (rows, slots) = &hook.keep;
        if !rows.is_empty() {
            let kept = self.some_rows(&x, rows)?;
            self.store.write(b, (site, l), slots, &kept)?;
        }
        if !hook.captures.is_empty() {
            let rows: Vec<u32> = hook.captures.iter().map(|c| c.2).collect();
            let names = hook.captures.iter().map(|c| (c.0, c.1)).collect();
            self.captured.push((names, b.gather(&x, &rows)?));
        }
        Ok(x)
    }

    /// The kept rows of a site, for attention to look keys and values up in.
    pub fn kept(&mut self, site: Site, l: usize) -> Result<B::Tensor> {
        self.store.get(self.backend, site, l)
    }

    /// The rows that go on past a stage, then those that enter there with their
    /// parents' activations of `site`.
    pub fn pass(
        &mut self,
        stage: &Stage,
        site: Site,
        l: usize,
        x: &B::Tensor,
    ) -> Result<B::Tensor> {
        let b = self.backend;
        let entering = match stage.entering.as_slice() {
            [] => None,
            slots => Some(b.gather(&self.store.get(b, site, l)?, slots)?),
        };
        let carried = match &stage.carried {
            None => Some(x.clone()),
            Some(rows) if rows.is_empty() => None,
            Some(rows) => Some(b.gather(x, rows)?),
        };
        match (carried.filter(|x| b.shape(x)[0] > 0), entering) {
            (Some(carried), Some(entering)) => b.concat(&carried, &entering),
            (Some(rows), None) | (None, Some(rows)) => Ok(rows),
            (None, None) => b.zeros([0, b.shape(x)[1]]),
        }
    }

    fn some_rows(&self, x: &B::Tensor, rows: &[u32]) -> Result<B::Tensor> {
        let all = rows.len() == self.backend.shape(x)[0] && (0..).zip(rows).all(|(i, r)| i == *r);
        if all {
            return Ok(x.clone());
        }
        self.backend.gather(x, rows)
    }
}
