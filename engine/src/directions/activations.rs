//! What prompts are read for directions.

use crate::backend::Backend;
use crate::experiment::{Field, Prompt, Site};
use crate::host::{Beats, Host, SessionError};
use crate::model::Wanted;
use crate::rows::Run;
use crate::session::Session;

/// Prompts of one side at most: their activations are all held at once.
pub(crate) const MOST_PROMPTS: usize = 512;

/// Prompts run at once.
const AT_ONCE: usize = 16;

/// Whether there are prompts on both sides, and not too many.
pub(crate) fn check_sides(
    field: Field,
    sides: [&[String]; 2],
    most: usize,
) -> Result<(), SessionError> {
    for (side, name) in sides.iter().zip(["positive", "negative"]) {
        let found = side.len();
        if found == 0 {
            return Err(SessionError::of(
                field,
                format!(
                    "There are no {name} prompts; a direction lies between two sets, so write at least one a side."
                ),
            ));
        }
        if found > most {
            return Err(SessionError::of(
                field,
                format!(
                    "There are {found} {name} prompts, but at most {most} are read; take fewer."
                ),
            ));
        }
    }
    Ok(())
}

impl<B: Backend> Session<B> {
    /// A site at every layer, at each prompt's last token: `[prompt][layer]`,
    /// the positive side first.
    pub(crate) async fn last_rows(
        &mut self,
        field: Field,
        site: Site,
        sides: [&[String]; 2],
        bos: bool,
        host: &impl Host,
    ) -> Result<Vec<Vec<Vec<f32>>>, SessionError> {
        let mut ids = Vec::new();
        for text in sides.iter().copied().flatten() {
            host.breathe().await?;
            ids.push(self.prompt(field, &Prompt::Text(text.clone()), bos)?);
        }
        let n_layer = self.info.n_layer;
        let places = |len: usize| (0..n_layer).map(|l| (site, l, len - 1)).collect();
        self.activations(&ids, &places, host).await
    }

    /// Activations of whole prompts at the places that `places` names for a
    /// prompt of some length.
    pub(crate) async fn activations(
        &mut self,
        prompts: &[Vec<u32>],
        places: &dyn Fn(usize) -> Vec<(Site, usize, usize)>,
        host: &impl Host,
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
            let quiet = |_| None;
            let (_, captured) = self
                .compute(&runs, &Wanted::default(), &Beats::new(host, &quiet))
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
