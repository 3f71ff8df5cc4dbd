//! Prompts read along a direction: its own, whose means give its scale, and others.

use crate::backend::Backend;
use crate::experiment::{Means, Prompt, Site, Source};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::projection;

/// A prompt's tokens and its activations at each, at one site and layer.
pub(crate) struct Seen {
    pub ids: Vec<u32>,
    pub rows: Vec<Vec<f32>>,
}

impl Seen {
    /// The projection of the last token.
    pub fn score(&self, v: &[f32]) -> f32 {
        self.rows.last().map_or(0.0, |x| projection(x, v))
    }
}

/// Activations of prompts at every token.
pub(crate) async fn see<B: Backend>(
    lab: &mut Lab<B>,
    prompts: &[String],
    (site, layer): (Site, usize),
    task: Task<'_, impl Host>,
) -> Result<Vec<Seen>, SessionError> {
    let mut ids = Vec::new();
    for text in prompts {
        task.host.breathe().await?;
        ids.push(lab.prompt(&Prompt::Text(text.clone()), task)?);
    }
    let places = |len: usize| (0..len).map(|p| (site, layer, p)).collect();
    let rows = lab.activations(&ids, &places, task).await?;
    let seen = ids.into_iter().zip(rows);
    Ok(seen.map(|(ids, rows)| Seen { ids, rows }).collect())
}

/// Mean projections on `v` of the last tokens of the prompts that a
/// direction lies between; `None` where it lies between none.
pub(crate) async fn training_means<B: Backend>(
    lab: &mut Lab<B>,
    source: &Source,
    v: &[f32],
    place: (Site, usize),
    task: Task<'_, impl Host>,
) -> Result<Option<Means>, SessionError> {
    let [positive, negative] = match source {
        Source::Contrast {
            positive, negative, ..
        } => [positive.clone(), negative.clone()],
        Source::Pair { positive, negative } => [vec![positive.clone()], vec![negative.clone()]],
        _ => return Ok(None),
    };
    let mut means = [0.0; 2];
    for (mean, side) in means.iter_mut().zip([positive, negative]) {
        let seen = see(lab, &side, place, task).await?;
        let scores: Vec<f32> = seen.iter().map(|s| s.score(v)).collect();
        *mean = mean_of(&scores);
    }
    let [positive, negative] = means;
    Ok(Some(Means { positive, negative }))
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // f64 only carried the sum
fn mean_of(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|v| f64::from(*v)).sum();
    (sum / values.len().max(1) as f64) as f32
}
