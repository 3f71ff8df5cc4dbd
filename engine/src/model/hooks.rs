//! What happens at the sites besides the formula: rows enter, edits are made,
//! activations are kept and handed back.

use crate::backend::{Backend, Result};
use crate::experiment::Site;
use crate::rows::{EditRound, EditSource, LayerPlan, Plan, Shape, SlotPool, Stage, Trace};
use std::collections::HashMap;
use std::rc::Rc;

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
    /// A store in which nothing is kept yet, for a model of these sizes.
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
    pub(super) fn get(&mut self, backend: &B, site: Site, layer: usize) -> Result<B::Tensor> {
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

    /// The rows of a trace that keeps the site, `[positions, width]`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn rows(&mut self, b: &B, trace: &Trace, site: Site, l: usize) -> Result<B::Tensor> {
        b.gather(&self.get(b, site, l)?, &trace.slots)
    }

    /// Makes the edits of a site, one round after the other.
    pub(super) fn edited(
        &mut self,
        b: &B,
        (site, l): (Site, usize),
        rounds: &[EditRound],
        mut x: B::Tensor,
    ) -> Result<B::Tensor> {
        for round in rounds {
            let source = match &round.source {
                EditSource::Nothing => None,
                EditSource::Kept => Some(self.get(b, site, l)?),
                EditSource::Vectors { width, values } => {
                    Some(b.upload([values.len() / width, *width], values)?)
                }
            };
            x = b.edit(x, &round.edits, source.as_ref())?;
        }
        Ok(x)
    }

    /// The matrix of a site to keep rows of `width` in, with room for every slot.
    fn room(
        &mut self,
        backend: &B,
        (site, layer): (Site, usize),
        width: usize,
    ) -> Result<B::Tensor> {
        let capacity = self.pool.capacity();
        let old = self.kept.get(&(site, layer)).cloned();
        let have = old.as_ref().map_or(0, |t| backend.shape(t)[0]);
        match old {
            Some(kept) if have >= capacity => Ok(kept),
            old => {
                // Half as much again, so that a growing run is not copied at every step.
                let grown = backend.zeros([capacity + capacity / 2, width])?;
                if let Some(old) = old {
                    let all: Vec<u32> = (0..).take(have).collect();
                    backend.scatter(&grown, &all, &old)?;
                }
                self.kept.insert((site, layer), grown.clone());
                Ok(grown)
            }
        }
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
    /// The last layer's table, and the layer.
    table: Option<(usize, Rc<B::Table>)>,
    /// Rows to hand back, still on the device: which captures, and their rows.
    pub captured: Captured<B>,
}

impl<'a, B: Backend> Hooks<'a, B> {
    pub fn new(backend: &'a B, plan: &'a Plan, store: &'a mut Store<B>) -> Self {
        Self {
            backend,
            plan,
            store,
            table: None,
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
    pub fn at(&mut self, site: Site, l: usize, x: B::Tensor) -> Result<B::Tensor> {
        let x = self.edited(site, l, x)?;
        self.keep(site, l, &x)?;
        self.capture(site, l, &x)?;
        Ok(x)
    }

    /// The same at two sites with the same rows, which are kept in one go.
    pub fn at_both(
        &mut self,
        sites: [Site; 2],
        l: usize,
        [x, y]: [B::Tensor; 2],
    ) -> Result<[B::Tensor; 2]> {
        let both = [self.edited(sites[0], l, x)?, self.edited(sites[1], l, y)?];
        let hooks = &self.plan.layers[l].hooks;
        match sites.map(|site| hooks.get(&site).map(|hook| &hook.keep)) {
            [Some(keep), Some(other)] if keep == other && !keep.0.is_empty() => {
                let (b, (rows, slots)) = (self.backend, keep);
                let [x, y] = &both;
                let [x, y] = [self.some_rows(x, rows)?, self.some_rows(y, rows)?];
                let into_x = self.store.room(b, (sites[0], l), b.shape(&x)[1])?;
                let into_y = self.store.room(b, (sites[1], l), b.shape(&y)[1])?;
                b.scatter_pair([&into_x, &into_y], slots, [&x, &y])?;
            }
            _ => {
                for (site, x) in sites.into_iter().zip(&both) {
                    self.keep(site, l, x)?;
                }
            }
        }
        for (site, x) in sites.into_iter().zip(&both) {
            self.capture(site, l, x)?;
        }
        Ok(both)
    }

    fn edited(&mut self, site: Site, l: usize, x: B::Tensor) -> Result<B::Tensor> {
        match self.plan.layers[l].hooks.get(&site) {
            None => Ok(x),
            Some(hook) => self.store.edited(self.backend, (site, l), &hook.rounds, x),
        }
    }

    fn keep(&mut self, site: Site, l: usize, x: &B::Tensor) -> Result<()> {
        let b = self.backend;
        let Some(hook) = self.plan.layers[l].hooks.get(&site) else {
            return Ok(());
        };
        let (rows, slots) = &hook.keep;
        if rows.is_empty() {
            return Ok(());
        }
        let kept = self.some_rows(x, rows)?;
        let into = self.store.room(b, (site, l), b.shape(&kept)[1])?;
        b.scatter(&into, slots, &kept)
    }

    fn capture(&mut self, site: Site, l: usize, x: &B::Tensor) -> Result<()> {
        let Some(hook) = self.plan.layers[l].hooks.get(&site) else {
            return Ok(());
        };
        if hook.captures.is_empty() {
            return Ok(());
        }
        let rows: Vec<u32> = hook.captures.iter().map(|c| c.2).collect();
        let names = hook.captures.iter().map(|c| (c.0, c.1)).collect();
        self.captured.push((names, self.backend.gather(x, &rows)?));
        Ok(())
    }

    /// The layer's slot table on the device; the one before, where it is the same.
    pub fn table(&mut self, l: usize) -> Result<Rc<B::Table>> {
        let wanted = &self.plan.layers[l].table;
        if let Some((last, table)) = &self.table
            && self.plan.layers[*last].table == *wanted
        {
            return Ok(table.clone());
        }
        self.table = None;
        let table = Rc::new(self.backend.upload_table(wanted)?);
        self.table = Some((l, table.clone()));
        Ok(table)
    }

    /// The kept rows of a site, for attention to look keys and values up in.
    pub fn kept(&mut self, site: Site, l: usize) -> Result<B::Tensor> {
        self.store.get(self.backend, site, l)
    }

    /// The rows that go on past a stage, then those that enter there with their
    /// parents' activations of `site`.
    pub fn pass(&mut self, stage: &Stage, site: Site, l: usize, x: B::Tensor) -> Result<B::Tensor> {
        let b = self.backend;
        let all: Vec<u32>;
        let carried = match &stage.carried {
            None if stage.entering.is_empty() => return Ok(x),
            None => {
                all = (0..).take(b.shape(&x)[0]).collect();
                &all
            }
            Some(rows) => rows,
        };
        match stage.entering.as_slice() {
            [] => b.gather(&x, carried),
            slots => b.join(&x, carried, &self.store.get(b, site, l)?, slots),
        }
    }

    /// Those rows of `x`; itself where they are all of them.
    pub fn some_rows(&self, x: &B::Tensor, rows: &[u32]) -> Result<B::Tensor> {
        let all = rows.len() == self.backend.shape(x)[0] && (0..).zip(rows).all(|(i, r)| i == *r);
        if all {
            return Ok(x.clone());
        }
        self.backend.gather(x, rows)
    }
}
