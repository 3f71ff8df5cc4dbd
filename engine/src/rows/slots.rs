use super::Edit;
use crate::experiment::Site;
use std::cell::RefCell;
use std::rc::Rc;

/// Set in a [`SlotTable`] entry that names a row of the present batch; clear in
/// one that names a slot of a kept run.
pub const OWN_ROW: u32 = 1 << 31;

/// Hands out slots: the row numbers under which kept activations are stored,
/// the same number at every kept site and layer.
#[derive(Clone, Debug, Default)]
pub struct SlotPool(Rc<RefCell<Free>>);

#[derive(Debug, Default)]
struct Free {
    /// Slots given back, to be used again.
    free: Vec<u32>,
    /// Slots ever handed out: the capacity that the storage must have.
    high: u32,
}

impl SlotPool {
    /// How many rows the storage must have.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.borrow().high as usize
    }

    /// Slots in use now.
    #[must_use]
    pub fn in_use(&self) -> usize {
        let pool = self.0.borrow();
        pool.high as usize - pool.free.len()
    }

    fn take(&self, n: usize) -> Lease {
        let mut pool = self.0.borrow_mut();
        let mut slots = Vec::with_capacity(n);
        while slots.len() < n {
            let slot = pool.free.pop().unwrap_or_else(|| {
                pool.high += 1;
                pool.high - 1
            });
            slots.push(slot);
        }
        // Ascending, so that a run's rows are stored in one stretch where they can be.
        slots.sort_unstable();
        Lease {
            pool: self.clone(),
            slots,
        }
    }
}

/// Slots that go back to the pool when dropped.
#[derive(Debug)]
struct Lease {
    pool: SlotPool,
    slots: Vec<u32>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut pool = self.pool.0.borrow_mut();
        pool.free.append(&mut self.slots);
        // Largest first, so that `pop` hands out the smallest.
        pool.free.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// What is kept of a run's activations, on the device that made them.
///
/// It is made before the run (its slots are where the run will write) and holds
/// numbers once a forward pass with this trace as `keep` has ended.
#[derive(Debug)]
pub struct Trace {
    /// Token ids of all its positions.
    pub tokens: Rc<[u32]>,
    /// Slot of each position: the parent's before `from`, its own from there on.
    pub slots: Vec<u32>,
    /// First position that this run computed itself.
    pub from: usize,
    /// The edits that made it, those of the runs it descends from first.
    pub edits: Rc<[Edit]>,
    kept: Vec<Site>,
    _lease: Lease,
    _parent: Option<Rc<Trace>>,
}

impl Trace {
    /// Reserves the slots for a run of `tokens` that keeps `sites` at every
    /// layer. Positions before `from` stay the parent's.
    pub(super) fn reserve(
        pool: &SlotPool,
        tokens: Rc<[u32]>,
        sites: &[Site],
        parent: Option<&Rc<Self>>,
        from: usize,
        edits: &[Edit],
    ) -> Rc<Self> {
        let lease = pool.take(tokens.len() - from);
        let mut slots = parent.map_or_else(Vec::new, |p| p.slots[..from].to_vec());
        slots.extend(&lease.slots);
        let inherited = parent.map_or(&[][..], |p| &p.edits);
        Rc::new(Self {
            tokens,
            slots,
            from,
            edits: inherited.iter().chain(edits).cloned().collect(),
            kept: sites.to_vec(),
            _lease: lease,
            _parent: parent.cloned(),
        })
    }

    /// Whether this run or any it descends from was edited.
    #[must_use]
    pub fn edited(&self) -> bool {
        !self.edits.is_empty()
    }

    /// Whether the site was kept.
    #[must_use]
    pub fn keeps(&self, site: Site) -> bool {
        self.kept.contains(&site)
    }

    /// The sites that are kept, at every layer.
    #[must_use]
    pub fn kept(&self) -> &[Site] {
        &self.kept
    }
}

/// Which keys and values each attending row sees.
///
/// Row `r` belongs to run `run[r]` and sees that run's positions
/// `0 .. len[r]`; position `j` of run `u` is at `slots[u * width + j]`, a slot
/// of a kept run, or with [`OWN_ROW`] set a row of the present batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotTable {
    /// `[rows]`: the number of each row's run in this table, from 0.
    pub run: Vec<u32>,
    /// `[rows]`: how many positions each sees, its own included.
    pub len: Vec<u32>,
    /// `[runs, width]`, row-major; what stands after a run's last seen position is not
    /// read.
    pub slots: Vec<u32>,
    /// Positions per run in `slots`: the longest run's.
    pub width: usize,
}
