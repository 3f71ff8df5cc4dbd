//! Inference-time intervention (Li et al., 2023): a probe on each head's
//! output, and a shift of the heads that tell the two sides apart best.

use super::problem::{DirectionProblem, Origin};
use super::sides::check_sides;
use super::{Resolved, Vectors, accuracy, one};
use crate::backend::Backend;
use crate::experiment::{Field, Method, ProbeReport, Site};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::{Contrast, contrast, deviation, norm, shuffle};

/// Prompts of one side at most: every head is probed twice in every fold, and
/// a probe's cost grows with the cube.
const MOST_PROBED: usize = 64;

/// For each of the `top` heads by held-out accuracy, `sigma theta`: the unit
/// direction between the sides in its `z` at each prompt's last token, and the
/// standard deviation along it over all prompts. A layer's row has zeros
/// at its other heads; layers without a chosen head have no row.
///
/// Among heads of equal accuracy the earlier one is taken.
pub(crate) async fn find<B: Backend>(
    lab: &mut Lab<B>,
    sides: [&[String]; 2],
    top: usize,
    method: Method,
    task: Task<'_, impl Host>,
) -> Result<Resolved, SessionError> {
    let shape = lab.model.config.shape;
    let (heads, d) = (shape.n_layer * shape.n_head, shape.d_head());
    check_sides(task.field, sides, MOST_PROBED)?;
    check(task.field, sides, top, method, heads)?;
    let rows = lab.last_rows(Site::Z, sides, task).await?;
    let positive = sides[0].len();
    let order = shuffle(1, rows.len());
    let of_head = |prompt: usize, i: usize| -> Vec<f32> {
        let (layer, head) = (i / shape.n_head, i % shape.n_head);
        rows[prompt][layer][head * d..(head + 1) * d].to_vec()
    };
    let (mut own, mut luck) = (Vec::new(), Vec::new());
    for i in 0..heads {
        let rows: Vec<Vec<f32>> = (0..rows.len()).map(|p| of_head(p, i)).collect();
        let mixed: Vec<Vec<f32>> = order.iter().map(|p| rows[*p].clone()).collect();
        for (rows, all) in [(&rows, &mut own), (&mixed, &mut luck)] {
            let of = Contrast {
                positive: &rows[..positive],
                negative: &rows[positive..],
            };
            all.push(accuracy(of, task).await?.unwrap_or(0.0));
        }
    }
    let mut layers: Vec<Option<Vec<f32>>> = vec![None; shape.n_layer];
    let mut probes = Vec::new();
    let best = [own, luck].map(|all| crate::numbers::top(&all, top));
    for ((i, accuracy), (_, shuffled)) in best[0].iter().zip(&best[1]) {
        let (i, accuracy, shuffled) = (*i as usize, *accuracy, *shuffled);
        let (layer, head) = (i / shape.n_head, i % shape.n_head);
        let rows: Vec<Vec<f32>> = (0..rows.len()).map(|p| of_head(p, i)).collect();
        let of = Contrast {
            positive: &rows[..positive],
            negative: &rows[positive..],
        };
        let theta = contrast(of, method).vector;
        let sigma = deviation(&rows, &theta);
        let length = norm(&theta);
        let scale = if length > 0.0 { sigma / length } else { 0.0 };
        let row = layers[layer].get_or_insert_with(|| vec![0.0; shape.n_embd]);
        for (to, x) in row[head * d..].iter_mut().zip(theta) {
            *to = scale * x;
        }
        probes.push(ProbeReport {
            site: Site::Z,
            layer,
            head: Some(head),
            accuracy,
            shuffled,
        });
    }
    let origin = Origin::Heads {
        top,
        positive,
        negative: sides[1].len(),
        method,
    };
    let layers = layers.into_iter().map(|row| row.map(one)).collect();
    Ok(Resolved {
        probes,
        chosen: true,
        ..Resolved::new(Vectors::Layers(layers), &origin)
    })
}

fn check(
    field: Field,
    sides: [&[String]; 2],
    top: usize,
    method: Method,
    heads: usize,
) -> Result<(), SessionError> {
    let wrong = |problem: DirectionProblem| Err(SessionError::of(field, problem));
    if sides.iter().any(|side| side.len() < 2) {
        return wrong(DirectionProblem::FewPrompts);
    }
    if !matches!(method, Method::Logistic | Method::MeanDifference) {
        return wrong(DirectionProblem::HeadsMethod);
    }
    if !(1..=heads).contains(&top) {
        return wrong(DirectionProblem::Heads { top, heads });
    }
    Ok(())
}
