//! What is told of each direction.

use crate::backend::Backend;
use crate::directions::{Activations, Resolved, length};
use crate::experiment::{Direction, DirectionReport, Steer, TokenScore};
use crate::host::SessionError;
use crate::lab::Lab;
use crate::lab::TOP;
use crate::numbers::{cosine, norm, normals, projection, top};
use std::rc::Rc;

/// Random directions that what a direction raises is compared with.
const RANDOM: u64 = 8;

/// What is told of each direction.
pub(crate) async fn of<B: Backend>(
    lab: &Lab<B>,
    steer: &Steer,
    resolved: &[Rc<Resolved>],
    activations: &Activations,
) -> Result<Vec<DirectionReport>, SessionError> {
    // The first layer where it does anything.
    let layer = |i: usize| {
        let direction = &steer.directions[i];
        let there = |l: &&usize| {
            let rows = resolved[i].at(direction.from.unwrap_or(**l));
            rows.is_some_and(|r| length(&r) > 0.0)
        };
        let first = direction.layers.iter().find(there);
        *first.or(direction.layers.first()).unwrap_or(&0)
    };
    let mut vectors = Vec::new();
    for (i, direction) in steer.directions.iter().enumerate() {
        vectors.push(written_by(lab, direction, &resolved[i], layer(i)).await?);
    }
    let mut promoted = match vectors.is_empty() {
        true => Vec::new(),
        // Of one length, so that the LayerNorm's epsilon plays no part.
        false => {
            let random = (0..RANDOM).map(|seed| normals(seed, lab.info.n_embd));
            let all = vectors.iter().cloned().chain(random);
            let of_one_length: Vec<_> = all.map(|v| scaled(&v)).collect();
            lab.model.promoted(&lab.backend, &of_one_length).await?
        }
    };
    let random = promoted.split_off(vectors.len().min(promoted.len()));
    // The middle one: a random direction may lie along what all tokens share.
    let most = |raised: &Vec<f32>| raised.iter().copied().fold(0.0, f32::max);
    let mut most: Vec<f32> = random.iter().map(most).collect();
    most.sort_by(f32::total_cmp);
    let chance = most.get(most.len() / 2).copied().unwrap_or(0.0);
    let mut reports = Vec::new();
    for (i, direction) in steer.directions.iter().enumerate() {
        let v = &vectors[i];
        let at = direction.from.unwrap_or(layer(i));
        let lowest: Vec<f32> = promoted[i].iter().map(|x| -x).collect();
        // Zeros raise nothing and lower nothing.
        let scored = if norm(v) > 0.0 { TOP } else { 0 };
        let scores = |best: Vec<(u32, f32)>, sign: f32| {
            let score = |(id, score)| TokenScore {
                token: lab.tokenizer.token(id),
                score: sign * score,
            };
            best.into_iter().map(score).collect()
        };
        let project = |l: usize| {
            let rows = resolved[i].at(direction.from.unwrap_or(l));
            let last = rows.and_then(|r| r.last().cloned());
            let along = |x: &Vec<f32>| last.as_ref().map_or(0.0, |v| projection(x, v));
            activations.at(direction.site, l).map(along).collect()
        };
        reports.push(DirectionReport {
            origin: resolved[i].origin.message.clone(),
            says: resolved[i].origin.says.clone(),
            layer: layer(i),
            norm: resolved[i].at(at).map_or(0.0, |rows| length(&rows)),
            mean_norms: (0..lab.info.n_layer)
                .map(|l| activations.mean_norm(direction.site, l))
                .collect(),
            cosines: vectors.iter().map(|other| cosine(v, other)).collect(),
            explained: resolved[i].explained_at(at),
            probes: resolved[i].probes.clone(),
            feature: resolved[i]
                .feature
                .as_ref()
                .map(|f| f.report(activations.at(f.site, f.layer))),
            promoted: scores(top(&promoted[i], scored), 1.0),
            promoted_by_chance: chance,
            suppressed: scores(top(&lowest, scored), -1.0),
            projections: (0..lab.info.n_layer).map(project).collect(),
        });
    }
    Ok(reports)
}

/// A direction in the residual stream: its last row at `layer`, or of z what
/// its heads write at all the layers where it acts.
async fn written_by<B: Backend>(
    lab: &Lab<B>,
    direction: &Direction,
    resolved: &Resolved,
    layer: usize,
) -> Result<Vec<f32>, SessionError> {
    let row = |l: usize| {
        let rows = resolved.at(direction.from.unwrap_or(l))?;
        rows.last().cloned()
    };
    let mut vector = vec![0.0; lab.info.n_embd];
    if !direction.site.per_head() {
        return Ok(row(layer).map_or(vector, |r| r.to_vec()));
    }
    for l in &direction.layers {
        if let Some(z) = row(*l) {
            let write = lab.model.heads_write(&lab.backend, *l, &z).await?;
            vector.iter_mut().zip(write).for_each(|(v, w)| *v += w);
        }
    }
    Ok(vector)
}

/// The vector at length `sqrt(n)`: elements of the size of 1.
#[allow(clippy::cast_precision_loss)] // a width
fn scaled(v: &[f32]) -> Vec<f32> {
    let length = norm(v);
    let scale = match length > 0.0 {
        true => (v.len() as f32).sqrt() / length,
        false => 0.0,
    };
    v.iter().map(|x| x * scale).collect()
}
