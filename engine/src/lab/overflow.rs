//! Runs whose numbers stop being finite, traced to the first place in the model
//! where that came about.

use crate::backend::Backend;
use crate::experiment::{Field, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::model::{Logits, Wanted};
use crate::rows::Run;

/// Why an experiment has no results: its numbers stopped being finite.
pub(crate) struct Overflow<'a> {
    /// The field that is to be changed.
    pub field: Field,
    /// Whose run it was, as in “the clean run”.
    pub whose: &'a str,
}

/// A patched run.
pub(crate) const CELL: Overflow<'static> = Overflow {
    field: Field::Sweep,
    whose: "a patched run",
};

impl<B: Backend> Lab<B> {
    /// Traces a run whose logits are not finite to the site where that began.
    pub(crate) async fn overflow(
        &mut self,
        of: Overflow<'_>,
        run: &Run,
        task: Task<'_, impl Host>,
    ) -> SessionError {
        match self.first_not_finite(run, task).await {
            Err(error) => error,
            Ok((site, layer, position)) => {
                let place = site.hook(site.per_layer().then_some(layer));
                let edited = !run.edits.is_empty() || run.parent.is_some();
                SessionError::of(
                    of.field,
                    format!(
                        "The numbers of {} stop being finite at {place}, position {position}{}, so there is nothing to show after it. {}",
                        of.whose,
                        made_with(site, layer),
                        match edited {
                            true =>
                                "What is done to this run is too strong for 32-bit arithmetic; make it weaker.",
                            false =>
                                "The model's weights are too large for 32-bit arithmetic, or damaged; take another model.",
                        }
                    ),
                )
            }
        }
    }

    /// The first site of a run, in the order of the forward pass, with a number
    /// that is not finite, and the first position there. Layer by layer, so that
    /// a long prompt's activations are not all held at once.
    async fn first_not_finite(
        &mut self,
        run: &Run,
        task: Task<'_, impl Host>,
    ) -> Result<(Site, usize, usize), SessionError> {
        let n_layer = self.info.n_layer;
        let inside = |site: &Site| site.per_layer();
        let (layered, rest): (Vec<Site>, Vec<Site>) = Site::ALL.into_iter().partition(inside);
        let (before, after): (Vec<Site>, Vec<Site>) =
            rest.into_iter().partition(|s| s.before_layers());
        let mut stages = vec![(0, before)];
        stages.extend((0..n_layer).map(|layer| (layer, layered.clone())));
        stages.push((0, after));
        for (layer, sites) in stages {
            for site in sites {
                let places: Vec<_> = (0..run.tokens.len()).map(|p| (site, layer, p)).collect();
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
                if let Some(position) = rows.iter().position(bad) {
                    return Ok((site, layer, position));
                }
            }
        }
        Ok((Site::Logits, 0, run.tokens.len().saturating_sub(1)))
    }
}

/// The tensor whose product a site is, as the checkpoint names it.
fn made_with(site: Site, layer: usize) -> String {
    let tensor = match site {
        Site::Embed | Site::Logits => return " (made with wte)".into(),
        Site::PosEmbed => return " (made with wpe)".into(),
        Site::LnFinal => return " (made with ln_f)".into(),
        Site::Q | Site::K | Site::V | Site::Pattern | Site::Z => "attn.c_attn",
        Site::AttnOut | Site::ResidMid => "attn.c_proj",
        Site::MlpPre | Site::MlpPost => "mlp.c_fc",
        Site::MlpOut | Site::ResidPost => "mlp.c_proj",
        Site::ResidPre => return String::new(),
    };
    format!(" (made with h.{layer}.{tensor})")
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
