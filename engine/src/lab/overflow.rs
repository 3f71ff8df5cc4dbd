//! Runs whose numbers stop being finite, traced to the first place in the model
//! where that came about.

use super::problem::LabProblem;
pub(crate) use super::problem::Whose;
use crate::backend::Backend;
use crate::experiment::{Field, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::model::{Logits, Wanted};
use crate::rows::Run;

/// Why an experiment has no results: its numbers stopped being finite.
#[derive(Clone, Copy)]
pub(crate) struct Overflow {
    /// The field that is to be changed.
    pub field: Field,
    /// Whose run it was.
    pub whose: Whose,
}

/// A patched run.
pub(crate) const CELL: Overflow = Overflow {
    field: Field::Sweep,
    whose: Whose::Patched,
};

impl<B: Backend> Lab<B> {
    /// Traces a run whose logits are not finite to the site where that began.
    pub(crate) async fn overflow(
        &mut self,
        of: Overflow,
        run: &Run,
        task: Task<'_, impl Host>,
    ) -> SessionError {
        match self.first_not_finite(run, task).await {
            Err(error) => error,
            Ok((site, layer, position)) => {
                let problem = LabProblem::Overflow {
                    run: of.whose,
                    place: site.hook(site.per_layer().then_some(layer)),
                    position,
                    tensor: made_with(site, layer),
                    edited: !run.edits.is_empty() || run.parent.is_some(),
                };
                SessionError::of(of.field, problem)
            }
        }
    }

    /// The first site of a run, in the order of the forward pass, with a number
    /// that is not finite, and the first position there. First the layer, by what
    /// each leaves in the residual stream, and then the site in it, so that the run
    /// is not repeated for every site.
    async fn first_not_finite(
        &mut self,
        run: &Run,
        task: Task<'_, impl Host>,
    ) -> Result<(Site, usize, usize), SessionError> {
        let shape = self.model.config.shape;
        let len = run.tokens.len();
        let (layered, rest): (Vec<Site>, Vec<Site>) =
            Site::ALL.into_iter().partition(|site| site.per_layer());
        let (before, after): (Vec<Site>, Vec<Site>) =
            rest.into_iter().partition(|s| s.before_layers());
        // A long prompt's activations are not all held at once.
        let at_once = (MOST_HELD / (len * shape.n_embd).max(1)).max(1);
        let layers: Vec<_> = (0..shape.n_layer).map(|l| (Site::ResidPost, l)).collect();
        let mut stages: Vec<Vec<_>> = vec![before.into_iter().map(|s| (s, 0)).collect()];
        stages.extend(layers.chunks(at_once).map(<[_]>::to_vec));
        stages.extend(after.into_iter().map(|s| vec![(s, 0)]));
        for stage in stages {
            let Some(found) = self.first_of(run, &stage, len, task).await? else {
                continue;
            };
            let (site, layer, position) = found;
            if !site.per_layer() {
                return Ok(found);
            }
            // What is wrong at a position came about there or before it.
            let inside: Vec<_> = layered.iter().map(|s| (*s, layer)).collect();
            let first = self.first_of(run, &inside, position + 1, task).await?;
            return Ok(first.unwrap_or(found));
        }
        Ok((Site::Logits, 0, len.saturating_sub(1)))
    }

    /// The first of these places of a run with a number that is not finite, and the
    /// first of its first `len` positions there.
    async fn first_of(
        &mut self,
        run: &Run,
        places: &[(Site, usize)],
        len: usize,
        task: Task<'_, impl Host>,
    ) -> Result<Option<(Site, usize, usize)>, SessionError> {
        let of_place = |(site, layer): &(Site, usize)| {
            let (site, layer) = (*site, *layer);
            (0..len).map(move |position| (site, layer, position))
        };
        let places: Vec<_> = places.iter().flat_map(of_place).collect();
        let again = Run {
            captures: places.clone(),
            reads: Vec::new(),
            keep: None,
            ..run.clone()
        };
        let pulse = Beats::quiet(task.host);
        let (_, mut captured) = self.compute(&[again], &Wanted::default(), &pulse).await?;
        let rows = captured.pop().unwrap_or_default();
        let bad = |row: &Option<Vec<f32>>| row.iter().flatten().any(|x| !x.is_finite());
        Ok(rows.iter().position(bad).map(|at| places[at]))
    }
}

/// Numbers of layers' activations that are looked at in one pass.
const MOST_HELD: usize = 1 << 24;

/// The tensor whose product a site is, as the checkpoint names it.
fn made_with(site: Site, layer: usize) -> Option<String> {
    let tensor = match site {
        Site::Embed | Site::Logits => return Some("wte".into()),
        Site::PosEmbed => return Some("wpe".into()),
        Site::LnFinal => return Some("ln_f".into()),
        Site::Q | Site::K | Site::V | Site::Pattern | Site::Z => "attn.c_attn",
        Site::AttnOut | Site::ResidMid => "attn.c_proj",
        Site::MlpPre | Site::MlpPost => "mlp.c_fc",
        Site::MlpOut | Site::ResidPost => "mlp.c_proj",
        Site::ResidPre => return None,
    };
    Some(format!("h.{layer}.{tensor}"))
}

/// Whether all that was read of a run's logits are numbers. A sum that was not
/// asked for is 0.
pub(crate) fn sound(logits: &Logits) -> bool {
    logits.log_sum_exp.is_finite()
        && numbers(&logits.tokens)
        && numbers(&logits.all)
        && logits.top.iter().all(|(_, logit)| logit.is_finite())
}

/// Whether all of them are.
pub(crate) fn numbers(all: &[f32]) -> bool {
    all.iter().all(|x| x.is_finite())
}
