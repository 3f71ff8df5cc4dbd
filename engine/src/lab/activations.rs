//! Activations of prompts, many at once.

use crate::backend::Backend;
use crate::experiment::{Prompt, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::model::Wanted;
use crate::rows::Run;

/// Prompts run at once.
const AT_ONCE: usize = 16;

impl<B: Backend> Lab<B> {
    /// A site at every layer, at each prompt's last token: `[prompt][layer]`,
    /// the positive side first.
    pub async fn last_rows(
        &mut self,
        site: Site,
        sides: [&[String]; 2],
        task: Task<'_, impl Host>,
    ) -> Result<Vec<Vec<Vec<f32>>>, SessionError> {
        let mut ids = Vec::new();
        for text in sides.iter().copied().flatten() {
            task.host.breathe().await?;
            ids.push(self.prompt(&Prompt::Text(text.clone()), task)?);
        }
        let n_layer = self.info.n_layer;
        let places = |len: usize| (0..n_layer).map(|l| (site, l, len - 1)).collect();
        self.activations(&ids, &places, task).await
    }

    /// Activations of whole prompts at the places that `places` names for a
    /// prompt of some length.
    pub async fn activations(
        &mut self,
        prompts: &[Vec<u32>],
        places: &dyn Fn(usize) -> Vec<(Site, usize, usize)>,
        task: Task<'_, impl Host>,
    ) -> Result<Vec<Vec<Vec<f32>>>, SessionError> {
        let mut all = Vec::new();
        for some in prompts.chunks(AT_ONCE) {
            let runs: Vec<Run> = some
                .iter()
                .map(|ids| Run {
                    captures: places(ids.len()),
                    ..Run::of(ids.as_slice().into())
                })
                .collect();
            let (_, captured) = self
                .compute(&runs, &Wanted::default(), &Beats::quiet(task.host))
                .await?;
            all.extend(
                captured
                    .into_iter()
                    .map(|rows| rows.into_iter().flatten().collect::<Vec<_>>()),
            );
        }
        Ok(all)
    }
}
