//! What is done to the runs of a pair themselves, before anything is patched:
//! noise on their embeddings, and directions.

use super::setup::{Case, Setup};
use crate::backend::Backend;
use crate::directions::{Act, whole};
use crate::experiment::{RunName, Site};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::noise_at;
use crate::rows::{Edit, Op, Source};

/// The edits that make a run of a pair what it is.
pub(crate) async fn edits<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    case: &Case,
    name: RunName,
    task: Task<'_, impl Host>,
) -> Result<Vec<Edit>, SessionError> {
    let mut all = noise(lab, case, name).await?;
    let tokens = match name {
        RunName::Clean => &case.clean,
        RunName::Corrupted => &case.corrupted,
    };
    let acts = acts(lab, setup, tokens, name, task).await?;
    all.extend(whole(&acts, tokens.len()));
    Ok(all)
}

/// The directions that act on a run of these tokens, and on what follows it.
pub(crate) async fn acts<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    tokens: &[u32],
    name: RunName,
    task: Task<'_, impl Host>,
) -> Result<Vec<Act>, SessionError> {
    match &setup.push {
        Some(push) if push.on.acts_on(name) => push.acts(lab, tokens, task).await,
        _ => Ok(Vec::new()),
    }
}

/// The noise on the embeddings of a run, if there is any.
async fn noise<B: Backend>(
    lab: &mut Lab<B>,
    case: &Case,
    name: RunName,
) -> Result<Vec<Edit>, SessionError> {
    let (Some(noise), RunName::Corrupted) = (&case.noise, name) else {
        return Ok(Vec::new());
    };
    let deviation = lab.embedding_deviation().await?;
    let n = lab.model.config.shape.n_embd;
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
