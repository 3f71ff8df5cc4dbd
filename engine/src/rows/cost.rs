//! How much arithmetic a plan takes.

use super::plan::{LayerPlan, check};
use super::reach::reach;
use super::{PlanError, Run, Shape};

/// Arithmetic planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Rows that pass an MLP, summed over layers.
    pub layer_rows: u64,
    /// Multiplications in the layers.
    pub multiplications: u64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.layer_rows += other.layer_rows;
        self.multiplications += other.multiplications;
    }
}

impl Cost {
    /// What computing `run` costs, without laying it out.
    ///
    /// # Errors
    /// [`PlanError`] when the run does not fit the model or its parent.
    pub fn of(shape: &Shape, run: &Run) -> Result<Self, PlanError> {
        check(shape, run)?;
        let mut cost = Self::default();
        for layer in reach(shape, run)? {
            let attending = || layer.carry_attend.iter().chain(&layer.enter_attend);
            let keys = attending().map(|p| *p as u64 + 1).sum();
            let rows = attending().count();
            cost += Self::layer(
                shape,
                layer.pre.len(),
                rows,
                keys,
                rows + layer.enter_mid.len(),
            );
        }
        Ok(cost)
    }

    /// One layer: `pre` rows get queries, keys and values, `attend` rows see
    /// `keys` keys in all, `mid` rows pass the MLP.
    fn layer(shape: &Shape, pre: usize, attend: usize, keys: u64, mid: usize) -> Self {
        let d = shape.n_embd as u64;
        Self {
            layer_rows: mid as u64,
            multiplications: pre as u64 * 3 * d * d
                + attend as u64 * d * d
                + keys * 2 * d
                + mid as u64 * 2 * d * shape.n_inner as u64,
        }
    }

    /// What one full pass over `len` tokens costs.
    #[must_use]
    pub fn full_pass(shape: &Shape, len: usize) -> Self {
        let (d, t) = (shape.n_embd as u64, len as u64);
        let linear = t * (4 * d * d + 2 * d * shape.n_inner as u64);
        Self {
            layer_rows: t * shape.n_layer as u64,
            multiplications: (linear + t * (t + 1) * d) * shape.n_layer as u64,
        }
    }
}

pub(super) fn cost(shape: &Shape, layer: &LayerPlan) -> Cost {
    let keys = layer.table.len.iter().map(|n| u64::from(*n)).sum();
    let [pre, attend, mid] = [&layer.pre, &layer.attend, &layer.mid].map(|s| s.rows.len());
    Cost::layer(shape, pre, attend, keys, mid)
}
