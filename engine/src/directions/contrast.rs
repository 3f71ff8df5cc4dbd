//! Directions between two sets of prompts.

use super::problem::{DirectionProblem, Origin};
use super::sides::{MOST_PROMPTS, check_sides};
use super::{Resolved, Vectors, accuracy, one};
use crate::backend::Backend;
use crate::experiment::{Method, ProbeReport, Site};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::{Contrast, contrast, shuffle};

/// Prompts of one side at most for a probe: one more takes too long to be stopped.
const MOST_FITTED: usize = 256;

/// Prompts beyond which probes are fitted only where a probe was asked for:
/// their cost grows with the cube.
const PROBED: usize = 64;

/// One vector a layer, read at each prompt's last token.
pub(crate) async fn find<B: Backend>(
    lab: &mut Lab<B>,
    site: Site,
    sides: [&[String]; 2],
    method: Method,
    task: Task<'_, impl Host>,
) -> Result<Resolved, SessionError> {
    let most = match method {
        Method::Logistic => MOST_FITTED,
        _ => MOST_PROMPTS,
    };
    check_sides(task.field, sides, most)?;
    let (positive, negative) = (sides[0].len(), sides[1].len());
    let paired = matches!(method, Method::PcaDiff | Method::PcaCenter);
    if paired && positive != negative {
        return Err(task.wrong(DirectionProblem::UnevenSides { positive, negative }));
    }
    if paired && positive < 2 {
        return Err(task.wrong(DirectionProblem::OnePair));
    }
    let rows = lab.last_rows(site, sides, task).await?;
    let n_layer = lab.info.n_layer;
    let probed = method == Method::Logistic || rows.len() <= PROBED;
    let order = shuffle(1, rows.len());
    let (mut layers, mut explained, mut probes) = (Vec::new(), Vec::new(), Vec::new());
    for l in 0..n_layer {
        let row = |i: &usize| rows[*i][l].clone();
        let all: Vec<Vec<f32>> = (0..rows.len()).map(|i| row(&i)).collect();
        let mixed: Vec<Vec<f32>> = order.iter().map(row).collect();
        let [of, control] = [&all, &mixed].map(|rows| Contrast {
            positive: &rows[..positive],
            negative: &rows[positive..],
        });
        let direction = contrast(of, method);
        explained.push(direction.explained);
        layers.push(Some(one(direction.vector)));
        task.host.breathe().await?;
        if probed
            && let Some(found) = accuracy(of, task).await?
            && let Some(shuffled) = accuracy(control, task).await?
        {
            probes.push(ProbeReport {
                site,
                layer: l,
                head: None,
                accuracy: found,
                shuffled,
            });
        }
        task.host.breathe().await?;
    }
    let origin = Origin::Contrast {
        method,
        positive,
        negative,
    };
    Ok(Resolved {
        explained,
        probes,
        ..Resolved::new(Vectors::Layers(layers), &origin)
    })
}
