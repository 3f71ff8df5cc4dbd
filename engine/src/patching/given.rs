//! What is done to the runs of a pair themselves, before anything is patched:
//! noise on their embeddings, and directions.

use super::setup::{Case, Setup};
use crate::backend::Backend;
use crate::directions::{Act, edits};
use crate::experiment::{RunName, Site};
use crate::host::{Host, SessionError};
use crate::numbers::noise_at;
use crate::rows::{Edit, Op, Source};
use crate::session::Session;

impl<B: Backend> Session<B> {
    /// The edits that make a run of a pair what it is.
    pub(crate) async fn given(
        &mut self,
        setup: &Setup,
        case: &Case,
        name: RunName,
        host: &impl Host,
    ) -> Result<Vec<Edit>, SessionError> {
        let mut all = self.noise(case, name).await?;
        let tokens = match name {
            RunName::Clean => &case.clean,
            RunName::Corrupted => &case.corrupted,
        };
        let acts = self.given_acts(setup, tokens, name, host).await?;
        all.extend(edits(&acts, tokens.len()));
        Ok(all)
    }

    /// The directions that act on a run of these tokens, and on what follows it.
    pub(crate) async fn given_acts(
        &mut self,
        setup: &Setup,
        tokens: &[u32],
        name: RunName,
        host: &impl Host,
    ) -> Result<Vec<Act>, SessionError> {
        match &setup.push {
            Some(push) if push.on.acts_on(name) => self.pushed(push, tokens, host).await,
            _ => Ok(Vec::new()),
        }
    }

    /// The noise on the embeddings of a run, if there is any.
    async fn noise(&mut self, case: &Case, name: RunName) -> Result<Vec<Edit>, SessionError> {
        let (Some(noise), RunName::Corrupted) = (&case.noise, name) else {
            return Ok(Vec::new());
        };
        let deviation = match self.embedding_deviation {
            Some(known) => known,
            None => self.model.embedding_deviation(&self.backend).await?,
        };
        self.embedding_deviation = Some(deviation);
        let n = self.model.config.shape.n_embd;
        let edit = |position: &usize| {
            let draw = noise_at(noise.seed, noise.draw, *position, n);
            let vector: Vec<f32> = draw.iter().map(|x| x * noise.sigma * deviation).collect();
            Edit {
                site: Site::Embed,
                layer: 0,
                head: None,
                part: None,
                position: *position,
                op: Op::Add(Source::Vector(vector.into()), 1.0),
            }
        };
        Ok(noise.positions.iter().map(edit).collect())
    }
}
