//! What sweeps bring that is of all pairs: means.

use super::brought::Numbers;
use super::captures::{everywhere, trimmed};
use super::copies::{Kept, distinct};
use super::given;
use super::setup::Setup;
use crate::backend::Backend;
use crate::experiment::{Bring, RunName, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::model::Wanted;
use crate::rows::Run;
use std::collections::HashMap;
use std::rc::Rc;

/// What sweeps copy that is not of one pair: means, by sweep.
pub(crate) type Means = Vec<Option<Rc<Numbers>>>;

/// The means that sweeps bring, over the corrupted runs of all cases.
pub(crate) async fn all<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    task: Task<'_, impl Host>,
) -> Result<Means, SessionError> {
    let mut means = Vec::new();
    for sweep in &setup.sweeps {
        means.push(match sweep.bring {
            Bring::Mean { over_positions } => {
                let sites = Kept::of(sweep);
                let pattern = sites.pattern.then_some(Site::Pattern);
                let sites = distinct(sites.sites.into_iter().chain(pattern).collect());
                let mean = mean(lab, setup, &sites, over_positions, task).await?;
                Some(Rc::new(mean))
            }
            _ => None,
        });
    }
    Ok(means)
}

async fn mean<B: Backend>(
    lab: &mut Lab<B>,
    setup: &Setup,
    sites: &[Site],
    over_positions: bool,
    task: Task<'_, impl Host>,
) -> Result<Numbers, SessionError> {
    let shape = lab.model.config.shape;
    let mut sums: HashMap<(Site, usize, usize), (Vec<f64>, f64)> = HashMap::new();
    for case in &setup.cases {
        let len = case.corrupted.len();
        let bos = lab.tokenizer.bos();
        let begins = bos.is_some() && bos == case.corrupted.first().copied();
        let all = sites.iter().flat_map(|site| everywhere(&shape, *site, len));
        let run = Run {
            edits: given::edits(lab, setup, case, RunName::Corrupted, task).await?,
            captures: all.collect(),
            ..Run::of(case.corrupted.clone())
        };
        let pulse = Beats::quiet(task.host);
        let (_, captured) = lab
            .compute(std::slice::from_ref(&run), &Wanted::default(), &pulse)
            .await?;
        for ((site, layer, position), row) in run.captures.iter().zip(&captured[0]) {
            let Some(row) = row else { continue };
            // GPT-2's first position is unlike all others.
            if over_positions && begins && *position == 0 && len > 1 {
                continue;
            }
            let at = if over_positions { 0 } else { *position };
            let row = if *site == Site::Pattern {
                trimmed(&shape, row, len)
            } else {
                row.clone()
            };
            let (sum, count) = sums
                .entry((*site, *layer, at))
                .or_insert_with(|| (vec![0.0; row.len()], 0.0));
            sum.iter_mut()
                .zip(&row)
                .for_each(|(s, x)| *s += f64::from(*x));
            *count += 1.0;
        }
    }
    #[allow(clippy::cast_possible_truncation)] // f64 only carried the sums
    let rows = sums.into_iter().map(|(key, (sum, count))| {
        let mean: Vec<f32> = sum.iter().map(|s| (s / count) as f32).collect();
        (key, mean.into())
    });
    Ok(Numbers {
        rows: rows.collect(),
        over_positions,
    })
}
