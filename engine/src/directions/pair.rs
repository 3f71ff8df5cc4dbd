//! Activation addition: two prompts, position by position.

use super::problem::{DirectionProblem, Origin};
use super::{Resolved, Rows, Vectors};
use crate::backend::Backend;
use crate::experiment::{Prompt, Site};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use std::rc::Rc;

/// Activation addition: the rows of two prompts, padded with spaces to one
/// length, one less the other.
pub(crate) async fn find<B: Backend>(
    lab: &mut Lab<B>,
    site: Site,
    texts: [&str; 2],
    task: Task<'_, impl Host>,
) -> Result<Resolved, SessionError> {
    let mut ids = Vec::new();
    for text in texts {
        ids.push(lab.prompt(&Prompt::Text(text.into()), task)?);
    }
    let longest = ids.iter().map(Vec::len).max().unwrap_or(0);
    if ids.iter().any(|i| i.len() < longest) {
        let space = lab.tokenizer.encode(" ", false)?;
        let &[space] = space.as_slice() else {
            return Err(task.wrong(DirectionProblem::NoSpace));
        };
        ids.iter_mut().for_each(|i| i.resize(longest, space));
    }
    let n_layer = lab.info.n_layer;
    let places = |_: usize| {
        (0..n_layer)
            .flat_map(move |l| (0..longest).map(move |p| (site, l, p)))
            .collect()
    };
    let rows = lab.activations(&ids, &places, task).await?;
    let layer = |l: usize| -> Rows {
        let row = |p: usize| -> Rc<[f32]> {
            let at = l * longest + p;
            let pairs = rows[0][at].iter().zip(&rows[1][at]);
            pairs.map(|(a, b)| a - b).collect()
        };
        (0..longest).map(row).collect()
    };
    let origin = Origin::Pair {
        positive: texts[0].into(),
        negative: texts[1].into(),
    };
    let layers = (0..n_layer).map(|l| Some(layer(l))).collect();
    Ok(Resolved::new(Vectors::Layers(layers), &origin))
}
