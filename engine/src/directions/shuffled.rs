//! A direction found with its labels shuffled: what the prompts give by luck.

use super::{Memory, Resolved, resolve};
use crate::backend::Backend;
use crate::experiment::{Direction, Source};
use crate::host::{Host, SessionError, Task};
use crate::lab::Lab;
use crate::numbers::shuffle;
use std::rc::Rc;

/// The direction that the same method finds between the same prompts with
/// their labels shuffled; `None` where there are none.
pub(crate) async fn shuffled<B: Backend>(
    lab: &mut Lab<B>,
    known: &mut Memory,
    seed: u64,
    i: usize,
    direction: &Direction,
    task: Task<'_, impl Host>,
) -> Result<Option<Rc<Resolved>>, SessionError> {
    let Source::Contrast {
        positive,
        negative,
        method,
    } = &direction.source
    else {
        return Ok(None);
    };
    let all: Vec<&String> = positive.iter().chain(negative).collect();
    let order = shuffle(seed, all.len());
    let mut mixed = order.into_iter().map(|i| all[i].clone());
    let source = Source::Contrast {
        positive: mixed.by_ref().take(positive.len()).collect(),
        negative: mixed.collect(),
        method: *method,
    };
    let direction = Direction {
        source,
        ..direction.clone()
    };
    resolve(lab, known, i, &direction, task).await.map(Some)
}
